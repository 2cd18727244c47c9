"""`manage.py rehearse`: the main job as one command, from a sentence to a merged commit."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, call_command

from agents import containment, rehearsing
from agents.rehearsing import REHEARSAL, Wish
from agents.terminal import NobodyThereError, Terminal
from hub import embedded
from hub.celery import app
from hub.errors import HubError

REHEARSAL_S = 300.0
TEAM_S = 7_200.0


class Command(BaseCommand):
    """Play the main job in a fresh database and print what is said."""

    help = (
        "An objective travels from a chat line to a merged branch: a rehearsal on the bundled "
        "example, no key needed, or with --provider anthropic a real team on any repository."
    )
    requires_system_checks = []  # there is no key and no database before the folder is made

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take who plays what where, how long it may take, and whether to keep what it leaves."""
        parser.add_argument("--script", default="wordcount")
        parser.add_argument("--provider", default=REHEARSAL, help="who plays the agents")
        parser.add_argument("--repo", default="", metavar="PATH", help="a git repository of yours")
        parser.add_argument("--objective", default="", help="what you want done there")
        parser.add_argument("--check", default="", help="the command that must pass before a merge")
        parser.add_argument(
            "--yes", action="store_true", help="approve each merge and take each recommendation"
        )
        parser.add_argument(
            "--timeout", type=float, metavar="SECONDS", help="300, with a real team 7200"
        )
        parser.add_argument("--keep", action="store_true", help="keep the folder it worked in")
        parser.add_argument("--inside", action="store_true", help="use the database as it is")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run in a folder of its own, or, told so, in the present one."""
        _check(options)
        if options["inside"]:
            self._play(options)
            return
        folder = Path(tempfile.mkdtemp(prefix="parley-rehearsal-"))
        folder.chmod(0o711)  # the database's user has to pass through
        try:
            code = self._apart(folder, options)
        finally:
            embedded.stop(folder)
            if options["keep"]:
                self.stdout.write(f"Kept: {folder}")
            else:
                shutil.rmtree(folder, ignore_errors=True)
        if code:
            raise CommandError("the rehearsal failed", returncode=1)

    def _apart(self, folder: Path, options: dict[str, Any]) -> int:
        environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
        environment |= {"PARLEY_HOME": str(folder), "PARLEY_SECRET_KEY": os.urandom(24).hex()}
        embedded.start(folder)
        argv = [sys.executable, sys.argv[0], "rehearse", "--inside"]
        for name in ("script", "provider", "repo", "objective", "check", "timeout"):
            argv += [f"--{name}={options[name]}"] if options[name] else []
        argv += ["--yes"] if options["yes"] else []
        return subprocess.run(argv, env=environment, check=False).returncode  # noqa: S603 - ourselves

    def _play(self, options: dict[str, Any]) -> None:
        app.conf.update(broker_url="memory://")
        call_command("migrate", verbosity=0)
        started = time.monotonic()
        self.stdout.write(containment.report())
        is_rehearsal = options["provider"] == REHEARSAL
        try:
            wish = Wish(
                provider=options["provider"],
                repository=Path(options["repo"]).resolve() if options["repo"] else None,
                objective=options["objective"],
                check=options["check"],
            )
            stage = rehearsing.build(options["script"], Path(settings.PARLEY_HOME), wish)
            person = Terminal(write=self.stdout.write, approves=options["yes"]).act
            seconds = options["timeout"] or (REHEARSAL_S if is_rehearsal else TEAM_S)
            problem = rehearsing.play(
                stage, seconds, self.stdout.write, None if is_rehearsal else person
            )
        except (HubError, NobodyThereError) as error:
            raise CommandError(str(error), returncode=1) from error
        self.stdout.write(rehearsing.summary(stage, time.monotonic() - started))
        if problem:
            raise CommandError(problem, returncode=1)


def _check(options: dict[str, Any]) -> None:
    own = options["repo"] or options["objective"]
    if own and options["provider"] == REHEARSAL:
        raise CommandError(
            "A rehearsal plays its script on the bundled example; --repo and --objective need a "
            "provider that can do what they say: --provider anthropic."
        )
    if options["repo"] and not options["objective"]:
        raise CommandError("Say with --objective what you want done there.")
