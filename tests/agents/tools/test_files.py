import os
import string

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents import tools
from agents.tools.base import OUTPUT_BYTES
from agents.tools.files import MAX_FILE_BYTES
from hub.errors import HubError, Invalid

TRICKY = [
    "..",
    ".",
    "",
    "/",
    "a",
    "link",
    "up",
    "loop",
    ".git",
    ".GIT",
    "config",
    "\0",
    "\\",
    "~",
    "é",
]
ESCAPES = [
    "../outside",
    "/etc/passwd",
    "a/../../outside",
    "up/outside",
    "out",
    "a\0b",
    "/",
    "..",
    ".",
]


def read(workspace, path, **more):
    return tools.call(workspace, "read_file", {"path": path, **more})


def write(workspace, path, content="new\n"):
    return tools.call(workspace, "write_file", {"path": path, "content": content})


def edit(workspace, path, old, new):
    return tools.call(workspace, "edit_file", {"path": path, "old": old, "new": new})


@pytest.fixture
def trapped(workspace):
    """Links that lead out of the checkout, to a canary and to its folder."""
    canary = workspace.path.parent / "outside"
    canary.write_text("canary\n")
    (workspace.path / "out").symlink_to(canary)
    (workspace.path / "up").symlink_to("..")
    (workspace.path / "link").symlink_to(workspace.path.parent)
    (workspace.path / "loop").symlink_to("loop")
    return canary


def test_a_file_is_read_as_it_is(workspace):
    (workspace.path / "text").write_bytes(b"one\r\ntwo")

    assert read(workspace, "text").text == "one\r\ntwo"


def test_some_lines_of_a_file_say_which_they_are(workspace):
    (workspace.path / "text").write_text("".join(f"line {n}\n" for n in range(1, 11)))

    result = read(workspace, "text", first_line=3, max_lines=2)

    assert result.text == "line 3\nline 4\n[lines 3 to 4 of 10]\n"
    assert result.truncated


def test_a_long_file_is_cut_and_says_so(workspace):
    (workspace.path / "text").write_text("é" * 49 + "\n")
    (workspace.path / "long").write_text(("é" * 49 + "\n") * 2_000)

    result = read(workspace, "long")

    assert result.truncated
    assert len(result.text.encode()) < OUTPUT_BYTES + 100
    assert not read(workspace, "text").truncated


@pytest.mark.parametrize("content", [b"\x7fELF\0\0", b"caf\xe9"])
def test_a_file_that_is_no_text_is_not_read(workspace, content):
    (workspace.path / "program").write_bytes(content)

    with pytest.raises(Invalid) as refusal:
        read(workspace, "program")

    assert refusal.value.code == "file.binary"


def test_a_file_over_a_megabyte_is_not_read(workspace):
    (workspace.path / "big").write_bytes(b"a" * (MAX_FILE_BYTES + 1))

    with pytest.raises(Invalid) as refusal:
        read(workspace, "big")

    assert refusal.value.code == "file.too_large"


def test_a_file_that_is_missing_is_not_found(workspace):
    with pytest.raises(HubError) as refusal:
        read(workspace, "missing")

    assert refusal.value.code == "file.not_found"


def test_a_pipe_does_not_hang_the_reader(workspace):
    os.mkfifo(workspace.path / "pipe")

    with pytest.raises(Invalid) as refusal:
        read(workspace, "pipe")

    assert refusal.value.code == "file.not_regular"


def test_writing_makes_the_folders_it_needs(workspace):
    result = write(workspace, "docs/guide/start.md", "Hello\n")

    assert (workspace.path / "docs/guide/start.md").read_text() == "Hello\n"
    assert result.text == "Created docs/guide/start.md, 1 lines."


def test_replacing_a_program_keeps_its_mode(workspace):
    program = workspace.path / "run.sh"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)

    result = write(workspace, "run.sh", "#!/bin/sh\necho\n")

    assert program.stat().st_mode & 0o777 == 0o755
    assert result.text.startswith("Replaced")


def test_more_than_a_megabyte_is_not_written(workspace):
    with pytest.raises(Invalid) as refusal:
        write(workspace, "big", "é" * (MAX_FILE_BYTES // 2 + 1))

    assert refusal.value.code == "file.too_large"
    assert not (workspace.path / "big").exists()


def test_half_a_character_is_not_written(workspace):
    with pytest.raises(Invalid) as refusal:
        write(workspace, "text", "\ud800")

    assert refusal.value.code == "arguments.invalid"
    assert not (workspace.path / "text").exists()


@pytest.mark.parametrize("path", [".git/config", ".GIT/hooks/pre-commit", "a/.git", "./.git/HEAD"])
def test_files_of_git_are_not_written(workspace, path):
    for attempt in (lambda: write(workspace, path), lambda: edit(workspace, path, "a", "b")):
        with pytest.raises(Invalid) as refusal:
            attempt()

        assert refusal.value.code == "path.git"


def test_an_edit_replaces_the_one_place(workspace):
    result = edit(workspace, "wordcount/counting.py", 'r"[a-z]+"', 'r"[a-z\']+"')

    assert (
        'WORD = re.compile(r"[a-z\']+")' in (workspace.path / "wordcount/counting.py").read_text()
    )
    assert result.text == "Edited wordcount/counting.py at line 7."


def test_an_edit_of_what_is_not_there_is_refused(workspace):
    with pytest.raises(HubError) as refusal:
        edit(workspace, "README.md", "no such text", "x")

    assert refusal.value.code == "edit.not_found"


def test_an_edit_of_what_is_there_twice_is_refused_and_says_how_often(workspace):
    before = (workspace.path / "README.md").read_bytes()

    with pytest.raises(HubError) as refusal:
        edit(workspace, "README.md", "python3 -m", "x")

    assert refusal.value.code == "edit.ambiguous"
    assert refusal.value.detail == {"found": 4}
    assert (workspace.path / "README.md").read_bytes() == before


@pytest.mark.parametrize("path", ESCAPES)
def test_a_path_that_leaves_the_checkout_is_refused(workspace, trapped, path):
    attempts = (
        lambda: read(workspace, path),
        lambda: write(workspace, path, "gone\n"),
        lambda: edit(workspace, path, "canary", "gone"),
    )
    for attempt in attempts:
        with pytest.raises(HubError) as refusal:
            attempt()

        assert refusal.value.code in {"path.outside", "path.invalid"}
    assert trapped.read_text() == "canary\n"


def test_a_link_inside_the_checkout_is_named_instead_of_followed(workspace):
    (workspace.path / "short").symlink_to("README.md")

    with pytest.raises(HubError) as refusal:
        read(workspace, "short")

    assert refusal.value.code == "path.link"
    assert "README.md" in refusal.value.message


@settings(
    max_examples=400,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    path=st.one_of(
        st.lists(st.sampled_from(TRICKY), min_size=1, max_size=7).map("/".join),
        st.text(max_size=40),
        st.text(alphabet=string.printable + "\u2024\uff0e\u2215", max_size=40),
    )
)
def test_no_path_reads_or_writes_outside_the_checkout(workspace, trapped, path):
    before = {one.name for one in workspace.path.parent.iterdir()}

    for attempt in (lambda: read(workspace, path), lambda: write(workspace, path)):
        try:
            result = attempt()
        except HubError:
            continue
        assert "canary" not in result.text

    assert trapped.read_text() == "canary\n"
    assert {one.name for one in workspace.path.parent.iterdir()} == before
    assert (workspace.path / ".git/config").read_text().startswith("[core]")
