"""What must hold after any crash: nothing twice, nothing half, nothing left behind."""

import subprocess
from collections import Counter
from pathlib import Path

from agents.models import PullRequest, Session, ToolCall, Turn, Workspace
from agents.rehearsing import Stage
from agents.tools import TOOLS
from hub.actions import events
from hub.models import Event, Message, Run, Task

TALLIES = ("tally.txt", "tally2.txt")


def troubles(stage: Stage) -> list[str]:
    """List what is wrong in a project whose story has been told."""
    return [*_doubles(stage), *_effects(stage), *_turns(stage), *_left(stage)]


def _doubles(stage: Stage) -> list[str]:
    said = Counter(
        (row.author.name, row.text)
        for row in Message.objects.filter(project=stage.project).select_related("author")
    )
    found = [f"said {count} times: {words}" for words, count in said.items() if count > 1]
    once = ("pull.opened", "pull.merged", "objective.opened", "objective.succeeded", "task.done")
    names = Counter(Event.objects.filter(project=stage.project).values_list("name", flat=True))
    found += [f"{names[name]} events {name}" for name in once if names[name] != 1]
    titles = Counter(Task.objects.filter(project=stage.project).values_list("title", flat=True))
    found += [f"opened {count} times: {title}" for title, count in titles.items() if count > 1]
    if len(titles) != 3:
        found.append(f"the tasks are {sorted(titles)}")
    roles = Counter(Session.objects.filter(project=stage.project).values_list("role", flat=True))
    if roles != {"em": 1, "manager": 1, "implementer": 1}:
        found.append(f"the sessions are {dict(roles)}")
    return found


def _effects(stage: Stage) -> list[str]:
    """Look into the merged branch: each command wrote its line once, or not at all."""
    found = []
    for name in TALLIES:
        path = stage.source / name
        if path.exists() and path.read_text() != "once\n":
            found.append(f"{name} holds {path.read_text()!r}")
    trees = _git(stage.source, "log", "--format=%T", "main").split()
    if len(trees) != len(set(trees)):
        found.append("a commit of the merged branch changes nothing")
    if PullRequest.objects.filter(state="merged").count() != 1:
        found.append("there is not one merge")
    problem = events.verify(stage.project.pk)
    return [*found, *([f"the log: {problem}"] if problem else [])]


def _turns(stage: Stage) -> list[str]:
    """No piece of news may be read by two turns that ended, no step stored twice."""
    read = Counter(
        (turn.session_id, item["seq"])
        for turn in Turn.objects.filter(session__project=stage.project, state="done")
        for item in turn.news
    )
    found = [f"session {one} read event {seq} twice" for (one, seq), n in read.items() if n > 1]
    calls = Counter(
        ToolCall.objects.filter(state="done").values_list("step__turn__session", "use_id")
    )
    twice = [use for (_, use), count in calls.items() if count > 1]
    found += [f"call {use} ran twice" for use in twice]
    bad = Turn.objects.exclude(state="done").count()
    return [*found, *([f"{bad} turns are not done"] if bad else [])]


def _left(stage: Stage) -> list[str]:
    rows = {
        "leases": Run.objects.filter(lease_until__isnull=False),
        "writers": Workspace.objects.filter(writer__isnull=False),
        "claims of pull requests": PullRequest.objects.filter(claimed_until__isnull=False),
        "programs": ToolCall.objects.filter(child_pid__isnull=False),
        "calls without an end": ToolCall.objects.filter(state__in=["planned", "begun"]),
        "half-handled messages": Message.objects.filter(handled_at=None),
    }
    found = [f"{query.count()} {name} are left" for name, query in rows.items() if query.exists()]
    locks = list(stage.source.rglob("*.lock"))
    return [*found, *(f"{path.name} is left in the source" for path in locks)]


def interrupted() -> list[str]:
    """Name the tools whose call a crash cut off; only those of the checkout may be."""
    names = set(ToolCall.objects.filter(state="interrupted").values_list("name", flat=True))
    return sorted(names - {*TOOLS, "commit"})


def _git(path: Path, *args: str) -> str:
    return subprocess.check_output(["git", "-C", str(path), *args], text=True)
