"""A rehearsal from outside: builds the stage, plays the person's part, turns the wheels.

Everything else is the product: the same actions, turns, tools, git and merges as with any provider.
"""

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from agents import example_repository, jobs, leases, merging, places, turns, waking
from agents.git import repository
from agents.models import PullRequest, PullState, Session, Turn
from agents.policy import script as scripts
from agents.policy.script import Script
from hub import identify, registry
from hub import jobs as hub_jobs
from hub.actions import events, members
from hub.actor import Actor
from hub.models import (
    HOUSE,
    Decision,
    DecisionKind,
    Message,
    Objective,
    ObjectiveState,
    Project,
    Task,
    User,
)
from hub.models.projects import project_lock

CHECK = "python3 -m unittest -q"
PAUSE_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A project with a real repository, a script, and the person who watches."""

    project: Project
    script: Script
    person: Actor
    source: Path


def build(script: str, home: Path) -> Stage:
    """Make a person, a repository and a project that plays a script."""
    source = home / "rehearsal" / "wordcount"
    source.parent.mkdir(parents=True, exist_ok=True)
    example_repository.make(source)
    user = User.objects.create_user("pat", display_name="Pat")
    with project_lock(HOUSE) as lock:
        members.add(identify.of_hub(HOUSE).at(lock.now), "Pat", "owner", user_id=user.pk)
    made = registry.call(
        identify.of_house(user, "cli"),
        "project.create",
        {
            "name": "Word count",
            "repository": str(source),
            "check_command": CHECK,
            "script": script,
        },
    )
    project = Project.objects.get(pk=made["id"])
    person = identify.of_user(user, project.slug, "cli")
    return Stage(project=project, script=scripts.load(script), person=person, source=source)


def play(stage: Stage, timeout_s: float, write: Callable[[str], object]) -> str:
    """Post the objective and play until it is over; give the reason if it is not done in time."""
    said = {"channel": "project", "text": stage.script.objective}
    registry.call(stage.person, "message.post", said, "rehearsal:objective")
    deadline, shown = time.monotonic() + timeout_s, 0
    while time.monotonic() < deadline:
        shown = show(stage, shown, write)
        done = over(stage)
        if done is not None:
            return done
        if not _turn_the_wheels(stage):
            act(stage)
            time.sleep(PAUSE_S)
    return f"It was not done after {timeout_s:.0f} s; the state: {state(stage)}"


def _turn_the_wheels(stage: Stage) -> bool:
    hub_jobs.sweep()
    waking.make_due(stage.project.pk, coalesce_s=0)
    jobs.sweep()
    live = PullRequest.objects.filter(state__in=[PullState.PREPARING, PullState.MERGING])
    for pk in live.values_list("pk", flat=True):
        merging.work_on(pk)
    waking.make_due(stage.project.pk, coalesce_s=0)
    ran = False
    while leases.waiting(settings.PARLEY_TARGET) and turns.run_next(settings.PARLEY_TARGET):
        ran = True
    return ran


def act(stage: Stage) -> None:
    """Play the person: answer what is asked, approve and merge what is offered."""
    for card in Decision.objects.open().filter(project=stage.project).order_by("number"):
        if card.kind != DecisionKind.REVIEW:
            text = f"!ans {card.number} {card.recommended or 1}"
            said = {"channel": "project", "text": text}
            registry.call(stage.person, "message.post", said, f"rehearsal:answer:{card.number}")
            continue
        pull = PullRequest.objects.get(decision=card)
        if pull.state != PullState.OPEN:
            continue
        verdict = {"pull": pull.number, "verdict": "approve", "text": "Good. Merge it."}
        registry.call(stage.person, "pull.review", {**verdict, "tree": pull.tree})
        registry.call(stage.person, "pull.merge", {"pull": pull.number})


def over(stage: Stage) -> str | None:
    objective = Objective.objects.filter(project=stage.project).first()
    if objective is None or objective.state in {ObjectiveState.ACTIVE, ObjectiveState.WAITING}:
        failed = Turn.objects.filter(session__project=stage.project, state="failed").last()
        return f"A turn failed: {failed.error}" if failed else None
    if objective.state != ObjectiveState.SUCCEEDED:
        return f"The objective {objective.state}."
    return verdict(stage)


def verdict(stage: Stage) -> str:
    """Check what was promised: merged, tests green, log whole. Nothing means all is well."""
    tip = repository.branch_tip(places.bare(stage.project), "main")
    merged = PullRequest.objects.filter(project=stage.project, state=PullState.MERGED).last()
    if merged is None or merged.merged_commit != tip:
        return "The base branch does not end with the merged commit."
    done = subprocess.run(
        [sys.executable, "-m", "unittest", "-q"], cwd=stage.source, capture_output=True, check=False
    )
    if done.returncode:
        return f"The tests of the merged repository fail: {done.stderr.decode()[-500:]}"
    bad = events.verify(stage.project.pk)
    return f"The log is not whole at {bad.seq}: {bad.reason}" if bad else ""


def show(stage: Stage, after: int, write: Callable[[str], object]) -> int:
    rows = Message.objects.filter(project=stage.project, seq__gt=after).order_by("seq")
    for row in rows.select_related("author", "channel"):
        write(f"#{row.channel.name}  {row.author.name}: {row.text}")
        after = row.seq
    return after


def state(stage: Stage) -> str:
    tasks = [f"#{task.number} {task.state}/{task.phase}" for task in stage.project.tasks.all()]
    live = Session.objects.live().filter(project=stage.project).select_related("member")
    sessions = [f"{row.member.name} ({row.role}, {row.state})" for row in live]
    return ", ".join([*tasks, *sessions])


def summary(stage: Stage, seconds: float) -> str:
    """Say in a few lines what came of it."""
    merged = PullRequest.objects.filter(project=stage.project, state=PullState.MERGED)
    rows = [
        ("tasks", Task.objects.filter(project=stage.project).count()),
        ("sessions", Session.objects.filter(project=stage.project).count()),
        ("turns", Turn.objects.filter(session__project=stage.project).count()),
        ("messages", Message.objects.filter(project=stage.project).count()),
        ("events", events.upto(stage.project.pk)),
        ("merged", ", ".join(row.merged_commit[:10] for row in merged.order_by("pk")) or "nothing"),
        ("seconds", f"{seconds:.1f}"),
    ]
    return "\n".join(["", "Rehearsal:", *(f"  {name:9} {value}" for name, value in rows)])
