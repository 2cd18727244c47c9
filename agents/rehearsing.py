"""The main job from outside: builds the stage, plays the person's part, turns the wheels.

Everything else is the product: the same actions, turns, tools, git and merges as with any provider.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db.models import Sum

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

REHEARSAL = "rehearsal"
TOKENS = {
    "input_tokens": "in",
    "cache_write_tokens": "written to the cache",
    "cache_read_tokens": "read from it",
    "output_tokens": "out",
}
CHECK = "python3 -m unittest -q"
PAUSE_S = 0.02
LONG_PAUSE_S = 0.25  # a model takes seconds: looking more often is of no use


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a person wants done where, and who does it; without a repository on the example."""

    provider: str = REHEARSAL
    repository: Path | None = None
    objective: str = ""
    check: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A project with a real repository, a script, and the person who watches."""

    project: Project
    script: Script
    person: Actor
    source: Path
    objective: str
    is_example: bool = True


def build(script: str, home: Path, wish: Wish = Wish()) -> Stage:
    """Make a person and a project that plays a script, or does what somebody wishes."""
    source = wish.repository or _example(home)
    user = User.objects.create_user("pat", display_name="Pat")
    with project_lock(HOUSE) as lock:
        members.add(identify.of_hub(HOUSE).at(lock.now), "Pat", "owner", user_id=user.pk)
    made = registry.call(
        identify.of_house(user, "cli"),
        "project.create",
        {
            "name": source.name if wish.repository else "Word count",
            "repository": str(source),
            "check_command": wish.check if wish.repository else wish.check or CHECK,
            "script": script,
        },
    )
    project = Project.objects.get(pk=made["id"])
    person = identify.of_user(user, project.slug, "cli")
    if wish != Wish():
        branch = repository.ensure_mirror(str(source), home / "rehearsal" / "look.git")
        chosen = {"provider": wish.provider, "base_branch": branch}
        registry.call(person, "project.update", chosen)
        project.refresh_from_db()
    return Stage(
        project=project,
        script=scripts.load(script),
        person=person,
        source=source,
        objective=wish.objective or scripts.load(script).objective,
        is_example=wish.repository is None and not wish.objective,
    )


def _example(home: Path) -> Path:
    source = home / "rehearsal" / "wordcount"
    source.parent.mkdir(parents=True, exist_ok=True)
    example_repository.make(source)
    return source


def play(
    stage: Stage,
    timeout_s: float,
    write: Callable[[str], object],
    person: Callable[[Stage], None] | None = None,
) -> str:
    """Post the objective and play until it is over; give the reason if it is not done in time.

    `person` does what a person has to; without one it is done as the script's person would.
    """
    said = {"channel": "project", "text": stage.objective}
    registry.call(stage.person, "message.post", said, "rehearsal:objective")
    deadline, shown = time.monotonic() + timeout_s, 0
    while time.monotonic() < deadline:
        shown = show(stage, shown, write)
        done = over(stage)
        if done is not None:
            return done
        if not _turn_the_wheels(stage):
            (person or act)(stage)
            time.sleep(PAUSE_S if stage.project.provider == REHEARSAL else LONG_PAUSE_S)
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
        return _trouble(stage)
    if objective.state != ObjectiveState.SUCCEEDED:
        return f"The objective {objective.state}."
    return verdict(stage)


def _trouble(stage: Stage) -> str | None:
    """Say why it cannot go on: a script's turn failed, or a session was paused for its failures."""
    failed = Turn.objects.filter(session__project=stage.project, state="failed")
    if stage.project.provider != REHEARSAL:
        failed = failed.filter(session__paused_at__isnull=False)
    last = failed.order_by("pk").last()
    return f"A turn failed: {last.error}" if last else None


def verdict(stage: Stage) -> str:
    """Check what was promised: merged, tests green, log whole. Nothing means all is well.

    Somebody's own repository may need no merge, and its tests ran with each merge.
    """
    tip = repository.branch_tip(places.bare(stage.project), stage.project.base_branch)
    merged = PullRequest.objects.filter(project=stage.project, state=PullState.MERGED)
    last = merged.order_by("ended_at").last()
    if (last is None and stage.is_example) or (last and last.merged_commit != tip):
        return "The base branch does not end with the merged commit."
    is_ours = stage.is_example and stage.project.provider == REHEARSAL
    return (_tests(stage) if is_ours else "") or _log(stage)


def _tests(stage: Stage) -> str:
    """Run the example's tests, outside of any box: only what Parley's own script has written."""
    done = subprocess.run(
        [sys.executable, "-m", "unittest", "-q"],
        cwd=stage.source,
        env={"PATH": os.defpath},
        capture_output=True,
        check=False,
    )
    if done.returncode:
        return f"The tests of the merged repository fail: {done.stderr.decode()[-500:]}"
    return ""


def _log(stage: Stage) -> str:
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
    used = Turn.objects.filter(session__project=stage.project).aggregate(
        **{name: Sum(name) for name in TOKENS}
    )
    rows = [
        ("tasks", Task.objects.filter(project=stage.project).count()),
        ("sessions", Session.objects.filter(project=stage.project).count()),
        ("turns", Turn.objects.filter(session__project=stage.project).count()),
        ("messages", Message.objects.filter(project=stage.project).count()),
        ("events", events.upto(stage.project.pk)),
        ("merged", ", ".join(row.merged_commit[:10] for row in merged.order_by("pk")) or "nothing"),
        ("tokens", ", ".join(f"{used[name] or 0} {words}" for name, words in TOKENS.items())),
        ("seconds", f"{seconds:.1f}"),
    ]
    if stage.project.provider == REHEARSAL:
        rows = [row for row in rows if row[0] != "tokens"]
    title = "Rehearsal" if stage.project.provider == REHEARSAL else "Result"
    return "\n".join(["", f"{title}:", *(f"  {name:9} {value}" for name, value in rows)])
