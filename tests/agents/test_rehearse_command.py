"""`manage.py rehearse` as a newcomer runs it: no key, no database, nothing left behind."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
LEFT_OUT = ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "PARLEY_SECRET_KEY", "PARLEY_HOME")


def rehearse(*options: str) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if name not in LEFT_OUT}
    return subprocess.run(
        [sys.executable, "manage.py", "rehearse", *options],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


def test_the_main_job_is_one_command() -> None:
    done = rehearse("--timeout", "200")

    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-2_000:]
    assert "I take this up as objective 1" in done.stdout
    assert "  tasks     2\n" in done.stdout


def test_a_rehearsal_that_fails_says_why_and_exits_with_1() -> None:
    done = rehearse("--timeout", "0.2")

    assert done.returncode == 1
    assert "It was not done after 0 s" in done.stderr
