"""Workers that race: each turn says who runs it, in the database and in a log beside it."""

import os
import random
import threading
import time
from typing import Any

from django.conf import settings

from agents import leases, providers, recovery, turns
from agents.leases import Lease
from agents.models import Session
from agents.providers.base import Answer, Request, Stop, ToolUse
from hub import registry

from .playing import prepare

ROUNDS = 2  # answers with a command in them, before the last word
ALONE = 99  # exit code of a command that met another writer in its checkout
# The lock is the kernel's: it is free as soon as the program that holds it is gone.
COMMAND = f"exec 9>>.busy && flock -n 9 || exit {ALONE}; sleep 0.15"
DONE = "the race is run"

_mine = threading.local()


class Runner:
    """A provider whose every answer names its session, epoch and process."""

    name = "rehearsal"
    wants_history = False
    models: dict[str, str] = {}

    def __init__(self, log: str) -> None:
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def respond(self, request: Request, stop: Stop) -> Answer:
        lease: Lease = _mine.lease
        who = f"{lease.session_id} {lease.epoch} {os.getpid()}"
        os.write(self._log, f"{who}\n".encode())
        time.sleep(random.uniform(0.02, 0.12))
        number = len(request.exchanges)
        if number < ROUNDS:
            calls = [ToolUse(id=f"c{number}", name="run_command", arguments={"command": COMMAND})]
            return Answer(text=who, calls=tuple(calls), is_last=False, state={})
        return Answer(text=f"{who} {DONE}", calls=(), is_last=True, state={})


def race(home: str, log: str, seconds: float, fenced: bool = True) -> int:
    """Take turns as a worker does, until all sessions have run."""
    prepare(home)
    providers.PROVIDERS = {"rehearsal": Runner(log)}
    real = leases.claim

    def claim(target: str) -> Lease | None:
        _mine.lease = real(target)
        return _mine.lease

    leases.claim = claim
    if not fenced:
        registry.check_fence = lambda _actor: None
    deadline = time.monotonic() + seconds
    recovery.reconcile(settings.PARLEY_TARGET)
    while time.monotonic() < deadline:
        if not turns.run_next(settings.PARLEY_TARGET) and not _left():
            return 0
        time.sleep(0.01)
    return 3


def _left() -> bool:
    """Tell whether a session has not had its turn yet, or is in one."""
    return Session.objects.live().exclude(turns__state="done").exists()


def facts_of(text: str) -> tuple[int, int, int]:
    """Read (session, epoch, pid) out of an answer or a line of the log."""
    session, epoch, pid, *_ = text.split()
    return int(session), int(epoch), int(pid)


def stalled(home: str, log: str, seconds: float, fenced: bool, **_: Any) -> int:
    """Take one turn, and be slow enough in it to be frozen and replaced."""
    global ROUNDS
    ROUNDS = 0
    real = Runner.respond

    def slow(self: Runner, request: Request, stop: Stop) -> Answer:
        answer = real(self, request, stop)
        time.sleep(seconds)
        return answer

    Runner.respond = slow  # type: ignore[method-assign]
    return race(home, log, seconds + 15, fenced)
