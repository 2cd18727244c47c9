"""The words a provider is given: who it is, what the state is, what is new. No transcripts."""

import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agents.models import Session
from hub.policy.roles import role as role_of
from hub.text import clip, fence

RULES = Path(__file__).resolve().parent / "prompts" / "rules.txt"
MAX_BRIEF_CHARS = 6_000


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
    parts = [_state(session)]
    parts += [_item(item, nonce) for item in inbox["items"]]
    parts += [
        f"Not shown: {left['count']} more in {left['where']}, numbers {left['first_seq']} to "
        f"{left['last_seq']}; read them with log_read or message_list if you need them."
        for left in inbox["skipped"]
    ]
    if not inbox["items"]:
        parts.append("Nothing new was said. Begin.")
    return "\n\n".join(parts)


def _state(session: Session) -> str:
    lines = []
    if session.objective:
        lines.append(f"Objective {session.objective.number}: {session.objective.title}")
    if session.task:
        task = session.task
        lines.append(f"Task #{task.number} {task.name}: {task.title} ({task.state}, {task.phase})")
        lines.append(clip(task.brief, MAX_BRIEF_CHARS))
    if session.brief:
        lines.append(f"Your brief: {clip(session.brief, MAX_BRIEF_CHARS)}")
    return "\n".join(line for line in lines if line) or "No objective is open."


def _item(item: Mapping[str, Any], nonce: str) -> str:
    head = f"[{item['seq']}] {item['name']} by {item['actor']} in {item['where']}"
    facts = json.dumps(item["facts"], ensure_ascii=False, sort_keys=True) if item["facts"] else ""
    text = fence(
        item["text"], author=item["actor"], trust="member", origin=item["where"], nonce=nonce
    )
    return "\n".join(filter(None, [head, facts, text]))


def value_of(text: str) -> Any:
    """Read a stored tool result back as plain values; None when it is no JSON."""
    try:
        return json.loads(text)
    except ValueError:
        return None
