"""The programs that make up a house, by role; any of them may run on another machine."""

import os
from collections.abc import Mapping
from pathlib import Path

from django.conf import settings

from .house import program
from .processes import Part

ROLES = ("web", "jobs", "sessions", "beat", "bell", "transports")
JOB_THREADS = 2
JOB_STATEMENT_TIMEOUT_MS = 60_000
GRACEFUL_S = 5
QUIET_ROOT = "ignore:You're running the worker with superuser"
BARE_WORKER = ("--without-gossip", "--without-mingle", "--without-heartbeat")


def parts_of(roles: list[str], environment: Mapping[str, str], door_fd: int | None) -> list[Part]:
    """Make the programs of some roles; `door_fd` is the socket that web listens on."""
    common = {
        **os.environ,
        **environment,
        "DJANGO_SETTINGS_MODULE": "hub.settings",
        "PARLEY_HOME": str(settings.PARLEY_HOME),
        "PYTHONUNBUFFERED": "1",
    }
    behind = {
        "PARLEY_STATEMENT_TIMEOUT_MS": str(JOB_STATEMENT_TIMEOUT_MS),
        "PYTHONWARNINGS": ",".join(filter(None, (os.environ.get("PYTHONWARNINGS"), QUIET_ROOT))),
        **common,
    }
    made = []
    for role in roles:
        if role == "web":
            assert door_fd is not None, "web needs a socket"
            made += [_web(number, common, door_fd) for number in range(settings.WEB_PROCESSES)]
        else:
            made.append(Part(name=role, argv=_argv(role), env=behind, cwd=Path(settings.BASE_DIR)))
    return made


def _web(number: int, env: Mapping[str, str], door_fd: int) -> Part:
    argv = program(
        *("uvicorn", "hub.asgi:application", "--fd", str(door_fd), "--lifespan", "on"),
        *("--timeout-graceful-shutdown", str(GRACEFUL_S)),
        *("--no-access-log", "--log-level", "warning"),
        # Parts are small and go to every reader: deflating each took a third of the fan-out.
        *("--ws-per-message-deflate", "false"),
    )
    return Part(
        name=f"web{number + 1}" if settings.WEB_PROCESSES > 1 else "web",
        argv=argv,
        env=env,
        cwd=Path(settings.BASE_DIR),
        fds=(door_fd,),
    )


def _argv(role: str) -> tuple[str, ...]:
    target = settings.PARLEY_TARGET
    return {
        "jobs": _worker("jobs", "jobs", JOB_THREADS),
        "sessions": _worker("sessions", f"sessions.{target}", settings.SESSION_SLOTS),
        "beat": program("celery", "-q", "-A", "hub.celery", "beat", "--loglevel", "WARNING"),
        "bell": program("django", "runbell"),
        "transports": program("django", "runtransports"),
    }[role]


def _worker(name: str, queue: str, threads: int) -> tuple[str, ...]:
    return program(
        *("celery", "-q", "-A", "hub.celery", "worker", "-n", f"{name}@%h", "-Q", queue),
        *("-P", "threads", "-c", str(threads), "--loglevel", "WARNING", *BARE_WORKER),
    )
