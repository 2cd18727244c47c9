"""What holds for every action of the hub: the right it needs, bad arguments, and Eve.

What each does, and what it refuses in which state, is tested in one file for each noun.
"""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from hub.errors import Forbidden, Invalid, NotFound
from hub.models import Event, Message, Task, Token
from hub.registry import ACTIONS
from tests.cast import act, last_event, without

from .action_tables import BAD, EXAMPLES, HER_OWN, REFUSED_ANYWAY

NAMES = sorted(
    name for name, found in ACTIONS.items() if found.function.__module__.startswith("hub.")
)


def plain(name: str) -> dict[str, Any]:
    """An example whose rows need not be there."""
    return {
        key: 1 if str(value).startswith("{") else value for key, value in EXAMPLES[name].items()
    }


@dataclass(frozen=True)
class Furnished:
    message: int
    token: int

    def payload(self, name: str) -> dict[str, Any]:
        return {
            key: getattr(self, value[1:-1]) if str(value).startswith("{") else value
            for key, value in EXAMPLES[name].items()
        }


@pytest.fixture
def furnished(ada, grace, eve):
    act(ada, "channel.create", name="moonbase", kind="work")
    said = act(ada, "message.post", channel="moonbase", text="The moon is ours")
    act(ada, "objective.open", text="Land on the moon")
    act(ada, "task.open", title="Land softly", objective=1)
    act(ada, "decision.ask", text="The moon, really?", choices=["yes", "no"])
    act(ada, "note.create", title="Moon", text="The moon is far", task=1)
    token = act(ada, "token.create", label="moonkey")
    act(ada, "trouble.report", text="The moon is dusty")
    return Furnished(message=said["number"], token=token["id"])


def test_every_action_of_the_hub_is_in_the_tables():
    assert sorted(EXAMPLES) == sorted(BAD) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_it_is_refused_without_its_right(name, ada):
    right = ACTIONS[name].needs

    with pytest.raises(Forbidden) as refusal:
        act(without(ada, right), name, **plain(name))

    assert refusal.value.detail == {"needs": right}


@pytest.mark.parametrize("name", NAMES)
def test_bad_arguments_are_named_and_change_nothing(name, ada):
    wrong, field = BAD[name]
    before = last_event(ada)

    with pytest.raises(Invalid) as refusal:
        act(ada, name, **{**plain(name), **wrong})

    assert refusal.value.code == "arguments.invalid"
    assert field in [problem["field"] for problem in refusal.value.detail["problems"]]
    assert last_event(ada) == before


@pytest.mark.parametrize("name", sorted(set(NAMES) - HER_OWN - REFUSED_ANYWAY))
def test_eve_finds_no_row_of_another_project(name, furnished, ada, eve):
    before = snapshot(ada)

    with pytest.raises(NotFound):
        act(eve, name, **furnished.payload(name))

    assert snapshot(ada) == before


@pytest.mark.parametrize("name", sorted(HER_OWN))
def test_eve_sees_and_changes_only_her_own_project(name, furnished, ada, eve):
    before = snapshot(ada)

    answer = act(eve, name, **furnished.payload(name))

    assert "moon" not in json.dumps(answer).lower()
    assert snapshot(ada) == before


def snapshot(actor):
    """Everything of a project that a call could change without an event."""
    return (
        last_event(actor).hash,
        list(Task.objects.filter(project_id=actor.project_id).values()),
        list(Message.objects.filter(project_id=actor.project_id).values()),
        list(Token.objects.filter(member__project_id=actor.project_id).values()),
        Event.objects.filter(project_id=actor.project_id).count(),
    )
