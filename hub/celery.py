"""The Celery application: the doorbell's other half. Truth is in Postgres; a lost job is swept."""

import os
from pathlib import Path

from celery import Celery
from django.conf import settings

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


app = Celery("parley")
app.conf.update(
    broker_url=settings.CELERY_BROKER_URL,
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
    beat_schedule_filename=str(settings.PARLEY_HOME / "beat-schedule"),
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
