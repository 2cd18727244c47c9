"""`manage.py verify_log`: reads every project's log and names the first row that is not right."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from hub.actions import events
from hub.management import house
from hub.models import ProjectClock


class Command(BaseCommand):
    """Check that no log has a hole, a change or a missing end."""

    help = "Check the hash chain of every project's log; exit 1 at the first bad row."

    def handle(self, *args: Any, **options: Any) -> None:
        """Verify all logs. Raises CommandError."""
        with house.borrowed_database(settings.PARLEY_HOME):
            for clock in ProjectClock.objects.select_related("project").order_by("project_id"):
                bad = events.verify(clock.project_id)
                if bad:
                    raise CommandError(f"{clock.project.slug}: event {bad.seq} {_is(bad.reason)}")
                self.stdout.write(f"{clock.project.slug}: {clock.seq} events, whole")


def _is(reason: str) -> str:
    return f"is {reason}" if reason.startswith("missing") else reason
