"""The words a provider is given: who it is, what the state is, what is new. No transcripts."""

import json
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agents.models import Session
from hub.policy.roles import role as role_of
from hub.text import clip, fence

RULES = Path(__file__).resolve().parent / "prompts" / "rules.txt"
MAX_BRIEF_CHARS = 6_000
DIRECT = "direct-"  # how names of private channels begin


def system(session: Session) -> str:
    """Say who the agent is and what its role's brief and the house's rules are."""
    role = role_of(session.role)
    rules = RULES.read_text(encoding="utf-8").strip()
    return (
        f"You are {session.member.name}, {role.title.lower()} in the project "
        f"{session.project.name}.\n\n{role.brief.strip()}\n\n{rules}"
    )


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
    return "\n\n".join(
        ["While you worked, this was said to you:", *(_item(one, nonce) for one in items)]
    )


def public(inbox: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what was said in private: a transcript is for the whole project to read."""
    items = [
        {**item, "text": "(private)", "facts": {}} if item["where"].startswith(DIRECT) else item
        for item in inbox["items"]
    ]
    return {**inbox, "items": items}


def _state(session: Session, nonce: str) -> str:
    parts = []
    if session.objective:
        wish = session.objective
        parts.append(f"Objective {wish.number} ({wish.state}):")
        parts.append(_given(wish.title, wish.opened_by.name, f"objective {wish.number}", nonce))
    if session.task:
        task = session.task
        words = f"{task.name}: {task.title}\n{clip(task.brief, MAX_BRIEF_CHARS)}".strip()
        parts.append(f"Task #{task.number} ({task.state}, {task.phase}):")
        parts.append(_given(words, task.opened_by.name, f"task {task.number}", nonce))
    if session.brief:
        author = session.parent.member.name if session.parent else "the project"
        parts.append("Your brief:")
        parts.append(_given(clip(session.brief, MAX_BRIEF_CHARS), author, "brief", nonce))
    return "\n".join(parts) or "No objective is open."


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


def value_of(text: str) -> Any:
    """Read a stored tool result back as plain values; None when it is no JSON."""
    try:
        return json.loads(text)
    except ValueError:
        return None
