"""Which process holds something, in words that another process of this machine can check."""

import os
from functools import lru_cache
from pathlib import Path

from agents import processes

BOOT = Path("/proc/sys/kernel/random/boot_id")
SPACE = Path("/proc/self/ns/pid")


def me() -> str:
    """Name this process: its pid, its start, and where a pid means anything.

    Empty where there is no /proc: then only the end of a lease tells that a holder is gone.
    """
    return _named(os.getpid())


@lru_cache(maxsize=4)
def _named(pid: int) -> str:
    ticks, here = processes.start_ticks(pid), _here()
    return f"{pid}.{ticks}@{here}" if ticks and here else ""


def _here() -> str:
    """Name this boot and this PID namespace: elsewhere the same pid is another process."""
    try:
        return f"{BOOT.read_text().strip()}.{SPACE.readlink()}"
    except OSError:
        return ""


def is_gone(holder: str) -> bool:
    """Tell whether a holder has surely ended; False for one that cannot be judged from here."""
    process, _, where = holder.partition("@")
    pid, _, ticks = process.partition(".")
    if not where or where != _here() or not (pid.isdecimal() and ticks.isdecimal()):
        return False
    return not processes.is_running(processes.Child(pid=int(pid), start_ticks=int(ticks)))
