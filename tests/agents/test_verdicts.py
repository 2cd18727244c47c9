"""Verdicts typed in a chat: `!approve`, `!changes`, `!merge`, bound to the version told there."""

import re

import pytest

from agents.models import PullRequest
from hub import registry
from hub.actor import Actor
from hub.errors import Invalid
from hub.models import Message

from .offering import change, offered
from .stage import Set


@pytest.fixture
def asked(stage: Set, writer: Actor) -> str:
    """Let the people be asked for a verdict; gives the version that the chat was told."""
    change(writer)
    row = offered(stage, writer)
    registry.call(writer, "pull.request_approval", {"pull": row.number})
    told = Message.objects.filter(text__contains="!approve").get()
    found = re.search(rf"`!approve {row.number} ([0-9a-f]{{10}})`", told.text)
    assert found
    assert f"/pull/{row.number}/" in told.text
    return found[1]


def say(stage: Set, text: str) -> None:
    stage.act("message.post", channel="project", text=text)


def pull() -> PullRequest:
    return PullRequest.objects.get()


def test_the_told_version_is_approved_and_merged_from_a_chat(stage: Set, asked: str) -> None:
    say(stage, f"!approve 1 {asked} Right, and small.")

    review = pull().reviews.get()
    assert (review.verdict, review.text, review.tree) == (
        "approve",
        "Right, and small.",
        pull().tree,
    )
    say(stage, "!merge 1")
    assert pull().state == "merging"


def test_another_version_is_refused_in_words(stage: Set, asked: str) -> None:
    say(stage, "!approve 1 0123456789")

    assert not pull().reviews.exists()
    said = Message.objects.latest("seq")
    assert f"is another version now, {asked}" in said.refusal


def test_changes_are_asked_for_with_words(stage: Set, asked: str) -> None:
    say(stage, f"!changes 1 {asked} Also at the end of a line, please.")

    assert pull().reviews.get().verdict == "changes"


def test_a_version_has_seven_characters_at_least(stage: Set, asked: str) -> None:
    with pytest.raises(Invalid):
        stage.act("pull.approve", pull=1, version=asked[:3])

    assert not pull().reviews.exists()
