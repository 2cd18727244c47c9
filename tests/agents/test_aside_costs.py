"""What is asked of an agent that is gone is paid for like any call."""

from contextlib import suppress
from datetime import timedelta

import pytest

from agents import asides
from agents.models import Aside, Session
from agents.providers.base import RequestRefused
from hub import clock
from hub.models import Charge, Message

from .purse import cap
from .recalled import Minded, ask, gone, minded
from .stage import Set

__all__ = ["gone", "minded"]


def test_an_answer_that_no_budget_covers_is_refused_in_words(
    stage: Set, gone: Session, minded: Minded, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(minded, "respond", lambda *given: asked.append(given))
    cap(stage, 1)
    ask(stage, gone)

    asides.answer(Aside.objects.get().pk)

    assert "cannot answer any more: The budget of" in Message.objects.latest("seq").text
    assert asked == []
    assert not Charge.objects.filter(turn=0).exists()


@pytest.mark.parametrize(
    ("trouble", "state"), [(RequestRefused("No."), "released"), (OSError("gone"), "lost")]
)
def test_a_call_without_an_answer_is_given_back_or_booked(
    stage: Set, gone: Session, minded: Minded, monkeypatch, trouble: Exception, state: str
) -> None:
    def respond(*_args):
        raise trouble

    monkeypatch.setattr(minded, "respond", respond)
    ask(stage, gone)

    with suppress(OSError):
        asides.answer(Aside.objects.get().pk)

    assert Charge.objects.get(turn=0).state == state


def test_what_a_dead_worker_reserved_is_booked_once_its_time_is_over(
    stage: Set, gone: Session, minded: Minded, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_args):
        raise KeyboardInterrupt

    monkeypatch.setattr(minded, "respond", die)
    ask(stage, gone)
    with pytest.raises(KeyboardInterrupt):
        asides.answer(Aside.objects.get().pk)
    row = Charge.objects.get(turn=0)
    now = clock.now()

    early = Charge.objects.orphaned(now + timedelta(seconds=600)).filter(pk=row.pk).exists()
    late = Charge.objects.orphaned(now + timedelta(seconds=901)).filter(pk=row.pk).exists()

    assert (row.state, early, late) == ("reserved", False, True)
