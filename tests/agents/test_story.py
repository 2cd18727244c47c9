"""The main job, from a sentence in the chat to merged commits, and what must hold at its end."""

import pytest

from agents import rehearsing
from agents.models import PullRequest, Session, SessionState, ToolCall
from hub.models import Channel, Decision, Message, Objective, Task

from .stage import Set


@pytest.mark.services
def test_an_objective_travels_from_a_sentence_to_a_merged_branch(stage: Set) -> None:
    problem = rehearsing.play(stage.stage, 120, lambda _line: None)

    project = stage.stage.project
    assert problem == ""
    assert Objective.objects.get(project=project).state == "succeeded"
    assert set(Task.objects.values_list("state", flat=True)) == {"done"}
    assert list(PullRequest.objects.values_list("state", flat=True)) == ["merged", "merged"]
    assert Decision.objects.get(kind="question").answered_via == "cli"
    assert not ToolCall.objects.filter(is_error=True).exists()
    assert set(Session.objects.exclude(role="em").values_list("state", flat=True)) == {
        SessionState.SUCCEEDED
    }
    assert not Channel.objects.filter(kind="work", archived_at=None).exists()


def test_the_persons_answer_decides_what_is_built(stage: Set, monkeypatch) -> None:
    real = rehearsing.registry.call

    def indented(actor, name, payload, key=""):
        if name == "message.post" and payload["text"].startswith("!ans"):
            payload = {**payload, "text": payload["text"][:-1] + "2"}
        return real(actor, name, payload, key)

    monkeypatch.setattr(rehearsing.registry, "call", indented)

    problem = rehearsing.play(stage.stage, 120, lambda _line: None)

    assert problem == ""
    source = (stage.stage.source / "wordcount" / "__main__.py").read_text()
    assert "json.dumps(values, indent=2)" in source
    assert Message.objects.filter(text__contains="Answered: Indented, for reading").exists()


def test_a_rehearsal_that_stands_still_says_what_it_waits_for(stage: Set) -> None:
    problem = rehearsing.play(stage.stage, 0.5, lambda _line: None)

    assert problem.startswith("It was not done after 0 s; the state:")
