import os
import socket
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.folders import MAX_DEPTH, Folder, clean_name, is_git_path, split_path
from agents.processes import RunAs
from hub.errors import Conflict, HubError, Invalid, NotFound

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
PARTS = st.sampled_from(
    ["a", "sub", "file.txt", "..", ".", "", "...", ".. ", "out", "loop", "inside", ".git", "~",
     "\0", "\n", "\ud800", "\udcff", "é", "/", "x" * 300]
)  # fmt: skip


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """Make a checkout with links of every kind, and beside it what nobody may reach."""
    path = tmp_path / "checkout"
    (path / "sub").mkdir(parents=True)
    (path / "file.txt").write_text("mine")
    (path / "sub" / "deep.txt").write_text("deep")
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "file.txt").write_text("s3cret")
    (path / "out").symlink_to(tmp_path / "secret")
    (path / "up").symlink_to("../secret")
    (path / "out.txt").symlink_to(tmp_path / "secret" / "file.txt")
    (path / "inside").symlink_to("sub")
    (path / "sub" / "inside.txt").symlink_to("../file.txt")
    (path / "loop").symlink_to("loop")
    (path / "self").symlink_to("/proc/self/root")
    return path


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/etc/passwd", "path.outside"),
        ("//etc/passwd", "path.outside"),
        ("..", "path.outside"),
        ("a/../../b", "path.outside"),
        ("a/..", "path.outside"),
        ("", "path.invalid"),
        (".", "path.invalid"),
        ("./", "path.invalid"),
        ("a\0b", "path.invalid"),
        ("\ud800", "path.invalid"),
        ("a/" * (MAX_DEPTH + 1), "path.invalid"),
        ("a" * 4_097, "path.invalid"),
    ],
)
def test_a_path_that_could_lead_elsewhere_is_refused(path, code):
    with pytest.raises(Invalid) as refusal:
        split_path(path)

    assert refusal.value.code == code


def test_a_path_is_its_names():
    assert split_path("./a//b/ c/...") == ("a", "b", " c", "...")


@given(st.lists(PARTS, max_size=8).map("/".join))
def test_no_path_has_a_component_that_goes_up(path):
    try:
        parts = split_path(path)
    except Invalid:
        return

    assert parts
    assert not {"..", ".", ""} & set(parts)
    assert not any("/" in part or "\0" in part for part in parts)
    assert Path("/top", *parts).is_relative_to("/top")


@given(names=st.lists(PARTS, min_size=1, max_size=5), writes=st.booleans())
def test_no_mix_of_components_reaches_the_secret(tmp_path_factory, names, writes):
    base = tmp_path_factory.mktemp("mix")
    (base / "checkout" / "sub").mkdir(parents=True)
    (base / "secret").mkdir()
    (base / "secret" / "file.txt").write_text("s3cret")
    for link in ("out", "a", "inside"):
        (base / "checkout" / link).symlink_to(base / "secret")
    content = b""

    try:
        with Folder(base / "checkout") as folder:
            parts = split_path("/".join(names))
            if writes:
                folder.write(parts, b"written")
            else:
                content = folder.read(parts, 100)
    except HubError as refusal:
        assert refusal.code  # noqa: PT017 - most mixes are refused, each with a code

    assert content != b"s3cret"
    assert (base / "secret" / "file.txt").read_text() == "s3cret"
    assert [path.name for path in (base / "secret").iterdir()] == ["file.txt"]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("out/file.txt", "path.outside"),
        ("up/file.txt", "path.outside"),
        ("out.txt", "path.outside"),
        ("self/etc/passwd", "path.outside"),
        ("inside/deep.txt", "path.link"),
        ("sub/inside.txt", "path.link"),
        ("loop", "path.link"),
        ("file.txt/more", "file.in_the_way"),
        ("gone.txt", "file.not_found"),
        ("gone/file.txt", "file.not_found"),
        ("sub", "file.not_regular"),
        ("x" * 256, "path.invalid"),
    ],
)
def test_what_is_no_file_of_the_folder_is_not_read(top, path, code):
    with Folder(top) as folder, pytest.raises(HubError) as refusal:
        folder.read(split_path(path), 100)

    assert refusal.value.code == code
    assert "s3cret" not in refusal.value.message


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("out/new.txt", "path.outside"),
        ("up/new/deep.txt", "path.outside"),
        ("out.txt", "path.outside"),
        ("sub/inside.txt", "path.link"),
        ("file.txt/more", "file.in_the_way"),
        ("sub", "file.not_regular"),
    ],
)
def test_nothing_is_written_through_a_link_or_over_a_folder(top, path, code):
    with Folder(top) as folder, pytest.raises(HubError) as refusal:
        folder.write(split_path(path), b"written")

    assert refusal.value.code == code
    assert [path.name for path in (top.parent / "secret").iterdir()] == ["file.txt"]
    assert (top.parent / "secret" / "file.txt").read_text() == "s3cret"
    assert (top / "file.txt").read_text() == "mine"


