"""Writers and cursor readers at once: no event is missed, no number is skipped, the chain holds.

PARLEY_TEST_RACE_S says for how many seconds (default 3).
"""

import os
import time

import pytest

from hub.actions import events
from hub.models import Event
from tests.cast import act
from tests.threads import together

pytestmark = pytest.mark.services

RACE_S = float(os.environ.get("PARLEY_TEST_RACE_S", "3"))
WRITERS, READERS = 8, 4


def test_eight_writers_and_four_readers_agree_on_the_log(ada, grace, mina, em):
    project_id = ada.project_id
    members = [ada, grace, mina, em]
    first = Event.objects.filter(project_id=project_id).count()
    ended: list[int] = []

    def write(index: int) -> int:
        actor, count, end = members[index % 4], 0, time.monotonic() + RACE_S
        while time.monotonic() < end:
            if count % 5 == 4:
                act(actor, "task.open", title=f"{index} {count}")
            else:
                act(actor, "message.post", channel="lobby", text=f"{index} {count}")
            count += 1
        ended.append(index)
        return count

    def read(index: int) -> list[int]:
        seen: list[int] = []
        cursor = first
        while True:
            is_over = len(ended) == WRITERS
            rows = Event.objects.filter(project_id=project_id, seq__gt=cursor).order_by("seq")
            found = list(rows.values_list("seq", flat=True)[: 3 + index * 50])
            seen += found
            cursor = found[-1] if found else cursor
            if is_over and not found:
                return seen

    answers = together(
        WRITERS + READERS,
        lambda index: write(index) if index < WRITERS else read(index - WRITERS),
        timeout_s=RACE_S + 120,
    )

    written = answers[:WRITERS]
    assert all(isinstance(count, int) and count > 0 for count in written), written
    last = Event.objects.filter(project_id=project_id).count()
    assert last >= first + sum(written)
    for seen in answers[WRITERS:]:
        assert seen == list(range(first + 1, last + 1))
    assert events.verify(project_id) is None
