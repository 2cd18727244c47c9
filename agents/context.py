"""The state of the work as an agent of a role is told it: one line a thing, never a transcript."""

from collections.abc import Callable, Mapping

from django.db.models import Q, QuerySet

from agents.models import PullRequest, PullState, Session
from agents.policy import dispatch
from hub.models import Artifact, Decision, Task, TaskDependency, Visibility
from hub.policy.roles import role as role_of

MAX_ROWS = 60


def ledger(session: Session, max_bytes: int) -> str:
    """Summarise what the role of a session is told: its task's state, or for the EM everybody's."""
    told = role_of(session.role).told
    sections = {title: list(SECTIONS[title](session)) for title in told if title in SECTIONS}
    return dispatch.ledger(sections, max_bytes)


def _scope(session: Session, task: str, objective: str) -> Q:
    """Keep what belongs to a session's work: its task, else its objective, else the project."""
    if session.task_id:
        return Q(**{task: session.task_id})
    if session.objective_id:
        return Q(**{objective: session.objective_id})
    return Q()


def _tasks(session: Session) -> list[str]:
    rows = Task.objects.filter(project_id=session.project_id)
    wish = session.objective_id
    rows = rows.filter(objective_id=wish) if wish else rows.live()
    rows = rows.select_related("holder", "assignee").order_by("-priority", "number")[:MAX_ROWS]
    waits: dict[int, list[str]] = {}
    edges = TaskDependency.objects.filter(task__in=[row.pk for row in rows], resolved_at=None)
    for task_id, number in edges.values_list("task_id", "blocker__number"):
        waits.setdefault(task_id, []).append(f"#{number}")
    return [_task(row, waits.get(row.pk, [])) for row in rows]


def _task(row: Task, waits: list[str]) -> str:
    state = f"{row.state}, {row.phase}" if row.phase and row.ended_at is None else row.state
    who = row.holder_name or (row.assignee_name and f"for {row.assignee_name}") or "nobody's"
    facts = [f"#{row.number} {row.name} ({state}; {who})"]
    if waits:
        facts.append(f"waits for {', '.join(waits)}")
    if row.stopped_at:
        facts.append(f"stopped after {row.rounds} rounds of fixing")
    return f"{', '.join(facts)}: {row.title}"


def _sessions(session: Session) -> list[str]:
    rows = Session.objects.filter(project_id=session.project_id).exclude(pk=session.pk)
    if session.task_id:
        rows = rows.filter(task_id=session.task_id)
    else:
        rows = rows.live().exclude(role="em")
    rows = rows.select_related("member", "task").order_by("-number")[:MAX_ROWS]
    return [_session(row) for row in rows]


def _session(row: Session) -> str:
    work = f" on #{row.task.number}" if row.task else ""
    words = row.summary or row.activity
    return f"{row.number} {row.member.name}, {row.role}{work}, {row.state}: {words}".rstrip(": ")


def _pulls(session: Session) -> list[str]:
    rows: QuerySet[PullRequest] = PullRequest.objects.filter(project_id=session.project_id)
    rows = rows.filter(_scope(session, "task", "task__objective"))
    rows = rows.exclude(state=PullState.CLOSED).select_related("task").order_by("-number")
    return [
        f"{row.number} for #{row.task.number}, {row.state}: {row.title}"
        + (f" (not merged: {row.refusal})" if row.refusal else "")
        for row in rows[:MAX_ROWS]
    ]


def _questions(session: Session) -> list[str]:
    rows = Decision.objects.open().filter(project_id=session.project_id)
    rows = rows.filter(_scope(session, "task", "objective")).select_related("asker")
    rows = rows.order_by("number")
    return [f"{row.number} by {row.asker.name}: {row.text}" for row in rows[:MAX_ROWS]]


def _notes(session: Session) -> list[str]:
    rows = Artifact.objects.filter(project_id=session.project_id)
    rows = rows.exclude(visibility=Visibility.DEBUG).select_related("author")
    own = _scope(session, "task", "objective")
    wider = Q(objective=session.objective_id, task=None) if session.objective_id else Q()
    rows = rows.filter(own | wider if wider else own).order_by("-number")
    return [
        f"{row.kind} {row.number} by {row.author.name}, {row.title}: {row.summary or row.uri}"
        for row in rows[:MAX_ROWS]
    ]


SECTIONS: Mapping[str, Callable[[Session], list[str]]] = {
    "tasks": _tasks,
    "sessions": _sessions,
    "pull requests": _pulls,
    "open questions": _questions,
    "notes": _notes,
}
