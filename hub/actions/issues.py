"""Where a question goes: to the people, or to the engineering manager who decides alone."""

from typing import Annotated, Literal

from pydantic import Field

from hub import access
from hub.actor import Actor
from hub.errors import Conflict
from hub.markdown import RichText
from hub.models import ChannelKind, Member
from hub.registry import action
from hub.schemas import IssueOut, TaskRef

from . import channels, decisions, messages
from .decisions import MAX_CHOICES, Choice

PEOPLES = frozenset({"scope", "user_visible", "architecture"})


@action("issue.escalate", needs="talk", returns=IssueOut)
def escalate(
    actor: Actor,
    about: Literal["scope", "user_visible", "architecture", "implementation"],
    text: RichText,
    *,
    choices: Annotated[list[Choice], Field(max_length=MAX_CHOICES)] = [],  # noqa: B006 - pydantic copies
    recommended: Annotated[int, Field(ge=1, le=MAX_CHOICES)] | None = None,
    task: TaskRef | None = None,
) -> IssueOut:
    """Bring up what you may not decide yourself; it goes where it belongs.

    Scope, behaviour that users see and architecture become a question to the people in the project
    channel. Implementation goes to the engineering manager in standup. Raises Conflict when you
    are the engineering manager and it is implementation: then decide.
    """
    if about in PEOPLES:
        home = channels.of_kind(actor, ChannelKind.PROJECT)
        row = decisions.ask(
            actor, text, choices=choices, recommended=recommended, task=task, channel=home.number
        )
        said = row.message.seq if row.message else None
        return IssueOut(channel=home.name, message=said, decision=row.number)
    return _to_manager(actor, text, choices, task)


def _to_manager(
    actor: Actor, text: RichText, choices: list[str], task: int | str | None
) -> IssueOut:
    if access.me(actor).role == "em":
        raise Conflict(
            "Implementation is yours to decide: decide, and say in standup what you decided.",
            code="issue.decide",
        )
    em = Member.objects.filter(project_id=actor.project_id, role="em", retired_at=None).first()
    if em is None:
        raise Conflict(
            "There is no engineering manager now; decide, and say in standup what you decided.",
            code="issue.no_manager",
        )
    about = f" about #{access.get_task(actor, task).number}" if task else ""
    lines = [f"{number}. {choice}" for number, choice in enumerate(choices, 1)]
    words = "\n\n".join(filter(None, [f"@{em.name}{about}: {text.text}", "\n".join(lines)]))
    standup = channels.of_kind(actor, ChannelKind.STANDUP)
    said = messages.take_in(actor, standup, RichText.of(words), obey=False)
    return IssueOut(channel=standup.name, message=said.seq, decision=None)
