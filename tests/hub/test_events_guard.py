"""The log is append-only by the database itself."""

import pytest
from django.db import IntegrityError, InternalError, ProgrammingError, connection, transaction

from hub.models import Event
from tests.cast import act, log_end

REFUSED = (InternalError, ProgrammingError)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE hub_event SET name = 'x'",
        "UPDATE hub_event SET hash = hash WHERE seq = 1",
        "DELETE FROM hub_event",
        "DELETE FROM hub_event WHERE seq = 1",
    ],
)
def test_the_database_refuses_to_change_or_remove_events(ada, statement):
    before = log_end(ada)

    with pytest.raises(REFUSED, match="append-only"), connection.cursor() as cursor:
        cursor.execute(statement)

    assert log_end(ada) == before


def test_djangos_own_writes_are_refused_too(ada):
    event = Event.objects.filter(project_id=ada.project_id).first()
    event.name = "x"

    with pytest.raises(REFUSED, match="append-only"):
        event.save(update_fields=["name"])


def test_a_purge_that_says_so_in_its_transaction_may(ada):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL parley.purge = 'on'")
        cursor.execute("DELETE FROM hub_event WHERE project_id = %s", [ada.project_id])

    assert log_end(ada) == 0


def test_the_word_for_a_purge_ends_with_its_transaction(ada):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL parley.purge = 'on'")

    with pytest.raises(REFUSED, match="append-only"):
        Event.objects.all().delete()


def test_two_events_cannot_have_one_number(ada):
    act(ada, "task.open", title="Land")
    event = Event.objects.filter(project_id=ada.project_id).order_by("-seq")[0]
    event.pk = None

    with pytest.raises(IntegrityError, match="event_seq_unique"):
        event.save(force_insert=True)


def test_the_facts_are_the_body(ada):
    act(ada, "task.open", title="Land", to="ada")

    event = Event.objects.get(name="task.opened")

    assert event.body == f'{{"mentions":[{ada.member_id}]}}'
    assert event.facts == {"mentions": [ada.member_id]}
