"""Pull requests: who approves what, and how it is told."""

import pytest

from agents import places
from agents.actions import pulls
from agents.git.repository import branch_tip
from agents.models import PullState, Review
from hub import clock, registry
from hub.actor import Actor
from hub.errors import Conflict, Forbidden, Invalid, NotFound
from hub.models import Decision, Event, Message, Project

from .offering import change, offered
from .stage import Set


def test_an_offered_change_says_exactly_what_it_is(stage: Set, writer: Actor) -> None:
    change(writer)

    row = offered(stage, writer)

    assert row.state == PullState.OPEN
    assert row.head_commit == branch_tip(places.bare(stage.stage.project), row.branch)
    assert row.base_commit == branch_tip(places.bare(stage.stage.project), "main")
    assert Event.objects.filter(name="pull.ready").count() == 1


def test_an_author_cannot_approve_their_own_work(stage: Set, writer: Actor) -> None:
    change(writer)
    row = offered(stage, writer)
    bold = Actor(
        member_id=writer.member_id,
        project_id=writer.project_id,
        entry="api",
        capabilities=frozenset({"read", "review"}),
    )

    with pytest.raises(Forbidden) as refusal:
        registry.call(bold, "pull.review", {"pull": row.number, "verdict": "approve"})

    assert refusal.value.code == "pull.own_work"
    assert not Review.objects.exists()


def test_a_verdict_on_another_version_is_refused(stage: Set, writer: Actor) -> None:
    change(writer)
    row = offered(stage, writer)

    with pytest.raises(Conflict) as refusal:
        stage.act("pull.review", pull=row.number, verdict="approve", tree="0" * 40)

    assert refusal.value.code == "pull.moved"


def test_notes_on_lines_reach_the_author_as_one_message(stage: Set, writer: Actor) -> None:
    change(writer)
    row = offered(stage, writer)
    before = Message.objects.count()
    notes = [
        {"path": "wordcount/counting.py", "line": 7, "text": "Why this?"},
        {"path": "wordcount/counting.py", "line": 9, "text": "And this?"},
    ]

    stage.act("pull.review", pull=row.number, verdict="changes", text="Not yet.", notes=notes)

    message = Message.objects.latest("seq")
    event = Event.objects.get(project=stage.stage.project, seq=message.seq)
    assert Message.objects.count() == before + 1
    assert "wordcount/counting.py:7" in message.text
    assert "And this?" in message.text
    assert event.facts["mentions"] == [writer.member_id]


def test_a_task_has_one_open_pull_request(stage: Set, writer: Actor) -> None:
    change(writer)
    offered(stage, writer)

    with pytest.raises(Conflict) as refusal:
        registry.call(writer, "pull.open", {"task": 1, "title": "Once more"})

    assert refusal.value.code == "pull.exists"


def test_a_task_without_a_checkout_has_nothing_to_offer(stage: Set) -> None:
    stage.act("task.open", title="Nothing done")

    with pytest.raises(Conflict) as refusal:
        stage.act("pull.open", task=1, title="Nothing")

    assert refusal.value.code == "pull.no_checkout"


def test_asking_for_approval_opens_one_card_that_the_verdict_closes(
    stage: Set, writer: Actor
) -> None:
    change(writer)
    row = offered(stage, writer)
    for _ in range(2):
        registry.call(writer, "pull.request_approval", {"pull": row.number})
    card = Decision.objects.get()

    stage.act("pull.review", pull=row.number, verdict="approve")

    card.refresh_from_db()
    assert (card.state, card.answer) == ("answered", "approved")
    assert card.link == f"/p/{stage.stage.project.slug}/pull/{row.number}/"


def test_a_closed_pull_request_takes_its_card_along(stage: Set, writer: Actor) -> None:
    change(writer)
    row = offered(stage, writer)
    registry.call(writer, "pull.request_approval", {"pull": row.number})

    stage.act("pull.close", pull=row.number)

    assert Decision.objects.get().state == "canceled"


def test_a_pull_request_of_another_project_does_not_exist(stage: Set, writer: Actor) -> None:
    change(writer)
    offered(stage, writer)
    mars = Project.objects.create(slug="mars", name="Mars", created_at=clock.now())
    eve = Actor(
        member_id=stage.person.member_id,
        project_id=mars.pk,
        entry="api",
        capabilities=stage.person.capabilities,
    )

    with pytest.raises(NotFound):
        registry.call(eve, "pull.show", {"pull": 1})


def test_more_than_a_hundred_notes_are_refused(stage: Set, writer: Actor) -> None:
    change(writer)
    row = offered(stage, writer)
    notes = [{"path": "a", "line": 1, "text": "again"}] * (pulls.MAX_NOTES + 1)

    with pytest.raises(Invalid) as refusal:
        stage.act("pull.review", pull=row.number, verdict="changes", notes=notes)

    assert refusal.value.code == "arguments.invalid"
