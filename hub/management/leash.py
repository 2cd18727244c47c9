"""Run a program that ends when the process that started it ends, even by SIGKILL.

Called as a plain script: `python -IS leash.py <pid of the parent> program arguments…`. It becomes
the program, so the pid stays the same. Only Linux has this; elsewhere it just runs the program.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # Source: prctl(2); the wish survives exec


def main(parent: int, *argv: str) -> None:
    """Bind this process to its parent's life and become the program."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before we were bound to it
        sys.exit(1)
    os.execv(argv[0], argv)  # noqa: S606 - the command is the caller's own


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
