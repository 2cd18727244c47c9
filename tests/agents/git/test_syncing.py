import os

import pytest

from agents.git import checkouts, syncing
from agents.processes import RunAs
from hub.errors import HubError, NotFound
from tests.agents.repositories import BRANCH, Person


def sync(office):
    syncing.sync_checkout(office.bare, office.checkout, BRANCH)


def test_a_clone_sees_what_the_hub_committed(office):
    made = office.commit({"new.txt": "new\n", "README.md": "other\n"})

    sync(office)

    agent = Person(office.checkout)
    assert agent.git("rev-parse", "HEAD", BRANCH).split() == [made, made]
    assert agent.git("symbolic-ref", "HEAD") == f"refs/heads/{BRANCH}"
    assert agent.git("status", "--porcelain") == ""
    assert agent.git("fsck", "--no-dangling") == ""


def test_what_is_not_committed_stays_as_it_is(office):
    office.commit({"new.txt": "new\n"})
    Person(office.checkout).write({"new.txt": "later\n", "more.txt": "more\n"})

    sync(office)

    agent = Person(office.checkout)
    assert agent.git("status", "--porcelain").splitlines() == ["M new.txt", "?? more.txt"]


def test_commits_and_branches_of_the_agents_own_do_not_matter(office):
    agent = Person(office.checkout)
    agent.git("switch", "--quiet", "--create", "mine")
    agent.commit({"mine.txt": "mine\n"})
    agent.git("pack-refs", "--all")
    made = office.commit({"new.txt": "new\n"})

    sync(office)

    assert agent.git("rev-parse", "HEAD") == made
    assert agent.git("status", "--porcelain") == ""
    assert agent.git("log", "--format=%s", "-1", "mine") == "Change"


def test_nothing_that_the_clone_configures_is_run(office):
    made = office.commit({"new.txt": "new\n", ".gitattributes": "* filter=evil\n"})
    canary = office.checkout.parent / "canary"
    agent = Person(office.checkout)
    for key in ("core.fsmonitor", "filter.evil.clean", "filter.evil.smudge", "core.sshCommand"):
        agent.git("config", key, f"touch {canary}; cat")
    hook = office.checkout / ".git" / "hooks" / "reference-transaction"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {canary}\n")
    hook.chmod(0o755)

    sync(office)

    assert not canary.exists()
    assert (office.checkout / ".git" / "refs" / "heads" / BRANCH).read_text() == f"{made}\n"


@pytest.mark.parametrize("trap", ["file", "link", "index", "refs"])
def test_a_clone_whose_git_leads_elsewhere_is_refused(office, trap):
    git_dir = office.checkout / ".git"
    other = office.checkout.parent / "other"
    (other / "refs").mkdir(parents=True)
    (other / "index").write_text("mine\n")
    if trap in {"file", "link"}:
        git_dir.rename(office.checkout.parent / "moved")
        git_dir.symlink_to(other) if trap == "link" else git_dir.write_text(f"gitdir: {other}\n")
    elif trap == "index":
        (git_dir / "index").unlink()
        (git_dir / "index").symlink_to(other / "index")
    else:
        (git_dir / "refs").rename(office.checkout.parent / "moved")
        (git_dir / "refs").symlink_to(other / "refs")

    with pytest.raises(HubError):
        sync(office)

    assert [one.name for one in (other / "refs").iterdir()] == []
    assert (other / "index").read_text() == "mine\n"


def test_an_unknown_branch_is_not_found(office):
    with pytest.raises(NotFound) as refusal:
        syncing.sync_checkout(office.bare, office.checkout, "parley/0-none")

    assert refusal.value.code == "branch.unknown"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_is_put_in_place_belongs_to_the_agents_user(office):
    nobody = RunAs(65534, 65534)
    checkouts.give(office.checkout, nobody)

    sync(office)

    for name in ("HEAD", "index", f"refs/heads/{BRANCH}"):
        assert (office.checkout / ".git" / name).stat().st_uid == nobody.uid
