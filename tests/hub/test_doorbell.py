"""The doorbell rings after the commit, once, with the project and how far its log reaches."""

import threading
import time

import pytest
from django.db import transaction

from hub import fanout
from hub.errors import Conflict
from hub.fanout import Ring
from hub.models.projects import project_lock
from tests.cast import act, log_end
from tests.threads import together

pytestmark = pytest.mark.services

SOON_S = 5.0
QUIET_S = 0.3


class Ears:
    """What a listening thread has heard so far."""

    def __init__(self) -> None:
        self.rings: list[Ring] = []
        self.stop = threading.Event()
        self.thread = threading.Thread(
            target=fanout.listen, args=(self.rings.append, self.stop), daemon=True
        )

    def heard(self, ring: Ring) -> bool:
        deadline = time.monotonic() + SOON_S
        while time.monotonic() < deadline:
            if ring in self.rings:
                return True
            time.sleep(0.01)
        return False

    def forget(self) -> None:
        time.sleep(QUIET_S)
        self.rings.clear()


@pytest.fixture
def ears(ada):
    ears = Ears()
    ears.thread.start()
    deadline = time.monotonic() + SOON_S
    while not ears.rings and time.monotonic() < deadline:
        fanout.wake(0, 1, "test")
        time.sleep(0.02)
    assert ears.rings
    ears.forget()
    yield ears
    ears.stop.set()
    ears.thread.join(SOON_S)


def test_a_write_rings_once_with_the_end_of_the_log(ada, ears):
    act(ada, "task.open", title="Land")
    end = log_end(ada)

    assert ears.heard(Ring(ada.project_id, end))
    act(ada, "task.claim", task=1)
    assert ears.heard(Ring(ada.project_id, end + 2))
    assert [ring.seq for ring in ears.rings] == [end, end + 2]


def test_nothing_rings_before_the_commit(ada, ears):
    with project_lock(ada.project_id):
        act(ada, "task.open", title="Land")
        time.sleep(QUIET_S)
        early = list(ears.rings)

    assert early == []
    assert ears.heard(Ring(ada.project_id, log_end(ada)))


def test_what_is_rolled_back_does_not_ring(ada, ears):
    with pytest.raises(Conflict):
        open_and_fail(ada)
    act(ada, "task.list")
    act(ada, "presence.set", state="here")

    time.sleep(QUIET_S)
    assert ears.rings == []


def open_and_fail(actor):
    with project_lock(actor.project_id):
        act(actor, "task.open", title="Land")
        raise Conflict("on purpose")


def test_a_ring_without_an_event_names_its_topic(ada, ears):
    with transaction.atomic():
        fanout.wake(ada.project_id, 3, "session:1")

    assert ears.heard(Ring(ada.project_id, 3, "session:1"))


def test_a_reader_woken_by_a_ring_finds_the_event(ada, ears):
    """The ring never comes before what it rings for can be read."""
    missing = []

    def listen(ring: Ring) -> None:
        if log_end(ada) < ring.seq:
            missing.append(ring)

    stop = threading.Event()
    reader = threading.Thread(target=fanout.listen, args=(listen, stop), daemon=True)
    reader.start()
    together(8, lambda index: act(ada, "task.open", title=f"Land {index}"))

    assert ears.heard(Ring(ada.project_id, log_end(ada)))
    stop.set()
    reader.join(SOON_S)
    assert missing == []


@pytest.mark.parametrize("ring", [Ring(7, 9182), Ring(0, 3, "session:3")])
def test_a_ring_is_read_as_it_was_written(ring):
    text = f"{ring.project_id}:{ring.seq}" + (f":{ring.topic}" if ring.topic else "")

    assert fanout.parse(text) == ring
