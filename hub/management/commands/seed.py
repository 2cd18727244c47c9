"""`manage.py seed`: the first administrator, the house's owner and the demo project, once."""

from typing import Any

from django.conf import settings
from django.core.management import CommandParser
from django.core.management.base import BaseCommand

from agents import example_repository
from hub import identify, registry
from hub.actions import members
from hub.models import HOUSE, Member, Project, User
from hub.models.projects import project_lock

ADMIN = "admin"
ADMIN_NAME = "Admin"
DEMO = "Demo"
CHECK_COMMAND = "python3 -m unittest -q"
SCRIPT = "wordcount"


class Command(BaseCommand):
    """Fill a fresh database; a second run changes nothing."""

    help = "Make the first administrator and the demo project, unless they were made before."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add --no-demo."""
        parser.add_argument("--no-demo", dest="demo", action="store_false", help="no demo project")

    def handle(self, *args: Any, demo: bool, **options: Any) -> None:
        """Seed what is missing."""
        owner = seed_owner()
        if demo and seed_demo(owner):
            self.stdout.write(f"The demo project is in {settings.PARLEY_HOME / 'demo'}.")


def seed_owner() -> User:
    """Give the first administrator, who owns the house; made when there is none."""
    user = User.objects.filter(is_superuser=True).order_by("pk").first()
    if user is None:
        user = User(username=ADMIN, display_name=ADMIN_NAME, is_staff=True, is_superuser=True)
        user.set_unusable_password()
        user.save(force_insert=True)
    with project_lock(HOUSE) as lock:
        if not Member.objects.filter(project_id=HOUSE, user=user).exists():
            hub = identify.of_hub(HOUSE, "command").at(lock.now)
            members.add(hub, members.name_of(user), "owner", user_id=user.pk)
    return user


def seed_demo(owner: User) -> bool:
    """Make the demo project with its repository, in a house that never had a project."""
    if Project.objects.exclude(pk=HOUSE).exists():
        return False
    repository = settings.PARLEY_HOME / "demo" / "wordcount"
    if not repository.exists():
        repository.parent.mkdir(parents=True, exist_ok=True)
        example_repository.make(repository)
    wanted = {
        "name": DEMO,
        "repository": str(repository),
        "check_command": CHECK_COMMAND,
        "script": SCRIPT,
        "purpose": "Try Parley here: say what you want in the project channel.",
    }
    registry.call(identify.of_house(owner, "command"), "project.create", wanted, key="seed:demo")
    return True
