"""What sessions and pull requests show: on their own pages, on the hub's, and live."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from agents import access, providers, standing
from agents.models import Entry, PullRequest, Session, Target, Turn
from hub.models import Event, Project, Task
from hub.parts import bills, choices, live, notices, panels, team, timeline, words
from hub.parts.live import Part
from hub.parts.panels import Panel

from . import handoffs, moments
from . import team as at_work
from .pulls import standing as pull_standing
from .words import state_words

PULLS_SHOWN = 10
SESSIONS_SHOWN = 20
ICONS = {
    "read_file": "file",
    "write_file": "file-plus",
    "edit_file": "pencil",
    "search": "search",
    "list_files": "folder",
    "run_command": "terminal",
    "git_status": "git-branch",
    "git_diff": "git-branch",
    "commit": "git-commit-horizontal",
}
SENTENCES = {
    "pull.closed": "withdrew",
    "pull.merged": "merged",
    "pull.merging": "ordered the merge of",
    "pull.moved": "changed",
    "pull.opened": "offered",
    "pull.ready": "prepared",
    "pull.refused": "could not merge",
    "pull.reviewed": "gave a verdict ({verdict}) on",
    "handoff.acknowledged": "took over {agent}'s work:",
    "handoff.asked": "asked {agent} to hand over:",
    "handoff.canceled": "gave up",
    "handoff.composed": "composed the hand-off of {agent} to {to}:",
    "handoff.written": "handed over to {to}:",
    "session.asked": "asked the agent of",
    "objective.escalated": "asked people about",
    "objective.poked": "poked {agent} about",
    "objective.respawned": "gave a new manager, {agent}, to",
    "provider.retried": "lets turns begin again with {provider}",
    "provider.stopped": "holds back all turns with {provider}",
    "session.canceled": "ended {agent} in",
    "session.doubted": "asked a model to judge {agent} in",
    "session.failed": "failed in",
    "session.judged": "got a judgement ({verdict}) of",
    "session.paused": "paused",
    "session.relieved": "relieved {agent} in",
    "session.replied": "posted an answer of the agent of",
    "session.resumed": "resumed",
    "session.silent": "got no answer of the agent of",
    "session.started": "started {agent} as {role} in",
    "session.succeeded": "finished",
    "session.turn": "took turn {turn} of",
    "target.contained": "runs agents contained again on {target}",
    "target.uncontained": "runs agents without containment on {target}",
    "workspace.committed": "committed “{subject}” for",
    "workspace.ready": "made the checkout {branch} for",
}
PLACES = {
    "handoff": ("handoff", "hand-off {number}"),
    "pull": ("pull", "pull request {number}"),
    "session": ("session", "session {number}"),
}


def register() -> None:
    """Add the agents' parts, panels and sentences to the hub's; called once, in `ready()`."""
    words.add(SENTENCES, PLACES)
    notices.add(_uncontained)
    team.source(at_work.doing)
    panels.add("task", _of_task)
    panels.add("home", _of_home)
    panels.add("team-ended", at_work.ended)
    panels.add("team", _machines)
    panels.add("objective-work", moments.work)
    timeline.source(moments.Sessions())
    choices.offer("provider", lambda: sorted(providers.PROVIDERS))
    panels.add_each("agent", at_work.facts)
    panels.add_each("agent-do", at_work.buttons)
    live.on("session.")(_session_changed)
    live.on("pull.")(_pull_changed)
    live.on_ring("session", _entry_written)
    live.topic("session", access.get_session)
    live.topic("pull", access.get_pull)
    handoffs.register()


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One entry of a transcript as a turn shows it; `icon` fits what it is."""

    entry: Entry
    icon: str
    is_folded: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A turn with its lines; `turn` is None for what was written outside of turns.

    `micro_usd` is what it cost so far.
    """

    turn: Turn | None
    lines: list[Line]
    micro_usd: int = 0


def line(entry: Entry) -> Line:
    """Make one entry ready."""
    tool = entry.title.partition(" ")[0]
    icon = {"read": "inbox", "said": "message-square", "error": "triangle-alert", "note": "info"}
    return Line(
        entry=entry,
        icon=icon.get(entry.kind) or ICONS.get(tool, "zap"),
        is_folded=entry.kind not in {"said", "note"},
    )


def shown(entries: Iterable[Entry]) -> list[Shown]:
    """Sort entries, oldest first, into their turns."""
    found: list[Shown] = []
    for entry in entries:
        if not found or (found[-1].turn and found[-1].turn.pk) != entry.turn_id:
            found.append(Shown(turn=entry.turn, lines=[]))
        found[-1].lines.append(line(entry))
    return found


def priced(project: Project, session: int, turns: list[Shown]) -> list[Shown]:
    """Say of each turn what it cost, in one query."""
    costs = bills.of_turns(project, session, [one.turn.number for one in turns if one.turn])
    return [
        replace(one, micro_usd=costs.get(one.turn.number, 0)) if one.turn else one for one in turns
    ]


def _of_task(row: Task) -> list[Panel]:
    pulls = PullRequest.objects.filter(task=row).select_related("opened_by").order_by("-number")
    sessions = Session.objects.filter(task=row).select_related("member").order_by("-number")
    context = {
        "pulls": list(pulls[:PULLS_SHOWN]),
        "sessions": [(one, state_words(one)) for one in sessions[:SESSIONS_SHOWN]],
        "task": row,
    }
    return [("agents/_on_task.html", context)]


def _of_home(project: Project) -> list[Panel]:
    rows = PullRequest.objects.filter(project=project, ended_at=None)
    found = list(rows.select_related("opened_by", "task").order_by("-number")[:PULLS_SHOWN])
    return [("agents/_on_home.html", {"pulls": found})]


def _targets() -> list[Target]:
    return notices.kept("targets", lambda: list(Target.objects.order_by("name")))


def _uncontained() -> list[str]:
    """Say above every page where nothing contains agents, and what that means there."""
    return [f"{one.name}: {one.containment}" for one in _targets() if one.is_contained is False]


def _machines(project: Project) -> list[Panel]:  # noqa: ARG001 - they serve all projects
    return [("agents/_machines.html", {"targets": _targets()})]


def _session_changed(event: Event) -> Iterator[Part]:
    related = ("member__presence", "task", "project", "run", "target")
    rows = Session.objects.select_related(*related)
    row = rows.get(project=event.project, number=live.number_of(event))
    yield from _head(event.project, row)
    yield _why(event.project, row)
    yield from team.parts(event.project, [row.member])


def _why(project: Project, row: Session) -> Part:
    context = {"session": row, "conditions": standing.conditions(row), "project": project}
    return live.part([f"session:{row.number}"], "agents/_why.html", context)


def _head(project: Project, row: Session) -> Iterator[Part]:
    context = {"session": row, "words": state_words(row), "project": project}
    yield live.part([f"session:{row.number}"], "agents/_session_state.html", context)
    turn = row.turns.order_by("-number").first()
    if turn:
        cost = bills.of_turns(project, row.number, [turn.number]).get(turn.number, 0)
        shown_head = {"turn": turn, "project": project, "micro_usd": cost}
        yield live.part([f"session:{row.number}"], "agents/_turn_head.html", shown_head)


def _pull_changed(event: Event) -> Iterator[Part]:
    number = live.number_of(event)
    row = PullRequest.objects.select_related("task", "opened_by", "project", "decision").get(
        project=event.project, number=number
    )
    context: dict[str, Any] = {**pull_standing(row), "project": event.project}
    yield live.part([f"pull:{number}"], "agents/_pull_state.html", context)
    on_task = {"pull": row, "project": event.project}
    opened = event.name == "pull.opened"
    template = "agents/_pull_line_live.html" if opened else "agents/_pull_line.html"
    yield live.part([f"task:{row.task.number}", "home"], template, on_task)


def _entry_written(project: Project, number: int, seq: int) -> Iterator[Part]:
    rows = Entry.objects.filter(session__project=project, session__number=number, seq=seq)
    entry = rows.select_related("session__member__presence", "session__task", "turn").first()
    if entry is None:
        return
    topics = [f"session:{number}"]
    before = Entry.objects.filter(session=entry.session, turn=entry.turn, seq__lt=seq)
    context = {"one": line(entry), "turn": entry.turn, "session": entry.session, "project": project}
    template = "agents/_line_live.html" if before.exists() else "agents/_turn_live.html"
    alone = Shown(turn=entry.turn, lines=[line(entry)])
    yield live.part(topics, template, {**context, "shown": alone})
    state = {"session": entry.session, "words": state_words(entry.session), "project": project}
    yield live.part(topics, "agents/_session_state.html", state)
    yield from team.parts(project, [entry.session.member])
