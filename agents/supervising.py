"""The supervisor's facts, all from rows, and the words of its messages."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet

from agents.models import PullRequest, Session, SessionState, Turn
from agents.policy.supervise import QUIET_S, Standing
from hub.models import (
    HOUSE,
    Decision,
    DecisionKind,
    DecisionState,
    Event,
    Objective,
    ObjectiveState,
    Project,
    Task,
)
from hub.text import clip

LEADERS = ("em", "manager")
STEPS = ("objective.poked", "objective.respawned", "objective.escalated")
MAX_OBJECTIVE_CHARS = 6_000
MAX_LINE_CHARS = 280
MAX_LINES = 20
JOINER = "@\u2060"  # keeps a name that is only quoted from being addressed
DEMAND = (
    "Do exactly one of these now: start whoever has to work on it (session_start), ask a person "
    "(decision_ask), or finish it (objective_finish)."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An objective, how it stands, who leads it, and the manager whose place may be taken."""

    objective: Objective
    standing: Standing
    leader: Session | None
    last: Session | None


def unattended(now: datetime, project_id: int | None = None) -> list[tuple[int, int]]:
    """List (project, objective) of the active ones that no worker lives for; of one project too."""
    workers = Session.objects.live().filter(objective=OuterRef("pk")).exclude(role__in=LEADERS)
    stopped = Project.objects.filter(pk=HOUSE, paused_at__isnull=False)
    rows = Objective.objects.filter(
        state=ObjectiveState.ACTIVE,
        opened_at__lte=now - timedelta(seconds=QUIET_S),
        project__paused_at=None,
        project__archived_at=None,
    ).exclude(project__repository="")
    rows = rows.filter(~Exists(workers), ~Exists(stopped)).order_by("project_id", "number")
    if project_id is not None:
        rows = rows.filter(project_id=project_id)
    return list(rows.values_list("project_id", "pk"))


def case(objective: Objective, now: datetime) -> Case:
    """Read how an objective stands."""
    sessions = Session.objects.filter(objective=objective).select_related("member", "run", "task")
    managers = sessions.filter(role="manager").order_by("-number")
    last = managers.first()
    leader = managers.live().first() or _em(objective, last)
    counted = managers
    forgiven = _forgiven_at(objective)
    if forgiven:
        counted = managers.filter(created_at__gt=forgiven)
    took_turns = Exists(Turn.objects.filter(session=OuterRef("pk")))
    in_flight = Q(pk__in=Session.objects.live().values("pk"))
    standing = Standing(
        live_workers=sessions.live().exclude(role__in=LEADERS).count(),
        waits_for_others=_waits(objective),
        is_engaged=leader is not None and _is_engaged(leader, now),
        quiet_s=(now - _acted_at(leader)).total_seconds() if leader else None,
        since_last_s=_since_last_s(objective, now),
        genuine=counted.filter(Q(took_turns) | in_flight).count(),
        spawns=counted.count(),
    )
    return Case(objective=objective, standing=standing, leader=leader, last=last)


def _em(objective: Objective, last: Session | None) -> Session | None:
    """Give the engineering manager, who leads where no manager was lost by failing."""
    if last is not None and last.state == SessionState.FAILED:
        return None
    rows = Session.objects.live().filter(project_id=objective.project_id, role="em")
    return rows.select_related("member", "run", "task").first()


def _is_engaged(leader: Session, now: datetime) -> bool:
    fresh = leader.state in {SessionState.QUEUED, SessionState.STARTING}
    works = leader.run.lease_until is not None and leader.run.lease_until > now
    held = leader.paused_at is not None or (leader.parked_until or now) > now
    waits = leader.state in {SessionState.WAITING_USER, SessionState.WAITING_CAPACITY}
    return fresh or works or held or waits or leader.due_at is not None


def _acted_at(leader: Session) -> datetime:
    turn = leader.turns.order_by("-number").first()
    return (turn and (turn.ended_at or turn.started_at)) or leader.created_at


def _waits(objective: Objective) -> bool:
    pulls = PullRequest.objects.filter(task__objective=objective, ended_at=None)
    asked = Decision.objects.open().filter(Q(objective=objective) | Q(task__objective=objective))
    return pulls.exists() or asked.exists()


def _steps(objective: Objective) -> QuerySet[Event]:
    subject = f"objective:{objective.number}"
    rows = Event.objects.filter(project_id=objective.project_id, subject=subject)
    return rows.filter(name__in=STEPS).order_by("-seq")


def _since_last_s(objective: Objective, now: datetime) -> float | None:
    step = _steps(objective).first()
    return (now - step.at).total_seconds() if step else None


def _forgiven_at(objective: Objective) -> datetime | None:
    """Say when a person last answered an escalation: managers are counted from then."""
    rows = Decision.objects.filter(objective=objective, kind=DecisionKind.ESCALATION)
    card = rows.filter(state=DecisionState.ANSWERED).order_by("-answered_at").first()
    return card.answered_at if card else None


def snapshot(objective: Objective) -> str:
    """Say in a few lines what there is: tasks, sessions, pull requests. No transcripts."""
    tasks = Task.objects.filter(objective=objective).order_by("number")
    sessions = Session.objects.filter(objective=objective).select_related("member", "task")
    pulls = PullRequest.objects.filter(task__objective=objective).order_by("number")
    lines = [f"Task #{row.number} {row.name}: {row.state} {row.phase}" for row in tasks[:MAX_LINES]]
    lines += [_of_session(row) for row in sessions.order_by("-number")[:MAX_LINES]]
    lines += [f"Pull request {row.number}: {row.state}" for row in pulls[:MAX_LINES]]
    return _listed(lines) or "- Nothing was begun."


def _of_session(row: Session) -> str:
    what = row.summary or row.activity
    where = f" on #{row.task.number}" if row.task else ""
    return f"{row.member.name}, {row.role}{where}: {row.state}. {what}"


def _listed(lines: Iterable[str]) -> str:
    return "\n".join(f"- {clip(' '.join(line.split()), MAX_LINE_CHARS)}" for line in lines)


def restated(objective: Objective) -> str:
    """Say what is wanted, as a quotation in which nobody is addressed."""
    words = clip(objective.prompt, MAX_OBJECTIVE_CHARS)
    return "\n".join(f"> {line}" for line in words.splitlines())


def nudge(found: Case, name: str) -> str:
    """Write the message that wakes the leader of an objective that stands still."""
    number = found.objective.number
    quoted = f"{restated(found.objective)}\n\n{snapshot(found.objective)}".replace("@", JOINER)
    return f"@{name} objective {number} stands still. What is wanted:\n\n{quoted}\n\n{DEMAND}"


def brief(found: Case) -> str:
    """Write the brief of the manager who takes a dead one's place."""
    before = found.last.member.name if found.last else "Nobody"
    return (
        f"{before} led objective {found.objective.number} before you and is gone. What is wanted:"
        f"\n{clip(found.objective.prompt, MAX_OBJECTIVE_CHARS - 2_500)}\n"
        f"What there is:\n{clip(snapshot(found.objective), 2_000)}\n"
        "Go on from there; do not do again what is done."
    )
