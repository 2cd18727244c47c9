"""One end of the bundled story, whatever went wrong on the way."""

import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

from agents.models import PullRequest, Session, Step, ToolCall, Turn
from agents.rehearsing import Stage
from hub.actions import events
from hub.models import Charge, Message, Objective, Project, Task


def troubles(stage: Stage) -> list[str]:
    """List what is wrong: two merges, nothing said, done or booked twice, a log that is whole."""
    project = stage.project
    return [*_ends(project), *_doubles(), *_commits(stage.source), *_books(), *_log(project)]


def _ends(project: Project) -> list[str]:
    found = {
        "the objective": [Objective.objects.get(project=project).state, "succeeded"],
        "the tasks": [_states(Task.objects.all()), ["done", "done"]],
        "the changes": [_states(PullRequest.objects.all()), ["merged", "merged"]],
        "the providers": [{row.provider for row in Session.objects.all()}, {"anthropic"}],
    }
    wrong = [
        f"{what}: {now}, not {wanted}" for what, (now, wanted) in found.items() if now != wanted
    ]
    wrong += [f"failed: {turn.error}" for turn in Turn.objects.filter(state="failed")]
    refused = ToolCall.objects.filter(is_error=True)
    return [*wrong, *(f"{call.name} failed: {call.result[:300]}" for call in refused)]


def _states(rows: Any) -> list[str]:
    return list(rows.order_by("pk").values_list("state", flat=True))


def _doubles() -> list[str]:
    agents = Message.objects.filter(author__kind="agent")
    said = Counter(agents.values_list("author__name", "text"))
    found = [f"said {count} times: {words}" for words, count in said.items() if count > 1]
    merges = Counter(PullRequest.objects.values_list("task__number", flat=True))
    found += [f"#{task} was merged {count} times" for task, count in merges.items() if count > 1]
    uses = Counter(
        ToolCall.objects.filter(state="done").values_list("step__turn__session", "use_id")
    )
    return [*found, *(f"call {use} ran twice" for use, count in uses.items() if count > 1)]


def _commits(source: Path) -> list[str]:
    """Look into the merged branch: no change is in it twice."""
    log = subprocess.check_output(
        ["git", "-C", str(source), "log", "--format=%s", "main"], text=True
    )
    return [
        f"committed {count} times: {it}"
        for it, count in Counter(log.splitlines()).items()
        if count > 1
    ]


def _books() -> list[str]:
    """Every answer that is kept is booked once; what was lost is told apart."""
    answers = {
        (step.turn.session.number, step.turn.number, step.number)
        for step in Step.objects.select_related("turn__session")
    }
    settled = Charge.objects.filter(state="settled")
    booked = Counter((row.session, row.turn, int(row.key.split(":")[2])) for row in settled)
    found = [f"booked {count} times: {call}" for call, count in booked.items() if count > 1]
    if set(booked) != answers:
        found.append(f"booked and stored do not agree on {set(booked) ^ answers}")
    if Charge.objects.filter(state="reserved").exists():
        found.append("money is still reserved")
    return found


def _log(project: Project) -> list[str]:
    bad = events.verify(project.pk)
    return [f"the log is not whole at {bad.seq}: {bad.reason}"] if bad else []
