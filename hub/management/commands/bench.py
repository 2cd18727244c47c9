"""`manage.py bench`: how fast Parley is here, beside what plain SQL takes."""

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, call_command

from bench import fanout, house, measure
from bench.cases import Cases


class Command(BaseCommand):
    """Measure in a fresh database, with a web server of its own."""

    help = "Measure posts, claims, inbox reads and the fan-out; each case takes a few seconds."
    requires_system_checks = []  # the secret key is made below, with the database

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take how long a case lasts, how many readers there are, and how to print."""
        parser.add_argument("--json", action="store_true", help="print a list instead of a table")
        parser.add_argument("--seconds", type=float, default=3.0, help="how long a case lasts")
        parser.add_argument("--readers", default="1,100,1000", help="live sockets, a comma list")
        parser.add_argument("--inside", action="store_true", help="use the database as it is")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run in a database of its own, or, told so, in the present one."""
        if options["inside"]:
            self._measure(options)
            return
        with house.fresh(settings.DATABASE_URL) as environment:
            argv = [sys.argv[0], "bench", "--inside", "--seconds", str(options["seconds"])]
            argv += ["--readers", options["readers"], *(["--json"] if options["json"] else [])]
            if house.again(environment, *argv):
                raise CommandError("the bench failed")

    def _measure(self, options: dict[str, Any]) -> None:
        seconds, readers = options["seconds"], [int(one) for one in options["readers"].split(",")]
        call_command("migrate", verbosity=0)
        with house.web() as address:
            cases = Cases(address, seconds)
            found = list(cases.lines())
            found += fanout.lines(cases.parley, address, readers, (seconds, cases.ground()))
        if options["json"]:
            self.stdout.write(json.dumps([asdict(one) for one in found], indent=1))
        else:
            self.stdout.write(measure.table(found))
