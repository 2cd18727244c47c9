"""The main job with the anthropic provider: the real SDK, against a Messages API on loopback."""

from agents import rehearsing
from agents.models import PullRequest, Session, ToolCall, Turn
from hub.models import Objective, Task

from .fake_messages import FakeMessages
from .fake_player import player
from .stage import Set


def test_an_objective_travels_to_a_merged_branch_with_anthropic(
    stage: Set, api: FakeMessages
) -> None:
    api.player = player()
    stage.act("project.update", provider="anthropic")

    problem = rehearsing.play(stage.stage, 240, lambda _line: None)

    project = stage.stage.project
    assert (problem, api.refused) == ("", [])
    assert Objective.objects.get(project=project).state == "succeeded"
    assert set(Task.objects.values_list("state", flat=True)) == {"done"}
    assert list(PullRequest.objects.values_list("state", flat=True)) == ["merged", "merged"]
    assert not ToolCall.objects.filter(is_error=True).exists()
    assert set(Session.objects.values_list("provider", flat=True)) == {"anthropic"}
    assert not Turn.objects.exclude(state="done").exists()
