"""Commands that read or write what is not theirs: secrets, other checkouts, the network (G40)."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from agents import boxes, processes, tools
from agents.processes import Limits, RunAs, Setting
from tests.hub.running import wait_for

from .conftest import desk_in, run

CANARY = "canary-4f1d0c"
SECRETS = ("PARLEY_SECRET_KEY", "DATABASE_URL", "ANTHROPIC_API_KEY", "CELERY_BROKER_URL")
# Everything that any process shows about itself, and that of the first one by three other ways.
LOOK_AROUND = """
r=root; cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline /proc/1/task/1/environ
cat /proc/self/$r/proc/1/environ /proc/[0-9]*/$r/proc/1/environ
ls -l /proc/[0-9]*/fd /proc/[0-9]*/cwd; env
""".replace("\n", " 2>/dev/null\n")


@pytest.fixture
def hub() -> Iterator[subprocess.Popen[bytes]]:
    """A process that has the hub's secrets in its environment and runs as the hub does."""
    environment = {**os.environ, **{name: f"{CANARY}-{name}" for name in SECRETS}}
    process = subprocess.Popen(["sleep", "300"], env=environment)
    shown = Path(f"/proc/{process.pid}/environ")
    wait_for(lambda: CANARY.encode() in shown.read_bytes(), "the environment")
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def key(home: Path) -> Path:
    (home / "secret-key").chmod(0o600)
    return home / "secret-key"


def test_the_environment_of_the_hub_is_out_of_reach(desk, hub):
    result = run(desk, LOOK_AROUND)

    assert CANARY not in result.text
    assert "PATH=" in result.text


def test_without_containment_it_is_read_from_proc(bare, hub):
    result = run(bare, f"cat /proc/{hub.pid}/environ")

    assert CANARY in result.text


def test_no_secret_is_in_the_environment_or_words_of_any_child(desk, mark, monkeypatch):
    for name in SECRETS:
        monkeypatch.setenv(name, f"{CANARY}-{name}")
    seen: list[bytes] = []

    def look(child: processes.Child) -> None:
        mark.wait(1)
        for folder in Path("/proc").glob("[0-9]*"):
            if os.getpid() in parents_of(int(folder.name)):
                with suppress(OSError):
                    seen.extend((folder / name).read_bytes() for name in ("environ", "cmdline"))
        processes.kill(child)

    run(replace(desk, on_start=look), mark.sleep)

    assert len([text for text in seen if mark.seconds.encode() in text]) >= 2
    assert not [text for text in seen if CANARY.encode() in text]


def parents_of(pid: int) -> set[int]:
    found: set[int] = set()
    while pid > 1:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            break
        pid = int(stat.rpartition(")")[2].split()[1])
        found.add(pid)
    return found


def test_the_secret_key_is_out_of_reach(desk, key):
    result = run(desk, f"cat {key}; ls {key.parent}; find / -name 'secret-ke[y]' 2>/dev/null")

    assert "the-hubs-secret-key" not in result.text
    assert "No such file" in result.text
    assert str(key) not in result.text.replace(f"cat: {key}", "")


def test_without_containment_the_key_is_read(bare, key):
    assert "the-hubs-secret-key" in run(bare, f"cat {key}").text


def test_another_projects_checkout_is_not_there(desk, home):
    other = desk_in(home, "mars")

    result = run(desk, f"cat {other.path}/README.md; ls {other.path.parent} {home}/checkouts")

    assert "wordcount" not in result.text
    assert "mars" not in result.text.replace(str(other.path), "").replace(
        f"{home}/checkouts/mars", ""
    )


def test_without_containment_the_other_checkout_is_read(bare, home):
    other = desk_in(home, "mars")

    assert "wordcount" in run(bare, f"cat {other.path}/README.md").text


PLACES = ("/usr/parley-was-here", "/etc/parley-was-here", "/parley-was-here", "{home}/was-here")


@pytest.mark.parametrize("place", PLACES)
def test_nothing_is_written_outside_the_checkout(desk, home, place):
    path = Path(place.format(home=home))

    result = run(desk, f"echo x > {path}")

    assert result.exit_code != 0
    assert not path.exists()


def test_what_is_written_into_tmp_stays_in_the_box(desk, tmp_path):
    result = run(desk, "echo x > /tmp/parley-was-here && cat /tmp/parley-was-here")
    again = run(desk, "cat /tmp/parley-was-here")

    assert result.text == "x\n"
    assert again.exit_code != 0
    assert not Path("/tmp/parley-was-here").exists()


def test_without_containment_the_hubs_home_is_written(bare, home):
    run(bare, f"echo x > {home}/was-here")

    assert (home / "was-here").read_text() == "x\n"


