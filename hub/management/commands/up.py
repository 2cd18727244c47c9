"""`manage.py up`: everything that Parley needs, under one Ctrl-C."""

import gc
import sys
import time
from contextlib import ExitStack
from typing import Any

from django.conf import settings
from django.core.management import CommandError, CommandParser
from django.core.management.base import BaseCommand

from agents import containment
from hub.management import house, welcome
from hub.management.parts import ROLES, parts_of
from hub.management.processes import Ending, Supervisor


class Command(BaseCommand):
    """Prepare the house and keep its programs running until Ctrl-C."""

    help = "Start Parley: database, web, workers, beat and doorbell. Ctrl-C stops all of it."
    requires_system_checks = []  # there may be no key and no database yet; `prepare` checks

    def add_arguments(self, parser: CommandParser) -> None:
        """Add --roles and --no-demo."""
        parser.add_argument("--no-demo", dest="demo", action="store_false", help="no demo project")
        parser.add_argument(
            "--roles",
            default=",".join(ROLES),
            help=f"comma list of what runs here, of {', '.join(ROLES)}; default: all",
        )

    def handle(self, *args: Any, roles: str, demo: bool, **options: Any) -> None:
        """Run until a signal asks for the end."""
        started = time.monotonic()
        ending = Ending()
        ending.listen()
        wanted = roles_in(roles)
        home = settings.PARLEY_HOME
        with ExitStack() as stack:
            stack.enter_context(house.only_one(home, wanted))
            house.make_secret_key(home)
            door = house.open_door(settings.PARLEY_BIND) if "web" in wanted else None
            if door:
                stack.enter_context(door)
            stack.enter_context(house.database(home))
            self.check()
            house.prepare_database(demo=demo)
            house.clear_broker(home)
            held = containment.report() if "sessions" in wanted else ""
            hall = welcome.hall(door, started) if door else None
            house.leave_database()
            gc.freeze()  # else Python's end looks through all of Django once more: 0.5 s
            parts = parts_of(
                wanted, hall.environment if hall else {}, door.fileno() if door else None
            )
            supervisor = Supervisor(parts, ending, sys.stdout, spare=house.database_pid(home))
            if held:
                supervisor.say(held)
            if hall:
                welcome.announce(hall, supervisor.say)
            supervisor.run()


def roles_in(text: str) -> list[str]:
    """Read the comma list of --roles. Raises CommandError for an unknown one."""
    found = [role.strip() for role in text.split(",") if role.strip()]
    unknown = sorted(set(found) - set(ROLES))
    if unknown or not found:
        raise CommandError(
            f"There is no role {', '.join(unknown) or 'given'}; known are {', '.join(ROLES)}."
        )
    return [role for role in ROLES if role in found]
