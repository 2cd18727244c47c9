"""The Celery application: the doorbell's other half. Truth is in Postgres; a lost job is swept."""

import fcntl
import gc
import os
import uuid
from datetime import timedelta
from pathlib import Path
from queue import Empty
from time import monotonic_ns
from typing import Any, ClassVar, Self

from celery import Celery, beat, signals
from django.conf import settings
from kombu import Connection
from kombu.transport import TRANSPORT_ALIASES, filesystem, virtual
from kombu.utils.json import dumps, loads

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hub.settings")


def broker_options(url: str, home: Path) -> dict[str, object]:
    """Give the broker's options: folders for the file-system one, keepalive for the others."""
    if not url.startswith("filesystem:"):
        return {"health_check_interval": 15, "socket_keepalive": True}
    folder = home / "broker"
    return {
        "data_folder_in": str(folder / "queue"),
        "data_folder_out": str(folder / "queue"),
        "control_folder": str(folder / "control"),
        "polling_interval": 0.05,
    }


class FolderChannel(filesystem.Channel):
    """kombu's channel of files, but jobs and tables appear whole or not at all, by renaming.

    kombu writes into the files that readers look for, and they do not wait for its lock: of 6,000
    jobs two busy readers took 1,847 while they were empty. It also takes a job by moving it to the
    system's temporary folder, which is a copy when that is another disk.
    """

    def _put(  # type: ignore[override]  # the stubs disagree with themselves
        self, queue: str, payload: dict[str, Any], **_: Any
    ) -> None:
        folder = Path(self.data_folder_out)
        name = f"{monotonic_ns() // 1_000_000}_{uuid.uuid4()}.{queue}.msg"
        unfinished = folder / f".{name}.new"  # a reader wants a name that ends with its queue
        unfinished.write_text(dumps(payload), encoding="utf-8")
        unfinished.rename(folder / name)

    def _get(self, queue: str) -> dict[str, Any]:  # type: ignore[override]
        folder = Path(self.data_folder_in)
        for name in sorted(os.listdir(folder)):  # noqa: PTH208 - 20 times a second
            if name.partition(".")[2] != f"{queue}.msg":
                continue
            taken = folder / f".{name}.taken"
            try:
                (folder / name).rename(taken)
            except FileNotFoundError:
                continue  # another worker was faster
            text = taken.read_text(encoding="utf-8")
            taken.unlink()
            found: dict[str, Any] = loads(text)
            return found
        raise Empty

    def _queue_bind(
        self, exchange: str, routing_key: str | None, pattern: str | None, queue: str | None
    ) -> None:
        row = filesystem.exchange_queue_t(routing_key or "", pattern or "", queue or "")
        table: Path = self._exchange_file(exchange)  # type: ignore[attr-defined]
        with (self.control_folder / "lock").open("w") as guard:
            fcntl.flock(guard, fcntl.LOCK_EX)
            rows = self.get_table(exchange)
            if row not in rows:
                fresh = table.with_suffix(".new")
                fresh.write_text(dumps([row, *rows]), encoding="utf-8")
                fresh.rename(table)


class FolderTransport(filesystem.Transport):
    """The transport of `filesystem://`, with whole files."""

    Channel = FolderChannel
    default_connection_params: ClassVar[dict[str, object]] = {}  # a folder has no host to warn of

    def __init__(self, client: Connection, **options: Any) -> None:
        """Let each connection bind its queues by itself.

        kombu keeps one list of bindings for the process and notes one before it is written: a
        second thread that begins at the same moment sends its jobs to nowhere.
        """
        super().__init__(client, **options)
        self.state = virtual.BrokerState()

    def establish_connection(self) -> Self:
        """Make the folders when they are wanted, not when somebody reads the settings."""
        options: dict[str, str] = self.client.transport_options  # type: ignore[union-attr, assignment]
        for name in ("data_folder_in", "data_folder_out", "control_folder"):
            folder = Path(options[name])
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return super().establish_connection()


TRANSPORT_ALIASES["filesystem"] = "hub.celery:FolderTransport"


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
    broker_transport_options=broker_options(settings.CELERY_BROKER_URL, settings.PARLEY_HOME),
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    worker_enable_remote_control=not settings.CELERY_BROKER_URL.startswith("filesystem:"),
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


@signals.worker_ready.connect
@signals.beat_init.connect
def end_quickly(**_: object) -> None:
    """Spare the collector what stays anyway; else it takes 0.5 s of the time to end."""
    gc.freeze()
