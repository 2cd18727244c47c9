"""The bundled story with everybody changing shift in the middle of it."""

from agents import rehearsing
from agents.models import Handoff, PullRequest, Session, ToolCall
from hub.actions import events
from hub.errors import HubError
from hub.models import Message, Objective, Task

from .stage import Set


def test_a_story_in_which_everybody_hands_over_has_the_same_end(stage: Set) -> None:
    changed: set[int] = set()
    refused: list[str] = []

    def change(_line: str) -> None:
        working = Session.objects.live().filter(relieved_at=None, turns__state="done")
        for row in working.filter(predecessor=None).exclude(member__in=changed):
            changed.add(row.member_id)
            try:
                stage.act("session.shift_change", session=row.number)
            except HubError as error:
                refused.append(error.code)

    problem = rehearsing.play(stage.stage, 300, change)

    assert (problem, set(refused) - {"handoff.live"}) == ("", set())
    assert Objective.objects.get().state == "succeeded"
    assert set(Task.objects.values_list("state", flat=True)) == {"done"}
    assert list(PullRequest.objects.values_list("state", flat=True)) == ["merged", "merged"]
    assert Handoff.objects.filter(state="acknowledged", predecessor__role="em").count() == 1
    assert Handoff.objects.filter(state="acknowledged", predecessor__role="manager").exists()
    assert not Handoff.objects.exclude(state__in=["acknowledged", "canceled"]).exists()
    assert not ToolCall.objects.filter(is_error=True).exists()
    said = list(Message.objects.exclude(author__kind="hub").values_list("text", "channel_id"))
    assert len(said) == len(set(said))
    assert events.verify(stage.stage.project.pk) is None