def test_checkout_and_home_are_written_and_belong_to_the_agents_user(desk):
    result = run(desk, "echo x > here; echo x > ~/there; mkdir -p a/b; id -u")

    uid = desk.owner.uid if desk.owner else os.getuid()
    assert result.text == f"{uid}\n"
    assert {(desk.path / "here").stat().st_uid, (desk.home / "there").stat().st_uid} == {uid}
    tools.call(desk, "write_file", {"path": "a/b/c", "content": "x"})
    assert (desk.path / "a" / "b" / "c").stat().st_uid == uid


CONNECT = (
    'python3 -c \'import socket; s = socket.create_connection(("127.0.0.1", {port}), 3); '
    "print(s.recv(9))'"
)


@pytest.fixture
def listener() -> Iterator[int]:
    """A server on loopback that greets; gives its port."""
    code = (
        "import socket\ns = socket.create_server(('127.0.0.1', 0))\n"
        "print(s.getsockname()[1], flush=True)\nwhile True: s.accept()[0].send(b'hello')"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    yield int(process.stdout.readline())
    process.kill()
    process.wait()
    process.stdout.close()


def test_no_network_is_reached_not_even_loopback(desk, listener):
    result = run(desk, CONNECT.format(port=listener) + "; cat /proc/net/dev")

    assert "hello" not in result.text
    assert "refused" in result.text
    assert [line.split(":")[0].strip() for line in result.text.splitlines() if ": " in line][
        -1
    ] == "lo"


def test_a_project_that_allows_a_network_reaches_it(desk, listener):
    assert "hello" in run(replace(desk, network=True), CONNECT.format(port=listener)).text


def test_without_containment_the_network_is_reached(bare, listener):
    assert "hello" in run(bare, CONNECT.format(port=listener)).text


def test_abstract_sockets_of_the_machine_are_not_reached(desk, bare, monkeypatch):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"\0parley-{os.getpid()}")
        server.listen()
        code = (
            "import socket; s = socket.socket(socket.AF_UNIX); "
            f"s.connect('\\0parley-{os.getpid()}'); print('in')"
        )
        control = run(bare, f'python3 -c "{code}"')
        monkeypatch.undo()
        result = run(desk, f'python3 -c "{code}"')

    assert control.text == "in\n"
    assert "in\n" not in result.text
    assert result.exit_code != 0


def test_no_program_gains_rights_or_sees_devices_of_the_machine(desk):
    result = run(
        desk, "grep -E 'CapEff|NoNewPrivs' /proc/self/status; ls /dev; ls /sys /root /var /home"
    )

    assert "CapEff:\t0000000000000000" in result.text
    assert "NoNewPrivs:\t1" in result.text
    assert not {"sda", "vda", "mem", "kmsg", "kvm"} & set(result.text.split())


def test_the_clone_still_finds_the_objects_it_shares(home, desk):
    objects = home / "repos" / "moon.git" / "objects"
    objects.mkdir(parents=True)
    (objects / "pack").write_text("shared\n")
    lent = replace(desk, readable=(objects,))

    result = run(lent, f"cat {objects}/pack; echo x > {objects}/more")

    assert result.text.startswith("shared\n")
    assert not (objects / "more").exists()


def test_what_of_the_hub_lies_in_a_folder_of_the_system_is_hidden(desk, monkeypatch, settings):
    """As where Parley is installed below /usr: the same folder stands for the system's."""
    folder = desk.path.parents[2]
    monkeypatch.setattr(boxes, "SYSTEM", (*boxes.SYSTEM, str(folder.parent)))

    result = run(desk, f"cat {folder}/secret-key; ls {folder.parent}; ls {folder}; ls")

    assert "the-hubs-secret-key" not in result.text
    assert "README.md" in result.text


NOBODY = RunAs(65_534, 65_534)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_the_box_needs_no_root(desk, tmp_path, monkeypatch):
    """The argv of a hub that is no root, run as somebody who owns nothing."""
    monkeypatch.setattr(boxes.os, "geteuid", lambda: NOBODY.uid)
    monkeypatch.setattr(boxes.sys, "base_prefix", "/usr")
    path = tmp_path / "nobodys"
    path.mkdir()
    os.chown(path, NOBODY.uid, NOBODY.gid)
    script = "id -u; echo x > here; ls /; unshare -Ur true || echo none; ulimit -p"
    box = boxes.Box(path=path, writable=(path,))
    argv = boxes.wrapped(box, ["/bin/sh", "-c", script], status_fd=2)
    setting = Setting(cwd=path, env={"PATH": "/usr/bin:/bin"}, user=NOBODY)

    done = processes.run(argv, setting, Limits(timeout_s=20, head_bytes=9_000))

    assert done.exit_code == 0, done.errors
    assert done.output.startswith(b"65534\n")
    assert done.output.endswith(b"none\n1024\n")
    assert (path / "here").stat().st_uid == NOBODY.uid
