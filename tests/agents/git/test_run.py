import pytest

from agents.git.run import Bounds, GitError, Place, check_id, mask, run_git
from hub.errors import Invalid
from tests.agents.repositories import Office


def test_git_sees_nothing_of_the_hubs_environment(monkeypatch, office: Office):
    monkeypatch.setenv("PARLEY_SECRET", "s3cret")
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", "touch-a-canary")

    seen = run_git(["-c", "alias.show-all=!env", "show-all"], Place(git_dir=office.bare)).text

    assert "s3cret" not in seen
    assert "GIT_EXTERNAL_DIFF" not in seen
    assert "GIT_CONFIG_NOSYSTEM=1" in seen


def test_a_git_that_takes_too_long_is_stopped(office: Office):
    with pytest.raises(GitError) as failure:
        run_git(
            ["-c", "alias.wait=!sleep 30", "wait"],
            Place(git_dir=office.bare),
            bounds=Bounds(timeout_s=0.2),
        )

    assert failure.value.code == "git.timeout"


def test_an_answer_over_the_limit_fails_unless_a_cut_will_do(office: Office):
    place = Place(git_dir=office.bare)
    args = ["cat-file", "-p", office.tip]

    with pytest.raises(GitError) as failure:
        run_git(args, place, bounds=Bounds(output_bytes=10))
    cut = run_git(args, place, bounds=Bounds(output_bytes=10, cut=True))

    assert failure.value.code == "git.too_much"
    assert cut.truncated
    assert len(cut.output) == 10


def test_a_failure_tells_the_command_and_gits_own_words(office: Office):
    with pytest.raises(GitError) as failure:
        run_git(["cat-file", "-p", "0" * 40], Place(git_dir=office.bare))

    assert failure.value.code == "git.failed"
    assert failure.value.status == 503
    assert failure.value.detail["command"] == "cat-file"
    assert "Not a valid object name" in failure.value.message


def test_no_protocol_is_spoken_that_was_not_asked_for(office: Office):
    with pytest.raises(GitError, match="not allowed"):
        run_git(["ls-remote", "--", str(office.person.path)], Place(git_dir=office.bare))


@pytest.mark.parametrize(
    "words",
    [
        "fatal: unable to access 'https://me:s3cret@example.com/a.git/': no",
        "ssh://s3cret@host/x",
        "https://me:p@ss:s3cret@host/x",
        "token ghp_s3cretabcdefghijklmnopqrstuvwxyz0123",
    ],
)
def test_secrets_are_masked_in_gits_words(words):
    assert "s3cret" not in mask(words)


@pytest.mark.parametrize(
    "value", ["", "HEAD", "--all", "a" * 39, "A" * 40, "main^{tree}", "g" * 40]
)
def test_only_a_full_object_id_reaches_git(value):
    with pytest.raises(Invalid) as refusal:
        check_id(value)

    assert refusal.value.code == "git.bad_id"
