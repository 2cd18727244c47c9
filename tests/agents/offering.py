"""A change offered for review: what tests of pull requests begin with."""

import subprocess
from pathlib import Path

from agents import checkouts, merging
from agents.models import PullRequest, Session, Workspace
from agents.turns import load
from hub import registry
from hub.actor import Actor

from .stage import Set

FIX = ('WORD = re.compile(r"[a-z]+")', """WORD = re.compile(r"[a-z]+(?:'[a-z]+)*")""")


def change(actor: Actor, old: str = FIX[0], new: str = FIX[1]) -> None:
    """Edit the checkout and commit it in the agent's name."""
    session = load(Session.objects.get(run_id=actor.run_id).pk)
    workspace = Workspace.objects.get()
    path = Path(workspace.path) / "wordcount" / "counting.py"
    path.write_text(path.read_text().replace(old, new))
    checkouts.commit(actor, session, workspace, "Repair the words")


def offered(stage: Set, actor: Actor) -> PullRequest:
    """Open a pull request and let the worker prepare it."""
    made = registry.call(actor, "pull.open", {"task": 1, "title": "Repair the words"})
    return prepared(made["number"])


def prepared(number: int) -> PullRequest:
    row = PullRequest.objects.get(number=number)
    merging.work_on(row.pk)
    row.refresh_from_db()
    return row


def merge(stage: Set, row: PullRequest) -> PullRequest:
    stage.act("pull.merge", pull=row.number)
    return prepared(row.number)


def commit_in(source: Path, name: str, text: str) -> None:
    (source / name).write_text(text)
    who = ["-c", "user.name=Pat", "-c", "user.email=pat@parley.invalid"]
    for command in (["add", name], [*who, "commit", "-qm", f"Change {name}"]):
        subprocess.run(["git", *command], cwd=source, check=True)
