"""`manage.py bench`: how fast Parley is here, beside what plain SQL takes."""

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, call_command

from bench import cards, crowd, fanout, house, measure, players, wake
from bench.cases import Cases
from bench.measure import Line
from bench.stage import archive, build

COUNTS = {
    "wakes": (100, "wake-ups of sleeping agents, two a second"),
    "agents": (50, "rehearsed agents that take turns at once"),
    "cards": (200, "agents on the team page"),
}


class Command(BaseCommand):
    """Measure in a fresh database, with a web server and workers of its own."""

    help = "Measure actions, fan-out, pages and turns; each case takes a few seconds."
    requires_system_checks = []  # the secret key is made below, with the database

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take how long a case lasts, how many there are of what, and how to print."""
        parser.add_argument("--json", action="store_true", help="print a list instead of a table")
        parser.add_argument("--seconds", type=float, default=3.0, help="how long a case lasts")
        parser.add_argument("--readers", default="1,100,1000", help="live sockets, a comma list")
        for name, (count, words) in COUNTS.items():
            parser.add_argument(f"--{name}", type=int, default=count, help=words)
        parser.add_argument("--inside", action="store_true", help="use the database as it is")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run in a database of its own, or, told so, in the present one."""
        if options["inside"]:
            self._report(options)
            return
        with house.fresh(settings.DATABASE_URL) as environment:
            argv = [sys.argv[0], "bench", "--inside", "--seconds", str(options["seconds"])]
            argv += ["--readers", options["readers"], *(["--json"] if options["json"] else [])]
            for name in COUNTS:
                argv += [f"--{name}", str(options[name])]
            if house.again(environment, *argv):
                raise CommandError("the bench failed")

    def _report(self, options: dict[str, Any]) -> None:
        call_command("migrate", verbosity=0)
        with house.web() as address:
            # First, while the database is still: checkpoints follow what the other cases write.
            staffed = _staffed(address, options)
            found = [*_alone(address, options), *staffed]
        if options["json"]:
            self.stdout.write(json.dumps([asdict(one) for one in found], indent=1))
        else:
            self.stdout.write(measure.table(found))


def _alone(address: tuple[str, int], options: dict[str, Any]) -> list[Line]:
    """Measure what the web server does without any worker."""
    seconds, readers = options["seconds"], [int(one) for one in options["readers"].split(",")]
    cases = Cases(address, seconds)
    found = list(cases.lines())
    found += fanout.lines(cases.parley, address, readers, (seconds, cases.ground()))
    found += cards.lines(address, options["cards"], seconds)
    return found


def _staffed(address: tuple[str, int], options: dict[str, Any]) -> list[Line]:
    """Measure what the whole house does; its workers end with it."""
    seconds, ground = options["seconds"], build("bench ground", settings.SESSION_SLOTS)
    archive(ground)
    players.write_script()
    with house.staff(address):
        found = list(wake.lines(ground, address, options["wakes"], seconds))
        found += crowd.lines(ground, address, options["agents"], seconds)
    return found
