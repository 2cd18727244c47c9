import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.git.sources import check_source
from hub.errors import Invalid


@pytest.mark.parametrize(
    "source",
    [
        "",
        "-uevil",
        "--upload-pack=touch /tmp/x",
        "ext::sh -c 'touch /tmp/x'",
        "fd::17",
        "file::/etc",
        "ext://x",
        "http://example.com/a.git",
        "git://example.com/a.git",
        "ftp://example.com/a.git",
        "https://",
        "ssh://-oProxyCommand=x/a.git",
        "ssh://-x@host/a.git",
        "https://host:0/a.git",
        "https://host:port/a.git",
        "https://[broken/a.git",
        "me@example.com:a.git",
        "relative/path",
        "../up",
        "/does/not/exist",
        "file:///does/not/exist",
        "file://elsewhere/tmp",
        "https://example.com/a\nb",
        "/tmp/a\0b",
        "https://example.com/" + "a" * 2_000,
    ],
)
def test_a_source_that_could_do_something_else_is_refused(source):
    with pytest.raises(Invalid) as refusal:
        check_source(source)

    assert refusal.value.code == "repository.source"


@pytest.mark.parametrize(
    ("source", "protocol"),
    [
        ("https://example.com/a.git", "https"),
        ("https://me:secret@example.com/a.git", "https"),
        ("ssh://git@example.com/a.git", "ssh"),
        ("git+ssh://git@example.com:22/a.git", "ssh"),
    ],
)
def test_a_url_is_reached_by_one_protocol(source, protocol):
    checked = check_source(source)

    assert (checked.location, checked.protocol, checked.path) == (source, protocol, None)
    assert checked.owner is None


def test_a_folder_and_its_file_url_are_the_same_source(tmp_path):
    folder = tmp_path / "with space"
    folder.mkdir()

    by_path = check_source(str(folder))
    by_url = check_source(f"file://{tmp_path}/with%20space")

    assert by_path == by_url
    assert by_path.path == folder


@given(st.text(max_size=60))
def test_any_text_is_refused_or_is_an_absolute_place(text):
    codes = set()
    try:
        checked = check_source(text)
    except Invalid as refusal:
        codes.add(refusal.code)
    else:
        codes.add(checked.location[:1] == "/" or "://" in checked.location)

    assert codes in ({"repository.source"}, {True})
