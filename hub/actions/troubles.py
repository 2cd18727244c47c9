"""Trouble: reported once, repeats folded, owned by somebody, acknowledged and resolved."""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from django.conf import settings
from django.db.models import Max
from pydantic import Field

from hub import access, identify
from hub.actor import Actor
from hub.markdown import RichText
from hub.models import (
    TROUBLE_STATES,
    ChannelKind,
    DecisionKind,
    DecisionState,
    Member,
    MemberKind,
    Task,
    Trouble,
    TroubleState,
)
from hub.registry import action
from hub.schemas import Limit, Line, MemberName, Number, TaskOut, TroubleOut
from hub.text import clip, mask

from . import channels, decisions, events, messages, tasks
from .effects import Effect

MAX_TEXT_CHARS = 2_000
MAX_SHOWN_CHARS = 700  # of the text in chat; all of it is on the errors page
SeverityName = Literal["warning", "error", "critical"]
Subject = Annotated[
    str,
    Field(
        pattern=r"^$|^(task|session|pull|objective|message):[0-9]{1,9}$",
        description="what it is about: task:12, session:3, pull:4, objective:1, message:812",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Something that went wrong. Reports of one `kind` about one subject are the same trouble.

    Without a `kind` the text is compared.
    """

    text: str
    severity: SeverityName = "error"
    subject: str = ""
    kind: str = ""

    @property
    def digest(self) -> str:
        """What makes two reports the same."""
        what = "\x00".join([self.kind or self.text, self.subject])
        return hashlib.sha256(what.encode("utf-8", "surrogatepass")).hexdigest()


@action("trouble.report", needs="talk", returns=TroubleOut)
def report(
    actor: Actor,
    text: Annotated[str, Field(min_length=3, max_length=MAX_TEXT_CHARS)],
    *,
    severity: SeverityName = "error",
    subject: Subject = "",
    owner: MemberName | None = None,
) -> Trouble:
    """Report something that went wrong and that you cannot repair; it gets an owner.

    The same report again is counted, not repeated. The owner is the engineering manager unless you
    name somebody. For questions use issue.escalate.
    """
    who = access.get_live_member(actor, owner) if owner else None
    return take_up(actor, Report(text=text, severity=severity, subject=subject), who)


def take_up(actor: Actor, told: Report, owner: Member | None = None) -> Trouble:
    """Write a report, under the lock: a new trouble is said in the errors channel, once."""
    told = replace(told, text=clip(mask(told.text).strip(), MAX_TEXT_CHARS))
    rows = Trouble.objects.filter(project_id=actor.project_id)
    known = rows.unresolved().filter(digest=told.digest).select_related("message", "owner").first()
    if known is not None:
        return _fold(actor, known, told)
    row = Trouble(
        project_id=actor.project_id,
        number=(rows.aggregate(last=Max("number"))["last"] or 0) + 1,
        severity=told.severity,
        owner=owner or _responsible(actor),
        reporter=access.me(actor),
        text=told.text,
        subject=told.subject,
        digest=told.digest,
        first_at=actor.now,
        last_at=actor.now,
    )
    errors = channels.of_kind(actor, ChannelKind.ERRORS)
    row.message = messages.take_in(_hub(actor), errors, _spoken(row), obey=False)
    row.save(force_insert=True)
    _log(actor, "trouble.reported", row, severity=row.severity)
    return row


def _fold(actor: Actor, row: Trouble, told: Report) -> Trouble:
    row.count, row.last_at = row.count + 1, actor.now
    before, row.severity = row.severity, max(row.severity, told.severity, key=_weight)
    row.save(update_fields=["count", "last_at", "severity"])
    has_doubled = row.count & (row.count - 1) == 0  # 2, 4, 8 … times: what fails often is no flood
    if has_doubled or row.severity != before:
        _say_again(actor, row)
        _log(actor, "trouble.repeated", row, count=row.count)
    return row


def _weight(severity: str) -> int:
    return ("warning", "error", "critical").index(severity)


def _responsible(actor: Actor) -> Member | None:
    """Choose an owner: the engineering manager, else the person who owns the project."""
    live = Member.objects.filter(project_id=actor.project_id, retired_at=None).order_by("pk")
    return live.filter(role="em").first() or live.filter(role="owner").first()


def _hub(actor: Actor) -> Actor:
    """Give Parley's own actor: the post is edited later, whoever reports then."""
    return replace(identify.of_hub(actor.project_id, "hub"), clock=actor.now, cause=actor.cause)


def address(row: Trouble) -> str:
    """Give the path at which a trouble is shown."""
    return f"/p/{row.project.slug}/errors/#trouble-{row.number}"


def _spoken(row: Trouble) -> RichText:
    """Say a trouble in chat. Only its owner is called: the text may hold anything."""
    times = f" ({row.count} times, last at {row.last_at:%H:%M} UTC)" if row.count > 1 else ""
    owner = f"Owner: @{row.owner.name}. " if row.owner else ""
    link = f"[All about it]({settings.PARLEY_PUBLIC_URL}{address(row)})"
    how = {
        TroubleState.OPEN: f"Acknowledge it with `!ack {row.number}`",
        TroubleState.ACKNOWLEDGED: f"Acknowledged by {row.acknowledged_by_name}",
        TroubleState.RESOLVED: "Resolved",
    }[TroubleState(row.state)]
    about = f", {row.subject.replace(':', ' ')}" if row.subject else ""
    head = f"**{row.severity.capitalize()} {row.number}**{about}{times}, from {row.reporter.name}:"
    said = RichText.of(f"{head}\n\n{_quoted(row)}\n\n{owner}{how}. {link}")
    return replace(said, mentions=(row.owner.name,) if row.owner else ())


def _quoted(row: Trouble) -> str:
    """Show a text as it is: nothing in it is a mention, a link or a command."""
    shown = clip(row.text, MAX_SHOWN_CHARS).replace("```", "'''")
    return f"```\n{shown}\n```"


def _say_again(actor: Actor, row: Trouble) -> None:
    """Bring the one post up to date."""
    if row.message is not None and row.message.deleted_at is None:
        messages.edit(_hub(actor), row.message.seq, _spoken(row))


def _log(actor: Actor, name: str, row: Trouble, **facts: Any) -> None:
    events.record(actor, name, f"trouble:{row.number}", **facts)


@action("trouble.acknowledge", needs="work", returns=TroubleOut, chat="!ack")
def acknowledge(actor: Actor, trouble: Number) -> Trouble:
    """Say that you look after a trouble; you become its owner. Raises Conflict if somebody does."""
    row = access.get_trouble(actor, trouble)
    _acknowledge(actor, row)
    return row


def _acknowledge(actor: Actor, row: Trouble) -> None:
    me = access.me(actor)
    owner = row.owner if me.kind == MemberKind.HUB else me
    TROUBLE_STATES.move(
        row,
        TroubleState.ACKNOWLEDGED,
        acknowledged_by=me,
        acknowledged_at=actor.now,
        owner=owner,
    )
    _say_again(actor, row)
    _log(actor, "trouble.acknowledged", row)
    _close_card(actor, row)


@action("trouble.resolve", needs="work", returns=TroubleOut)
def resolve(
    actor: Actor, trouble: Number, *, how: Annotated[str, Field(max_length=500)] = ""
) -> Trouble:
    """Say that a trouble is over; the same report is a new trouble from then on."""
    row = access.get_trouble(actor, trouble)
    TROUBLE_STATES.move(
        row,
        TroubleState.RESOLVED,
        resolved_by=access.me(actor),
        resolved_at=actor.now,
        resolution=mask(how),
    )
    _say_again(actor, row)
    _log(actor, "trouble.resolved", row)
    _close_card(actor, row)
    return row


@action("trouble.open_task", needs="plan", returns=TaskOut)
def open_task(actor: Actor, trouble: Number, *, title: Line = "") -> Task:
    """Open a task to remove the cause of a trouble, and acknowledge it."""
    row = access.get_trouble(actor, trouble)
    if row.state == TroubleState.OPEN:
        _acknowledge(actor, row)
    first = row.text.strip().splitlines()[0]
    brief = f"{row.severity} {row.number} {row.subject}, seen {row.count} times:\n\n{row.text}"
    return tasks.open_task(actor, title.strip() or clip(f"Repair: {first}", 80), brief=brief)


def _close_card(actor: Actor, row: Trouble) -> None:
    """Withdraw the card that asked for somebody: there is one now."""
    if row.decision is None:
        return
    row.decision.refresh_from_db()
    if row.decision.state == DecisionState.OPEN:
        decisions.cancel(actor, row.decision)


@action("trouble.list", needs="read", returns=list[TroubleOut], writes=False)
def listing(actor: Actor, *, resolved: bool = False, limit: Limit = 50) -> list[Trouble]:
    """List what went wrong and is not resolved, the newest first; with `resolved` all of it."""
    rows = Trouble.objects.filter(project_id=actor.project_id)
    rows = rows.select_related("owner", "acknowledged_by").order_by("-number")
    return list((rows if resolved else rows.unresolved())[:limit])


def patience(now: datetime) -> datetime:
    """Give the moment before which trouble must have been acknowledged by now."""
    return now - timedelta(seconds=settings.TROUBLE_PING_S)


def ping(actor: Actor, now: datetime) -> int:
    """Tell the people, under the lock, of trouble that nobody acknowledged; tell how many."""
    rows = Trouble.objects.filter(project_id=actor.project_id).unheard(patience(now))
    late = list(rows.select_related("owner", "project").order_by("number"))
    for row in late:
        _ask_people(actor, row)
    return len(late)


def _ask_people(actor: Actor, row: Trouble) -> None:
    number = {"trouble": row.number}
    choices = [
        ("I look after it", Effect(action="trouble.acknowledge", payload=number)),
        ("Open a task for it", Effect(action="trouble.open_task", payload=number)),
    ]
    owner = f" Its owner is {row.owner.name}." if row.owner else ""
    minutes = round((actor.now - row.first_at).total_seconds() / 60)
    since = f"{row.severity} {row.number} for {minutes} minutes"
    words = f"Nobody has acknowledged {since}.{owner}\n\n{_quoted(row)}"
    card = decisions.open_card(
        actor, DecisionKind.ESCALATION, RichText.of(words), choices, link=address(row)
    )
    Trouble.objects.filter(pk=row.pk).update(decision=card, pinged_at=actor.now)
    _log(actor, "trouble.unheard", row, decision=card.number)
