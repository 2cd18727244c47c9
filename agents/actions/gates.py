"""What the agents tell the hub about an objective's end and a task that got stuck."""

from agents import access as own
from agents.models import Note, PullRequest, PullState, Session, SessionState, ToolCall, Verdict
from agents.models.sessions import CallState
from hub.actions import gates
from hub.actor import Actor
from hub.models import Objective, Task
from hub.text import clip

from . import cards, endings, pulls

MAX_OUTPUT_CHARS = 3_000
MAX_NOTES = 20


def register() -> None:
    """Answer the hub's questions; called once, in `ready()`."""
    gates.before_success(_left)
    gates.at_giving_up(_give_up)
    gates.for_people(_evidence)


def _at_work(actor: Actor, objective: Objective) -> list[Session]:
    """List the live sessions of an objective, without the manager of all and who asks."""
    rows = Session.objects.live().filter(objective=objective).exclude(role="em")
    mine = own.acting_session(actor)
    rows = rows.exclude(pk=mine.pk) if mine else rows
    return list(rows.select_related("member", "task", "parent").order_by("number"))


def _open_pulls(objective: Objective) -> list[PullRequest]:
    rows = PullRequest.objects.filter(task__objective=objective, ended_at=None)
    return list(rows.order_by("number"))


def _left(actor: Actor, objective: Objective) -> list[str]:
    offered = [f"pull request {row.number} ({row.state})" for row in _open_pulls(objective)]
    working = [
        f"session {row.number} ({row.member.name}, {row.role})"
        for row in _at_work(actor, objective)
    ]
    return [*offered, *working]


def _give_up(actor: Actor, objective: Objective, reason: str) -> None:
    for row in _at_work(actor, objective):
        if Session.objects.live().filter(pk=row.pk).exists():  # else it ended with its parent
            endings.end(actor, row, SessionState.CANCELED, reason)
    for pull in _open_pulls(objective):
        if pull.state != PullState.MERGING:  # its job goes on; what it reports is no harm
            pulls.close(actor, pull.number)


def _evidence(task: Task) -> list[str]:
    """Give the last test output, the notes of the last review, and where to see more."""
    return [*filter(None, [_last_test(task), _open_notes(task), _links(task)])]


def _last_test(task: Task) -> str:
    done = ToolCall.objects.filter(
        step__turn__session__task=task, name="run_command", state=CallState.DONE
    )
    by_tester = done.filter(step__turn__session__role="tester")
    last = (by_tester if by_tester.exists() else done).order_by("-pk").first()
    if last is None:
        return ""
    command = str(last.arguments.get("command", ""))
    how = "ran out of time" if last.exit_code is None else f"ended with {last.exit_code}"
    tail = last.result[-MAX_OUTPUT_CHARS:]
    return f"Last test: `{clip(command, 300)}` {how}.\n{tail}"


def _open_notes(task: Task) -> str:
    pull = PullRequest.objects.filter(task=task).order_by("-number").first()
    last = pull.reviews.order_by("-pk").first() if pull else None
    if pull is None or last is None or last.verdict != Verdict.CHANGES:
        return ""
    rows = Note.objects.filter(review=last).order_by("pk")[:MAX_NOTES]
    notes = [f"- {one.path}:{one.line} {clip(one.text, 300)}" for one in rows]
    words = f"Open review notes on pull request {pull.number}, by {last.reviewer.name}:"
    return "\n".join([words, clip(last.text, 1_000), *notes])


def _links(task: Task) -> str:
    slug = task.project.slug
    offered = PullRequest.objects.filter(task=task).order_by("number")
    lines = [f"Pull request {row.number}: /p/{slug}/pull/{row.number}/" for row in offered]
    testers = Session.objects.filter(task=task, role="tester").select_related("project")
    newest = testers.order_by("-number")[:3]
    lines += [f"Tester's session {row.number}: {cards.link(row)}" for row in newest]
    return "\n".join(lines)
