import os
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from agents import processes
from agents.processes import Limits, RunAs, Setting

NORMAL = Limits(timeout_s=20, head_bytes=10_000)
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def here(tmp_path: Path) -> Setting:
    return Setting(cwd=tmp_path, env={"PATH": os.environ["PATH"]})


def shell(here: Setting, script: str, limits: Limits = NORMAL, stdin: bytes = b""):
    return processes.run(["/bin/sh", "-c", script], here, limits, stdin)


def wait_until_gone(pid: int) -> bool:
    """Wait at most 5 s for a process to be gone or a zombie that init has not reaped yet."""
    stat = Path(f"/proc/{pid}/stat")
    for _ in range(500):
        try:
            if stat.read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.01)
    return False


def test_output_errors_and_exit_code_come_back(here):
    done = shell(here, "cat; echo oops >&2; pwd; exit 3", stdin=b"fed\n")

    assert done.output == f"fed\n{here.cwd}\n".encode()
    assert done.errors == b"oops\n"
    assert done.exit_code == 3
    assert not done.timed_out
    assert not done.truncated


def test_errors_may_be_joined_to_the_output(here):
    done = shell(
        here, "echo one; echo two >&2; echo three",
        Limits(timeout_s=20, head_bytes=100, merge=True),
    )  # fmt: skip

    assert done.output == b"one\ntwo\nthree\n"


def test_nothing_is_inherited_but_what_is_given(here, monkeypatch):
    monkeypatch.setenv("PARLEY_SECRET", "s3cret")
    descriptor = os.open("/etc/hostname", os.O_RDONLY)
    os.set_inheritable(descriptor, True)

    done = shell(
        here,
        "env; tr '\\0' '\\n' < /proc/self/environ; umask;"
        f"[ ! -e /proc/self/fd/{descriptor} ] && echo closed",
    )

    os.close(descriptor)
    assert b"s3cret" not in done.output
    assert b"closed" in done.output
    assert b"0022" in done.output


def test_a_program_without_input_sees_the_end_at_once(here):
    assert shell(here, "cat; echo end").output == b"end\n"


def test_more_input_than_a_pipe_holds_is_fed_while_output_is_read(here):
    fed = b"x" * 3_000_000

    done = shell(here, "cat", Limits(timeout_s=20, head_bytes=4_000_000), fed)

    assert done.output == fed


def test_a_program_that_does_not_read_its_input_is_no_failure(here):
    done = shell(here, "exec true", stdin=b"x" * 3_000_000)

    assert done.exit_code == 0


def test_of_long_output_head_and_tail_are_kept(here):
    limits = Limits(timeout_s=20, head_bytes=4, tail_bytes=4)

    done = shell(here, "printf 'head'; head -c 1000000 /dev/zero; printf 'tail'", limits)

    assert done.output == b"head\n[... 1000000 bytes left out ...]\ntail"
    assert done.truncated
    assert done.exit_code == 0


@pytest.mark.parametrize(
    ("size", "kept"),
    [(7, b"abcdefg"), (8, b"abcdefgh"), (9, b"abcd\n[... 1 bytes left out ...]\nfghi")],
)
def test_the_limit_of_kept_output_is_exact(size, kept):
    both = processes.Kept(head_bytes=4, tail_bytes=4)

    for at in range(size):
        both.add(b"abcdefghijkl"[at : at + 1])

    assert both.value() == kept


def test_endless_output_ends_the_program_where_the_caller_wants_no_more(here):
    done = shell(here, "yes", Limits(timeout_s=20, head_bytes=100, stop_at_limit=True))

    assert done.exit_code is None
    assert not done.timed_out
    assert done.truncated
    assert len(done.output) == 100
    assert done.seconds < 10


def test_a_program_that_takes_too_long_is_stopped_with_all_it_started(here):
    script = "sleep 60 & (sleep 60 & echo $! > inner; wait) & echo $! > outer; echo begun; sleep 60"

    done = shell(here, script, Limits(timeout_s=0.5, head_bytes=100))

    assert done.timed_out
    assert done.exit_code is None
    assert done.output == b"begun\n"
    assert done.seconds < 5
    for name in ("inner", "outer"):
        assert wait_until_gone(int((here.cwd / name).read_text()))


