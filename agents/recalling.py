"""What an agent that is gone is asked with: its conversation is read, nothing else is done."""

import secrets

from agents import compose, paying
from agents.models import Aside, Session, Turn
from agents.providers.base import Exchange, Past, Provider, Request
from hub.text import clip, fence

MAX_RESULT_CHARS = 2_000
ASKED = (
    "Your part is over and others go on with your work. Somebody asks you about it. Answer from "
    "what you know, in at most 200 words, and say so when you do not know. You have no tools, and "
    "nothing you say changes anything."
)


def request(row: Aside, provider: Provider, model: str) -> Request:
    """Make the request for one answer; it has no tools and leaves no trace in the session."""
    session = row.session
    question = fence(
        row.question,
        author=row.asker.name,
        trust="member",
        origin="a question",
        nonce=secrets.token_hex(8),
    )
    return Request(
        role=session.role,
        agent=session.member.name,
        task=session.task.name if session.task else "",
        brief=session.brief,
        script=session.project.script,
        system=compose.system(session),
        prompt=f"{ASKED}\n\n{question}",
        news=(),
        exchanges=(),
        tools=(),
        state=session.provider_state,
        model=model,
        max_output_tokens=paying.longest_answer(model),
        history=_history(session) if provider.wants_history else (),
    )


def _history(session: Session) -> tuple[Past, ...]:
    """Give the session's turns as plain talk: without tools no call of one may be in it."""
    rows = session.turns.exclude(prompt="").order_by("number")
    return tuple(
        Past(prompt=turn.prompt, exchanges=(Exchange(text=_told(turn), outcomes=()),))
        for turn in rows.prefetch_related("steps__calls")
    )


def _told(turn: Turn) -> str:
    parts: list[str] = []
    for step in sorted(turn.steps.all(), key=lambda one: one.number):
        parts += [step.text] if step.text else []
        parts += [
            f"[I called {call.name} with {clip(str(call.arguments), MAX_RESULT_CHARS)}; "
            f"it answered: {clip(call.result, MAX_RESULT_CHARS)}]"
            for call in step.calls.all()
        ]
    return "\n".join(parts) or "[I said nothing.]"
