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

NAMES = sorted(
    name for name, found in ACTIONS.items() if found.function.__module__.startswith("hub.")
)

# What each action needs at least; {message} and {token} are numbers of rows of moon.
EXAMPLES: dict[str, dict[str, Any]] = {
    "budget.list": {},
    "budget.raise": {"scope": "project", "cap_usd": "20"},
    "budget.set": {"scope": "task", "of": "1", "cap_usd": "20"},
    "budget.tell": {},
    "artifact.add": {"kind": "report", "title": "Speed", "text": "Fast", "task": 1},
    "artifact.list": {"task": 1},
    "artifact.show": {"artifact": 1},
    "channel.create": {"name": "snacks"},
    "channel.direct": {"member": "grace"},
    "channel.list": {},
    "channel.mark_read": {"channel": "moonbase", "upto": 1},
    "cost.rows": {},
    "cost.summary": {},
    "cost.tell": {"task": 1},
    "decision.answer": {"decision": 1, "answer": "yes"},
    "decision.ask": {"text": "Which way?", "task": 1},
    "decision.list": {},
    "decision.withdraw": {"decision": 1},
    "house.lift": {},
    "house.stop": {"reason": "Look first"},
    "help.show": {},
    "inbox.ack": {"upto": 1},
    "inbox.read": {},
    "issue.escalate": {"about": "scope", "text": "Both?", "task": 1},
    "log.read": {},
    "member.invite": {"username": "nobody"},
    "member.list": {},
    "member.retire": {"name": "grace"},
    "member.set_role": {"name": "grace", "role": "guest"},
    "message.delete": {"message": "{message}"},
    "message.edit": {"message": "{message}", "text": "Eve was here"},
    "message.list": {"channel": "moonbase"},
    "message.post": {"channel": "moonbase", "text": "Eve was here"},
    "message.react": {"message": "{message}", "emoji": "+"},
    "note.create": {"title": "Dust", "text": "It sticks", "task": 1},
    "objective.cancel": {"objective": 1},
    "objective.finish": {"objective": 1, "summary": "Eve was here"},
    "objective.list": {},
    "objective.mark_seen": {"objective": 1, "upto": 1},
    "objective.open": {"text": "Build a rocket"},
    "presence.set": {"state": "here"},
    "project.archive": {},
    "project.create": {"name": "Venus"},
    "project.pause": {},
    "project.restore": {"project": "moon"},
    "project.resume": {},
    "project.show": {},
    "project.update": {"purpose": "more"},
    "role.list": {},
    "role.set": {"role": "tester", "model": "big-1"},
    "task.advance": {"task": 1, "phase": "implement"},
    "task.allow_round": {"task": 1},
    "task.assign": {"task": 1, "to": "eve"},
    "task.block": {"task": 1, "by": [1]},
    "task.claim": {"task": 1},
    "task.decline": {"task": 1},
    "task.drop": {"task": 1},
    "task.finish": {"task": 1},
    "task.list": {},
    "task.open": {"title": "Launch"},
    "task.preview": {"title": "Launch", "to": "grace"},
    "task.release": {"task": 1},
    "task.renew": {"task": 1},
    "task.show": {"task": "land-softly"},
    "task.skip_phase": {"task": 1, "to": "test"},
    "task.why": {"task": 1},
    "token.create": {"label": "spare", "member": "grace"},
    "token.list": {},
    "token.revoke": {"token": "{token}"},
    "trouble.acknowledge": {"trouble": 1},
    "trouble.list": {},
    "trouble.open_task": {"trouble": 1},
    "trouble.report": {"text": "The disk is full"},
    "trouble.resolve": {"trouble": 1},
}

