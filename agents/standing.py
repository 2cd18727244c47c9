"""What keeps a session from its next turn, read from the rows for `agents.policy.why`."""

from datetime import datetime

from agents import leases, toolbox
from agents.models import Aside, AsideKind, AsideState, Session, SessionState, Workspace
from agents.policy.why import Condition, Situation, Stop, why
from hub import clock
from hub.models import HOUSE, Decision, DecisionKind, Event, Project


def conditions(row: Session) -> list[Condition]:
    """List in words what a session's next turn needs, met or not, and what a model judged."""
    now = clock.now()
    return why(situation(row, now), now) + _judged(row)


def _judged(row: Session) -> list[Condition]:
    asked = Aside.objects.filter(session=row, kind=AsideKind.JUDGE).order_by("pk").last()
    if asked is None:
        return []
    if asked.state == AsideState.ASKED:
        return [Condition("A model is asked whether it is busy, idle or stuck.", ok=False)]
    said = "no verdict" if asked.state == AsideState.FAILED else "judged"
    model = f" by {asked.model}" if asked.model else ""
    when = f"{asked.ended_at:%H:%M} UTC"
    fine = asked.answer.startswith("busy:")
    return [Condition(f"At {when}{model} {said}: {asked.answer}", ok=fine)]


def situation(row: Session, now: datetime) -> Situation:
    """Read a session's situation. Its project, run, member, target and task are loaded."""
    if row.ended_at is not None:
        return Situation(ended=row.get_state_display())
    if row.run.lease_until is not None and row.run.lease_until > now:
        return Situation(in_turn=row.activity or "working")
    house = Project.objects.get(pk=HOUSE)
    asked = Decision.objects.open().filter(asker_id=row.member_id, kind=DecisionKind.QUESTION)
    waits = row.state == SessionState.WAITING_USER
    return Situation(
        everything=_stop(house.pk, "project.paused", f"project:{HOUSE}", house.paused_at),
        project=_stop(
            row.project_id, "project.paused", f"project:{row.project_id}", row.project.paused_at
        ),
        is_archived=row.project.archived_at is not None,
        own=_stop(row.project_id, "session.paused", f"session:{row.number}", row.paused_at),
        waits_for=tuple(asked.order_by("number").values_list("number", flat=True)) if waits else (),
        parked_until=row.parked_until,
        parked_words=row.activity if row.parked_until else "",
        target=row.target.name,
        target_state=row.target.state,
        is_new=row.state == SessionState.QUEUED,
        slots=row.target.slots,
        busy=leases.running(row.target.name),
        writer=_writer(row, now),
        due_at=row.due_at,
    )


def _stop(project_id: int, name: str, subject: str, since: datetime | None) -> Stop | None:
    """Find who stopped something that is stopped since then."""
    if since is None:
        return None
    rows = Event.objects.filter(project_id=project_id, subject=subject, name=name)
    event = rows.select_related("actor").order_by("-seq").first()
    if event is None:
        return Stop(since=since)
    return Stop(since=since, by=event.actor.name, reason=str(event.facts.get("reason", "")))


def _writer(row: Session, now: datetime) -> str:
    if row.task_id is None or row.role not in toolbox.WRITERS:
        return ""
    busy = Workspace.objects.filter(task_id=row.task_id, writer__lease_until__gt=now)
    other = busy.exclude(writer_id=row.run_id).select_related("writer__member").first()
    return other.writer.member.name if other and other.writer else ""
