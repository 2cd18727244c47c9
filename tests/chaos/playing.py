"""What children of the nursery do."""

import json
import logging
import sys
from collections import Counter
from pathlib import Path

from django.conf import settings

from agents import recovery, rehearsing
from agents.policy import script as scripts
from agents.rehearsing import Stage
from hub import faults, identify
from hub.celery import app
from hub.models import Project, User

SHORT = "short"
PATIENCE_S = 90


def prepare(home: str) -> None:
    """Do what a worker's program does first, in a test's house."""
    settings.PARLEY_HOME = Path(home)
    scripts.FOLDER = Path(__file__).parent
    app.conf.update(broker_url="memory://")
    logging.getLogger().setLevel(logging.WARNING)


def stage_of(project: int) -> Stage:
    row = Project.objects.get(pk=project)
    user = User.objects.get(username="pat")
    script = scripts.load(row.script)
    return Stage(
        project=row,
        script=script,
        objective=script.objective,
        person=identify.of_user(user, row.slug, "cli"),
        source=Path(row.repository),
    )


def play(home: str, project: int, fault: str = "") -> int:
    """Start as a worker does, then play the story to its end, or to the fault point."""
    prepare(home)
    faults.arm(fault)
    recovery.reconcile(settings.PARLEY_TARGET)
    problem = rehearsing.play(stage_of(project), PATIENCE_S, lambda _line: None)
    sys.stdout.write(f"{problem or 'the story is told'}\n")
    return 1 if problem else 0


def count_points(home: str, project: int, into: str) -> int:
    """Play the story without a fault and write how often it passes each point."""
    prepare(home)
    passes: Counter[str] = Counter()
    faults.listen(lambda point: passes.update([point]))
    problem = rehearsing.play(stage_of(project), PATIENCE_S, lambda _line: None)
    Path(into).write_text(json.dumps(passes))
    return 1 if problem else 0