# Wrong in one argument each, and the argument's name.
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "budget.list": ({"after": 3}, "after"),
    "budget.raise": ({"cap_usd": "-1"}, "cap_usd"),
    "budget.set": ({"cap_usd": "0.0000001"}, "cap_usd"),
    "budget.tell": ({"of": "me"}, "of"),
    "artifact.add": ({"uri": "javascript:alert(1)"}, "uri"),
    "artifact.list": ({"limit": 0}, "limit"),
    "artifact.show": ({"artifact": "last"}, "artifact"),
    "channel.create": ({"name": "No Spaces"}, "name"),
    "channel.direct": ({"member": ""}, "member"),
    "channel.list": ({"archived": "perhaps"}, "archived"),
    "channel.mark_read": ({"upto": 0}, "upto"),
    "cost.rows": ({"limit": 201}, "limit"),
    "cost.summary": ({"objective": 0}, "objective"),
    "cost.tell": ({"task": [1]}, "task.int"),
    "decision.answer": ({"answer": "x" * 4001}, "answer"),
    "decision.ask": ({"choices": ["x"] * 7}, "choices"),
    "decision.list": ({"limit": 201}, "limit"),
    "decision.withdraw": ({"decision": "first"}, "decision"),
    "house.lift": ({"reason": "why"}, "reason"),
    "house.stop": ({"reason": 7}, "reason"),
    "help.show": ({"about": "x" * 161}, "about"),
    "inbox.ack": ({"upto": -1}, "upto"),
    "inbox.read": ({"max_tokens": 99}, "max_tokens"),
    "issue.escalate": ({"about": "taste"}, "about"),
    "log.read": ({"after": -1}, "after"),
    "member.invite": ({"role": "hub"}, "role"),
    "member.list": ({"retired": 7}, "retired"),
    "member.retire": ({"name": "x" * 34}, "name"),
    "member.set_role": ({"role": "hub"}, "role"),
    "message.delete": ({"message": 2**60}, "message"),
    "message.edit": ({"message": 0}, "message"),
    "message.list": ({"limit": 0}, "limit"),
    "message.post": ({"reply_to": "x"}, "reply_to"),
    "message.react": ({"emoji": "two words"}, "emoji"),
    "note.create": ({"text": "x" * 1_201}, "text"),
    "objective.cancel": ({"reason": 7}, "reason"),
    "objective.finish": ({"state": "active"}, "state"),
    "objective.list": ({"limit": "many"}, "limit"),
    "objective.mark_seen": ({"upto": 0}, "upto"),
    "objective.open": ({"title": "x" * 161}, "title"),
    "presence.set": ({"state": "asleep"}, "state"),
    "project.archive": ({"now": True}, "now"),
    "project.create": ({"base_branch": "-x"}, "base_branch"),
    "project.pause": ({"reason": 7}, "reason"),
    "project.restore": ({"project": "No Slug"}, "project"),
    "project.resume": ({"now": True}, "now"),
    "project.show": ({"slug": "mars"}, "slug"),
    "project.update": ({"repository": "--upload-pack=x"}, "repository"),
    "role.list": ({"role": "tester"}, "role"),
    "role.set": ({"context_limit_tokens": 7}, "context_limit_tokens"),
    "task.advance": ({"fence": -1}, "fence"),
    "task.allow_round": ({"task": [1]}, "task.int"),
    "task.assign": ({"to": ""}, "to"),
    "task.block": ({"by": []}, "by"),
    "task.claim": ({"lease_s": 9}, "lease_s"),
    "task.decline": ({"reason": "x" * 161}, "reason"),
    "task.drop": ({"outcome": "x" * 20_001}, "outcome"),
    "task.finish": ({"fence": "new"}, "fence"),
    "task.list": ({"limit": 201}, "limit"),
    "task.open": ({"name": "Capital"}, "name"),
    "task.preview": ({"brief": None}, "brief"),
    "task.release": ({"task": None}, "task.int"),
    "task.renew": ({"lease_s": 86_401}, "lease_s"),
    "task.show": ({"task": "x" * 61}, "task.constrained-str"),
    "task.skip_phase": ({"to": "x" * 161}, "to"),
    "task.why": ({"task": [1]}, "task.int"),
    "token.create": ({"days": 366}, "days"),
    "token.list": ({"member": "grace"}, "member"),
    "token.revoke": ({"token": 0}, "token"),
    "trouble.acknowledge": ({"trouble": 0}, "trouble"),
    "trouble.list": ({"limit": 201}, "limit"),
    "trouble.open_task": ({"title": "x" * 161}, "title"),
    "trouble.report": ({"subject": "house:1"}, "subject"),
    "trouble.resolve": ({"how": "x" * 501}, "how"),
}

# Without a reference to a row: Eve does it in her own project.
HER_OWN = {
    "budget.list",
    "budget.tell",
    "cost.rows",
    "cost.summary",
    "channel.create",
    "channel.list",
    "decision.list",
    "help.show",
    "inbox.ack",
    "inbox.read",
    "log.read",
    "member.list",
    "objective.list",
    "objective.open",
    "presence.set",
    "project.archive",
    "project.pause",
    "project.show",
    "project.update",
    "role.list",
    "role.set",
    "task.list",
    "task.open",
    "token.list",
    "trouble.list",
    "trouble.report",
}
REFUSED_ANYWAY = {
    "house.lift",
    "house.stop",
    "project.create",
    "project.restore",
    "project.resume",
    "member.invite",
}


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
