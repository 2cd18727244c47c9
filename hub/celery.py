"""The Celery application: the doorbell's other half. Truth is in Postgres; a lost job is swept."""

import os
import uuid
from datetime import timedelta
from pathlib import Path
from time import monotonic_ns
from typing import ClassVar

from celery import Celery, beat
from django.conf import settings
from kombu.transport import filesystem
from kombu.utils.json import dumps

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hub.settings")


def broker_options(url: str, home: Path) -> dict[str, object]:
    """Give the broker's options: folders for the file-system one, keepalive for the others."""
    if not url.startswith("filesystem:"):
        return {"health_check_interval": 15, "socket_keepalive": True}
    folder = home / "broker"
    for name in ("queue", "control"):
        (folder / name).mkdir(parents=True, exist_ok=True, mode=0o700)
    return {
        "data_folder_in": str(folder / "queue"),
        "data_folder_out": str(folder / "queue"),
        "control_folder": str(folder / "control"),
        "polling_interval": 0.05,
    }


class FolderChannel(filesystem.Channel):  # type: ignore[misc]
    """kombu's channel of files, but a job appears whole or not at all.

    kombu writes into the file that the readers look for, and they do not lock: of 6,000 jobs two
    busy readers took 1,847 while they were empty.
    """

    def _put(self, queue: str, payload: object, **_: object) -> None:
        folder = Path(self.data_folder_out)
        name = f"{monotonic_ns() // 1_000_000}_{uuid.uuid4()}.{queue}.msg"
        unfinished = folder / f".{name}.new"  # a reader wants a name that ends with its queue
        unfinished.write_text(dumps(payload), encoding="utf-8")
        unfinished.rename(folder / name)


class FolderTransport(filesystem.Transport):  # type: ignore[misc]
    """The transport of `filesystem://`, with whole files."""

    Channel = FolderChannel
    default_connection_params: ClassVar[dict[str, object]] = {}  # a folder has no host to warn of


class PromptScheduler(beat.Scheduler):
    """A beat without a file to lose, whose first sweeps are due at once."""

    def setup_schedule(self) -> None:
        """Take the schedule and pretend that it ran long ago."""
        super().setup_schedule()
        for entry in self.schedule.values():
            entry.last_run_at = app.now() - timedelta(days=1)


app = Celery("parley")
app.conf.update(
    broker_url=settings.CELERY_BROKER_URL,
    broker_transport=(
        "hub.celery:FolderTransport"
        if settings.CELERY_BROKER_URL.startswith("filesystem:")
        else None
    ),
    broker_transport_options=broker_options(settings.CELERY_BROKER_URL, settings.PARLEY_HOME),
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    task_ignore_result=True,
    task_serializer="json",
    accept_content=["json"],
    task_default_queue="jobs",
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    worker_soft_shutdown_timeout=5,
    timezone="UTC",
    beat_scheduler="hub.celery:PromptScheduler",
    beat_schedule={
        name: {
            "task": name,
            "schedule": settings.SWEEP_S,
            "options": {"expires": settings.SWEEP_S * 2},
        }
        for name in ("hub.jobs.sweep", "agents.jobs.sweep")
    },
)
app.autodiscover_tasks(related_name="jobs")
