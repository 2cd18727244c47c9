"""Make the house: project 0, which holds what belongs to no project."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
from django.utils import timezone


def build(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    now = timezone.now()
    project = apps.get_model("hub", "Project")
    house = project.objects.create(pk=0, slug="house", name="The house", created_at=now)
    apps.get_model("hub", "ProjectClock").objects.create(project=house)
    apps.get_model("hub", "Member").objects.create(
        project=house, kind="hub", name="Parley", role="hub", created_at=now
    )


def demolish(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    apps.get_model("hub", "Project").objects.filter(pk=0).delete()


class Migration(migrations.Migration):
    dependencies = [("hub", "0002_event_guard")]

    operations = [migrations.RunPython(build, demolish)]
