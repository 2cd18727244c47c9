import time

import pytest

from agents import tools
from agents.tools import finding
from hub.errors import HubError, Invalid, Unavailable


def names(workspace, path=""):
    return tools.call(workspace, "list_files", {"path": path}).text.splitlines()


def search(workspace, pattern, **more):
    return tools.call(workspace, "search", {"pattern": pattern, **more})


def test_new_files_are_listed_and_deleted_and_ignored_ones_are_not(workspace):
    (workspace.path / "new").write_text("")
    (workspace.path / "made.pyc").write_text("")
    (workspace.path / "README.md").unlink()

    found = names(workspace)

    assert "new" in found
    assert "wordcount/counting.py" in found
    assert not {"made.pyc", "README.md"} & {*found}
    assert not any(name.startswith(".git/") for name in found)


def test_a_folder_is_listed_by_itself(workspace):
    assert names(workspace, "wordcount") == [
        "wordcount/__init__.py",
        "wordcount/__main__.py",
        "wordcount/counting.py",
    ]


def test_a_list_that_is_too_long_says_how_much_is_missing(workspace, monkeypatch):
    monkeypatch.setattr(finding, "MAX_NAMES", 3)

    result = tools.call(workspace, "list_files", {})

    assert result.text.splitlines()[-1] == "[6 more; name a folder]"
    assert result.truncated


def test_a_name_with_a_line_feed_stays_one_line(workspace):
    (workspace.path / "a\nb").write_text("")

    assert "a\ufffdb" in names(workspace)


def test_a_search_answers_path_line_and_text(workspace):
    result = search(workspace, r"def count\(\w+")

    assert result.text == "wordcount/counting.py:24:def count(text: str) -> Counts:"


def test_a_search_finds_nothing_in_words(workspace):
    assert search(workspace, "no such thing").text == "No match."


def test_a_search_can_ignore_case_and_stay_below_a_folder(workspace):
    result = search(workspace, "WORDCOUNT", ignore_case=True, path="tests")

    assert {line.partition("/")[0] for line in result.text.splitlines()} == {"tests"}


def test_a_pattern_may_begin_like_an_option(workspace):
    assert "--json" in search(workspace, "--json").text


def test_a_pattern_that_is_none_is_refused(workspace):
    with pytest.raises(Invalid) as refusal:
        search(workspace, "(")

    assert refusal.value.code == "search.pattern"


def test_a_pattern_that_explodes_is_bounded(workspace):
    (workspace.path / "trap").write_text("a" * 5_000 + "!\n")
    started = time.monotonic()

    with pytest.raises((Invalid, Unavailable)):
        search(workspace, r"^(a|aa|a?)+$", path="trap")

    assert time.monotonic() - started < finding.TIMEOUT_S + 5


def test_many_matches_and_long_lines_are_cut(workspace):
    (workspace.path / "long").write_text(("x" * 900 + "\n") * 300)

    result = search(workspace, "x", path="long")

    lines = result.text.splitlines()
    assert result.truncated
    assert len(lines) <= finding.MAX_MATCHES + 1
    assert max(map(len, lines)) <= finding.MAX_LINE_CHARS


@pytest.mark.parametrize("tool", ["list_files", "search", "git_diff"])
@pytest.mark.parametrize("path", ["../outside", "/etc", "a/../../x"])
def test_looking_outside_the_checkout_is_refused(workspace, tool, path):
    arguments = {"path": path} | ({"pattern": "x"} if tool == "search" else {})

    with pytest.raises(HubError) as refusal:
        tools.call(workspace, tool, arguments)

    assert refusal.value.code == "path.outside"


def test_a_link_out_of_the_checkout_is_not_searched(workspace):
    (workspace.path.parent / "outside").mkdir()
    (workspace.path.parent / "outside" / "secret").write_text("canary\n")
    (workspace.path / "link").symlink_to("../outside")
    (workspace.path / "file").symlink_to("../outside/secret")

    assert search(workspace, "canary").text == "No match."


def test_a_checkout_that_lost_its_git_does_not_show_the_repository_around_it(workspace):
    inner = workspace.path / "inner"
    inner.mkdir()
    stray = tools.Workspace(path=inner, home=workspace.home)

    with pytest.raises(Invalid) as refusal:
        tools.call(stray, "list_files", {})

    assert refusal.value.code == "checkout.broken"
