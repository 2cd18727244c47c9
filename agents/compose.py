"""The words a provider is given: who it is, what the state is, what is new. No transcripts."""

import json
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from django.utils.crypto import salted_hmac

from agents import context, tools
from agents.models import Session, ToolCall
from agents.policy import dispatch
from hub.policy.roles import Role
from hub.policy.roles import role as role_of
from hub.text import defuse, fence

RULES = Path(__file__).resolve().parent / "prompts" / "rules.txt"
NONCE_CHARS = 16
ENVELOPE_BYTES = 250
HEARD = "While you worked, this was said to you:"
DIRECT = "direct-"  # how names of private channels begin


def system(session: Session) -> str:
    """Say who the agent is and what its role's brief and the house's rules are."""
    role = role_of(session.role)
    rules = RULES.read_text(encoding="utf-8").strip()
    parts = [
        f"You are {session.member.name}, {role.title.lower()} in the project "
        f"{session.project.name}.",
        role.brief.strip(),
        _dispatch(role),
        rules,
    ]
    return "\n\n".join(filter(None, parts))


def _dispatch(role: Role) -> str:
    """Say what to tell whom, for a role that starts others."""
    if not role.leads:
        return ""
    lines = [f"- {role_of(name).title}: {role_of(name).dispatch.strip()}" for name in role.leads]
    return "\n".join(["What to write into the brief of whom you start, and no more:", *lines])


def prompt(session: Session, inbox: Mapping[str, Any]) -> str:
    """Say the state in a few lines and then what is new, each text in its envelope."""
    nonce = secrets.token_hex(8)
    parts = [_state(session, nonce)]
    parts += [_item(item, nonce) for item in inbox["items"]]
    parts += [
        f"Not shown: {left['count']} more in {left['where']}, numbers {left['first_seq']} to "
        f"{left['last_seq']}; read them with log_read or message_list if you need them."
        for left in inbox["skipped"]
    ]
    if not inbox["items"]:
        parts.append("Nothing new was said. Begin.")
    return "\n\n".join(parts)


def heard(items: Sequence[Mapping[str, Any]]) -> str:
    """Say what came in while the agent was at work, each text in its envelope."""
    nonce = secrets.token_hex(8)
    return "\n\n".join([HEARD, *(_item(one, nonce) for one in items)])


def public(inbox: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what was said in private: a transcript is for the whole project to read."""
    items = [
        {**item, "text": "(private)", "facts": {}} if item["where"].startswith(DIRECT) else item
        for item in inbox["items"]
    ]
    return {**inbox, "items": items}


def _state(session: Session, nonce: str) -> str:
    """Say what an agent's role is told: its assignment and the state of the work, under 8 KB."""
    given = _assignments(session)
    texts = dispatch.fit([text for _, text, _, _ in given])
    parts = []
    for (head, _, author, origin), text in zip(given, texts, strict=True):
        parts += [head, _given(text, author, origin, nonce)]
    spent = len("\n".join(parts).encode())
    room = max(dispatch.MAX_CONTEXT_BYTES - spent - ENVELOPE_BYTES, dispatch.MIN_LEDGER_BYTES)
    found = context.ledger(session, room) if session.pk else ""
    if found:
        told = fence(found, author="Parley", trust="record", origin="ledger", nonce=nonce)
        parts += ["The state of the work:", told]
    return "\n".join(parts) or "No objective is open."


def _assignments(session: Session) -> list[tuple[str, str, str, str]]:
    """Give what tells an agent its work: a head, the text, its author and where it comes from."""
    given = []
    if session.objective:
        wish = session.objective
        whole = "objective" in role_of(session.role).told
        text = f"{wish.title}\n{wish.prompt}" if whole else wish.title
        head = f"Objective {wish.number} ({wish.state}):"
        given.append((head, text, wish.opened_by.name, f"objective {wish.number}"))
    if session.task:
        task = session.task
        words = f"{task.name}: {task.title}\n{task.brief}".strip()
        head = f"Task #{task.number} ({task.state}, {task.phase}):"
        given.append((head, words, task.opened_by.name, f"task {task.number}"))
    if session.brief:
        author = session.parent.member.name if session.parent else "the project"
        given.append(("Your brief:", session.brief, author, "brief"))
    return given


def _given(text: str, author: str, origin: str, nonce: str) -> str:
    return fence(text, author=author, trust="assignment", origin=origin, nonce=nonce)


def _item(item: Mapping[str, Any], nonce: str) -> str:
    head = f"[{item['seq']}] {item['name']} by {item['actor']} in {item['where']}"
    facts = json.dumps(item["facts"], ensure_ascii=False, sort_keys=True) if item["facts"] else ""
    text = fence(
        "\n".join(filter(None, [facts, item["text"]])),
        author=item["actor"],
        trust="member",
        origin=item["where"],
        nonce=nonce,
    )
    return f"{head}\n{text}"


def result(call: ToolCall) -> str:
    """Give a tool's result as a model reads it: what files and programs say in an envelope.

    The envelope of a call is always the same, so that a conversation can be read from a cache. An
    action's answer stays plain JSON, in which nothing looks like an envelope.
    """
    if call.name not in tools.TOOLS:
        return defuse(call.result)
    nonce = salted_hmac("parley.tool", str(call.pk)).hexdigest()[:NONCE_CHARS]
    return fence(call.result, author="tool", trust="none", origin=call.name, nonce=nonce)


def value_of(text: str) -> Any:
    """Read a stored tool result back as plain values; None when it is no JSON."""
    try:
        return json.loads(text)
    except ValueError:
        return None
