"""A program that has loaded Parley once and makes children of itself, each a worker to be killed.

`python -m tests.chaos.nursery` reads one JSON request a line and answers with one line. It has no
thread and no connection, so that a fork of it is whole; starting Python anew takes 2 s.
"""

import importlib
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

import django


def main() -> None:
    """Serve requests until standard input ends."""
    django.setup()
    for name in ("agents.jobs", "hub.jobs", "hub.urls", "tests.chaos.playing"):
        importlib.import_module(name)
    requests: dict[str, Callable[..., Any]] = {"start": start, "wait": wait}
    for line in sys.stdin:
        request = json.loads(line)
        answer = requests[request.pop("do")](**request)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def start(function: str, words: str, arguments: dict[str, Any]) -> int:
    """Fork a child that calls `module:function` and writes its own words to a file."""
    pid = os.fork()
    if pid:
        return pid
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    out = os.open(words, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for descriptor in (1, 2):
        os.dup2(out, descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    code = 1
    try:
        module, _, name = function.partition(":")
        code = getattr(importlib.import_module(module), name)(**arguments)
    except BaseException:  # noqa: BLE001 - the child says why and ends, whatever it was
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


def wait(pid: int, seconds: float) -> int | None:
    """Wait for a child's end; give its exit code, -n for signal n, or None when it goes on."""
    deadline = time.monotonic() + seconds
    while True:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > deadline:
            return None
        time.sleep(0.01)


if __name__ == "__main__":
    main()