def test_a_link_inside_the_folder_is_named_with_what_to_use_instead(top):
    with Folder(top) as folder, pytest.raises(Invalid) as refusal:
        folder.read(("sub", "inside.txt"), 100)

    assert refusal.value.message == "sub/inside.txt is a link; use file.txt instead."


@pytest.mark.parametrize("kind", ["pipe", "socket", "device"])
def test_what_could_hang_or_speak_is_not_opened(top, kind, monkeypatch):
    if kind == "pipe":
        os.mkfifo(top / "odd")
    elif kind == "socket":
        monkeypatch.chdir(top)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind("odd")
    elif os.geteuid() != 0:
        pytest.skip("needs root")
    else:
        os.mknod(top / "odd", 0o666 | 0o020000, os.makedev(1, 3))

    with Folder(top) as folder, pytest.raises(Invalid):
        folder.read(("odd",), 100)
    with Folder(top) as folder, pytest.raises(Invalid):
        folder.write(("odd",), b"x")


def test_a_file_over_the_limit_is_not_read(top):
    with Folder(top) as folder:
        assert folder.read(("file.txt",), 4) == b"mine"
        with pytest.raises(Invalid) as refusal:
            folder.read(("file.txt",), 3)

    assert refusal.value.code == "file.too_large"
    assert refusal.value.detail == {"max_bytes": 3}


def test_a_new_file_gets_its_folders_and_an_old_one_keeps_its_mode(top):
    (top / "file.txt").chmod(0o755)

    with Folder(top) as folder:
        made = folder.write(("new", "folders", "file.txt"), b"new")
        kept = folder.write(("file.txt",), b"changed")

    assert (made, kept) == (True, False)
    assert (top / "new" / "folders" / "file.txt").read_bytes() == b"new"
    assert (top / "file.txt").read_bytes() == b"changed"
    assert (top / "file.txt").stat().st_mode & 0o777 == 0o755
    assert not list(top.glob(".parley-*"))


def test_a_file_is_replaced_and_never_written_through_a_hard_link(top):
    os.link(top.parent / "secret" / "file.txt", top / "hard.txt")

    with Folder(top) as folder:
        folder.write(("hard.txt",), b"written")

    assert (top.parent / "secret" / "file.txt").read_text() == "s3cret"


@needs_root
def test_files_of_another_user_are_not_read_and_new_ones_are_given_away(top):
    nobody = RunAs(65_534, 65_534)
    os.chown(top, 65_534, 65_534)
    os.link(top.parent / "secret" / "file.txt", top / "hard.txt")

    with Folder(top, nobody) as folder:
        with pytest.raises(Invalid) as refusal:
            folder.read(("hard.txt",), 100)
        folder.write(("new", "file.txt"), b"new")
        content = folder.read(("new", "file.txt"), 100)

    assert refusal.value.code == "path.outside"
    assert content == b"new"
    assert (top / "new").stat().st_uid == 65_534
    assert (top / "new" / "file.txt").stat().st_gid == 65_534


def test_a_folder_that_is_swapped_all_the_time_never_gives_the_secret_away(top):
    (top / "sub" / "file.txt").write_text("mine")
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            (top / "sub").rename(top / "aside")
            (top / "sub").symlink_to("../secret")
            (top / "sub").unlink()
            (top / "aside").rename(top / "sub")
            time.sleep(0.0005)  # long enough to be read in

    swapper = threading.Thread(target=swap)
    swapper.start()
    seen: set[object] = set()
    deadline = time.monotonic() + 20
    tries = 0
    try:
        while (tries < 500 or b"mine" not in seen) and time.monotonic() < deadline:
            tries += 1
            with Folder(top) as folder:
                try:
                    seen.add(folder.read(("sub", "file.txt"), 100))
                except (Invalid, NotFound, Conflict) as refusal:
                    seen.add(type(refusal))
    finally:
        stop.set()
        swapper.join()

    assert b"s3cret" not in seen
    assert b"mine" in seen


def test_a_folder_that_is_not_there_or_is_a_link_is_refused(top):
    for path in (top / "gone", top / "out", top / "file.txt"):
        with pytest.raises(NotFound) as refusal, Folder(path):
            pass

        assert refusal.value.code == "checkout.missing"


def test_refusals_leave_no_descriptor_open(top):
    before = len(list(Path("/proc/self/fd").iterdir()))

    for path in ("gone/x", "out/x", "sub/gone", "sub/inside.txt", "sub", "file.txt/x"):
        with Folder(top) as folder:
            for _ in range(3):
                with pytest.raises(HubError):
                    folder.read(split_path(path), 10)

    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize(
    ("path", "is_git"),
    [(".git", True), ("a/.GIT/config", True), (".gitignore", False), ("git/x", False)],
)
def test_git_directories_are_known_in_any_case(path, is_git):
    assert is_git_path(split_path(path)) is is_git


def test_a_name_is_printed_without_what_could_fool_a_reader():
    assert clean_name("a\n\x1b[31m\udcff\u202e.txt") == "a\ufffd\ufffd[31m\ufffd\ufffd.txt"
