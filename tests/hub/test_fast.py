"""Hand-written statements for one row give and write what the ORM does."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from django.db import IntegrityError

from hub import fast
from hub.actor import Actor
from hub.models import Channel, Event, Member, Message, Project, Task, Token
from tests.cast import act, member_of


def columns(row: object) -> dict[str, object]:
    """Give the values of a row, without what Django remembers beside them."""
    return {name: value for name, value in vars(row).items() if name != "_state"}


def test_a_row_is_the_same_as_through_the_orm(ada: Actor) -> None:
    row = fast.one(Member, "it.id = %s", [ada.member_id])

    assert row is not None
    assert columns(row) == columns(member_of(ada))
    assert row == member_of(ada)


def test_json_columns_become_values(ada: Actor) -> None:
    act(ada, "token.create", label="mine", scopes=["read", "talk"])

    token = fast.one(Token, "it.member_id = %s", [ada.member_id])
    event = fast.one(
        Event, "it.project_id = %s AND it.name = %s", [ada.project_id, "token.created"]
    )

    assert token is not None
    assert event is not None
    assert token.scopes == ["read", "talk"]
    assert event.facts["label"] == "mine"


def test_no_row_is_none(moon: Project) -> None:
    assert fast.one(Channel, "it.project_id = %s AND it.number = %s", [moon.pk, 999]) is None


def test_a_value_is_never_taken_for_sql(moon: Project) -> None:
    assert fast.one(Channel, "it.name = %s", ["' OR true --"]) is None


def test_an_inserted_row_is_whole_and_knows_its_key(ada: Actor, moon: Project) -> None:
    room = Channel.objects.get(project=moon, name="lobby")
    now = moon.created_at
    row = Message(
        project=moon,
        channel=room,
        author_id=ada.member_id,
        seq=900,
        text="It's 100 %s",
        html="<p>",
        scopes=["talk"],
        posted_at=now,
    )

    fast.insert(row)

    assert columns(Message.objects.get(pk=row.pk)) == columns(row)
    assert not row._state.adding


def test_what_the_database_generates_is_read_later(moon: Project, ada: Actor) -> None:
    row = Event(
        project=moon,
        seq=900,
        at=moon.created_at,
        name="test.done",
        actor_id=ada.member_id,
        subject="task:1",
        body='{"a":1}',
        hash="0" * 64,
    )

    fast.insert(row)

    assert row.facts == {"a": 1}


def test_rows_that_it_refers_to_come_along(
    ada: Actor, django_assert_num_queries: Callable[[int], AbstractContextManager[object]]
) -> None:
    act(ada, "task.open", title="Land")
    act(ada, "task.claim", task=1)

    with django_assert_num_queries(1):
        row = fast.one(Task, "it.number = %s", [1], "holder", "assignee", "channel")

        assert row is not None
        assert (row.holder_name, row.assignee, row.channel_number) == ("ada", None, 5)


def test_a_change_is_made_only_where_its_guard_holds(ada: Actor) -> None:
    act(ada, "task.open", title="Land")
    row = Task.objects.get()

    refused = fast.change(row, "it.state = %s", ["done"], {"title": "Sink"})
    made = fast.change(row, "it.state = %s", ["open"], {"assignee": member_of(ada), "priority": 3})

    assert (refused, made) == (False, True)
    row.refresh_from_db()
    assert (row.title, row.assignee_name, row.priority) == ("Land", "ada", 3)


def test_what_exists_is_told(moon: Project) -> None:
    assert fast.exists(Channel, "it.project_id = %s", [moon.pk])
    assert not fast.exists(Channel, "it.project_id = %s AND it.name = %s", [moon.pk, "x"])


def test_constraints_hold(moon: Project) -> None:
    room = Channel.objects.get(project=moon, name="lobby")
    twin = Channel(
        project=moon, number=room.number, kind="lobby", name="x", created_at=room.created_at
    )

    with pytest.raises(IntegrityError):
        fast.insert(twin)
