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
from hub import embedded
from hub.celery import app


class Command(BaseCommand):
    """Play a whole rehearsal in a fresh database and print what is said."""

    help = "Rehearse: an objective travels from a chat line to a merged branch. No key needed."
    requires_system_checks = []  # there is no key and no database before the folder is made

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the script, how long it may take, and whether to keep what it leaves."""
        parser.add_argument("--script", default="wordcount")
        parser.add_argument("--timeout", type=float, default=300, metavar="SECONDS")
        parser.add_argument("--keep", action="store_true", help="keep the folder it worked in")
        parser.add_argument("--inside", action="store_true", help="use the database as it is")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run in a folder of its own, or, told so, in the present one."""
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
        argv += ["--script", options["script"], "--timeout", str(options["timeout"])]
        return subprocess.run(argv, env=environment, check=False).returncode  # noqa: S603 - ourselves

    def _play(self, options: dict[str, Any]) -> None:
        app.conf.update(broker_url="memory://")
        call_command("migrate", verbosity=0)
        started = time.monotonic()
        self.stdout.write(containment.report())
        stage = rehearsing.build(options["script"], Path(settings.PARLEY_HOME))
        problem = rehearsing.play(stage, options["timeout"], self.stdout.write)
        self.stdout.write(rehearsing.summary(stage, time.monotonic() - started))
        if problem:
            raise CommandError(problem, returncode=1)
