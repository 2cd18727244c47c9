"""What a model is told of an agent that seems to wait: facts from rows, nobody's chat."""

from datetime import datetime

from agents import facts
from agents.models import Entry, Session
from agents.policy.why import Condition
from agents.providers import sizes
from agents.providers.base import JudgeRequest
from agents.standing import conditions

ENTRIES = 12


def question(session: Session, now: datetime) -> JudgeRequest:
    """Gather what tells whether a session is busy, idle or stuck."""
    known = facts.gather(session)
    last = Entry.objects.filter(session=session).order_by("-seq").first()
    since = last.at if last else session.created_at
    return JudgeRequest(
        facts={
            "state": session.get_state_display(),
            "silent_s": int((now - since).total_seconds()),
            "turns": known.turns,
            "context_tokens": known.context_tokens,
            "context_limit_tokens": known.limit_tokens,
            "role": session.role,
            "task": known.task,
            "phase": known.phase,
            "activity": known.activity,
            "open_questions": len(known.questions),
            "agents_it_started": len(known.children),
            "next_turn_needs": "\n".join(map(_line, conditions(session))),
            "last_steps": _last_steps(session),
            "last_commands": "\n".join(
                f"{one.command} (exit {one.exit_code})" for one in known.commands
            ),
            "last_words": known.last_words,
        }
    )


def _line(condition: Condition) -> str:
    return f"{'yes' if condition.ok else 'no'}: {condition.words}"


def _last_steps(session: Session) -> str:
    """List the titles of the last lines of the transcript, oldest first: loops show in them."""
    rows = Entry.objects.filter(session=session).order_by("-seq")[:ENTRIES]
    return "\n".join(f"{one.kind}: {one.title}" for one in reversed(rows))


def size(asked: JudgeRequest) -> int:
    """Tell how many tokens a question has at most."""
    return sum(sizes.tokens(f"{name}: {value}") for name, value in asked.facts.items()) + 1_000
