"""`manage.py seed`, and the doorbell's process: what they do once, and what they leave alone."""

import subprocess

import pytest
from django.core.management import call_command

from hub.actions import events
from hub.models import HOUSE, Event, Member, Project, User


@pytest.fixture
def home(db, settings, tmp_path):
    settings.PARLEY_HOME = tmp_path
    return tmp_path


def test_a_fresh_house_gets_an_administrator_without_a_password(home):
    call_command("seed", demo=False)

    admin = User.objects.get()
    assert (admin.username, admin.is_staff, admin.is_superuser) == ("admin", True, True)
    assert not admin.has_usable_password()
    assert Member.objects.get(user=admin).project_id == HOUSE
    assert not Project.objects.exclude(pk=HOUSE).exists()


def test_the_demo_is_a_project_on_a_real_repository(home):
    call_command("seed", verbosity=0)

    project = Project.objects.get(slug="demo")
    subject = subprocess.run(
        ["git", "-C", project.repository, "log", "--format=%s", "main"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert len(subject.splitlines()) == 2
    assert (project.check_command, project.script) == ("python3 -m unittest -q", "wordcount")
    assert Member.objects.get(project=project, user__username="admin").role == "owner"
    assert events.verify(HOUSE) is None


def test_seeding_twice_changes_nothing(home):
    call_command("seed", verbosity=0)
    before = (User.objects.count(), Member.objects.count(), Event.objects.count())

    call_command("seed", verbosity=0)

    assert (User.objects.count(), Member.objects.count(), Event.objects.count()) == before


def test_a_house_that_has_a_project_gets_no_demo(home):
    call_command("seed", verbosity=0)
    Project.objects.filter(slug="demo").update(slug="mine", archived_at="2026-11-21T00:00:00Z")

    call_command("seed", verbosity=0)

    assert not Project.objects.filter(slug="demo").exists()


def test_an_administrator_who_was_there_before_becomes_the_owner(home):
    chief = User.objects.create_superuser("chief", password="a long password")

    call_command("seed", demo=False)

    assert Member.objects.get(project_id=HOUSE, user=chief).role == "owner"
    assert User.objects.count() == 1
