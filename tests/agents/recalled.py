"""An agent that is gone and can be asked, played by a provider that costs money."""

import pytest

from agents import providers
from agents.models import Session
from agents.providers.base import Answer, ToolUse, Usage
from hub.models import Project

from .played import Played, say
from .shifting import hand_over, working
from .stage import Set


class Minded(Played):
    """A provider with a name of its own: it is no rehearsal and reads its history."""

    name = "minded"
    wants_history = True


@pytest.fixture
def minded(stage: Set, monkeypatch: pytest.MonkeyPatch) -> Minded:
    provider = Minded()
    monkeypatch.setattr(providers, "PROVIDERS", {"minded": provider})
    Project.objects.filter(pk=stage.stage.project.pk).update(provider="minded")
    return provider


@pytest.fixture
def gone(stage: Set, minded: Minded) -> Session:
    """An agent that has handed over."""
    minded.answers = [("I tried two patterns.", [say("hello")])]
    row = working(stage)
    minded.answers = [("", [hand_over()])]
    stage.act("session.shift_change", session=row.number)
    stage.run_all()
    row.refresh_from_db()
    row.member.refresh_from_db()
    assert row.member.retired_at is not None
    return row


def answers(text: str, calls: tuple[ToolUse, ...] = ()):
    usage = Usage(input_tokens=900, output_tokens=20)
    return lambda *_args: Answer(text=text, calls=calls, is_last=True, state={"n": 1}, usage=usage)


def ask(stage: Set, gone: Session, question: str = "What did you try?"):
    return stage.act("session.ask", agent=gone.member.name, question=question)