def test_a_program_that_ignores_the_request_to_stop_is_killed(here):
    done = shell(
        here, "trap '' TERM; echo $$ > pid; while :; do sleep 0.1; done",
        Limits(timeout_s=0.3, head_bytes=100),
    )  # fmt: skip

    assert done.timed_out
    assert done.seconds < 0.3 + processes.TERM_GRACE_S + 2
    assert wait_until_gone(int((here.cwd / "pid").read_text()))


def test_a_program_that_closes_its_output_is_still_waited_for(here):
    done = shell(here, "exec >&- 2>&-; sleep 0.3; exit 4")
    late = shell(here, "exec >&- 2>&-; sleep 60", Limits(timeout_s=0.3, head_bytes=100))

    assert done.exit_code == 4
    assert late.timed_out


def test_what_stays_in_the_background_does_not_outlive_its_command(here):
    done = shell(here, "sleep 60 & echo $! > pid; echo done")

    assert done.exit_code == 0
    assert done.output == b"done\n"
    assert done.seconds < 5
    assert wait_until_gone(int((here.cwd / "pid").read_text()))


def test_a_signal_is_told_apart_from_an_exit(here):
    assert shell(here, "kill -9 $$").exit_code == -9


def test_a_program_that_is_not_there_is_an_error(here):
    with pytest.raises(FileNotFoundError):
        processes.run(["/nonexistent/program"], here, NORMAL)


def test_a_started_program_can_be_recorded_and_killed_by_somebody_else(here):
    heard: list[processes.Child] = []
    setting = Setting(cwd=here.cwd, env=here.env, on_start=heard.append)
    runner = threading.Thread(target=shell, args=(setting, "echo x > begun; sleep 60"))
    runner.start()
    while not (here.cwd / "begun").exists():
        time.sleep(0.01)
    (child,) = heard
    reused = processes.Child(pid=child.pid, start_ticks=child.start_ticks + 1)

    another = processes.kill(reused)
    killed = processes.kill(child)
    runner.join(timeout=10)

    assert not another
    assert killed
    assert not runner.is_alive()
    assert not processes.kill(child)


def test_a_recorder_that_fails_leaves_nothing_running(here):
    heard = []

    def fail(child: processes.Child) -> None:
        heard.append(child)
        raise RuntimeError("the row could not be written")

    with pytest.raises(RuntimeError):
        shell(Setting(cwd=here.cwd, env=here.env, on_start=fail), "sleep 60")

    assert wait_until_gone(heard[0].pid)


def test_many_programs_leave_no_descriptor_and_no_zombie(here):
    shell(here, "true")
    before, others = len(list(Path("/proc/self/fd").iterdir())), psutil.Process().children()

    for _ in range(20):
        shell(here, "sleep 60 & true", Limits(timeout_s=5, head_bytes=100, stop_at_limit=True))

    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert set(psutil.Process().children()) <= set(others)


@needs_root
def test_as_root_a_program_runs_as_the_user_it_is_given(here):
    setting = Setting(cwd=Path("/"), env=here.env, user=RunAs(65_534, 65_534))

    done = shell(setting, "id -u; id -G; cat /etc/shadow; kill -0 $PPID")

    assert done.output == b"65534\n65534\n"
    assert b"Permission denied" in done.errors
    assert done.exit_code != 0


def test_programs_run_side_by_side_from_threads(here):
    outputs = []
    threads = [
        threading.Thread(target=lambda n=n: outputs.append(shell(here, f"echo {n}").output))
        for n in range(8)
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outputs) == [f"{n}\n".encode() for n in range(8)]


def test_this_python_can_be_run_too(here):
    done = processes.run([sys.executable, "-I", "-c", "print(6 * 7)"], here, NORMAL)

    assert done.output == b"42\n"
