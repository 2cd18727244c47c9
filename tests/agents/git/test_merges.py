import pytest

from agents.git import merges, repository
from hub.errors import Conflict, Invalid, NotFound
from tests.agents.repositories import BRANCH, NOON, RAMONA, Office, Person, make_person


def refresh(office: Office) -> str:
    repository.ensure_mirror(str(office.person.path), office.bare)
    tip = repository.branch_tip(office.bare, "main")
    assert tip is not None
    return tip


def test_a_branch_is_replayed_with_its_authors_dates_and_messages(office: Office):
    office.commit({"one.txt": "1"}, "One\n\nwith a body")
    office.commit({"two.txt": "2"}, "Two")
    base = office.person.commit({"base.txt": "base"})
    refresh(office)

    result = merges.rebase(office.bare, BRANCH, "main")

    assert result.base == base
    assert result.conflicts == ()
    assert len(result.commits) == 2
    assert result.tip == result.commits[-1]
    assert set(office.names(result.tree or "")) == {
        "README.md", "base.txt", "one.txt", "src/words.py", "two.txt",
    }  # fmt: skip
    log = Person(office.bare).git("log", "--format=%an|%at|%s|%b", f"{base}..{result.tip}")
    noon = int(NOON.timestamp())
    assert log.split("\n") == [f"Ramona|{noon}|Two|", f"Ramona|{noon}|One|with a body"]
    assert repository.branch_tip(office.bare, BRANCH) not in {result.tip, None}


def test_a_branch_that_is_on_its_base_already_stays_what_it_is(office: Office):
    tip = office.commit({"one.txt": "1"})

    result = merges.rebase(office.bare, BRANCH, "main")

    assert result.base == office.tip
    assert result.tree == repository.tree_of(office.bare, tip)


def test_a_branch_without_commits_gives_the_base_itself(office: Office):
    base = office.person.commit({"base.txt": "base"})
    refresh(office)

    result = merges.rebase(office.bare, BRANCH, "main")

    assert (result.tip, result.commits) == (base, ())


def test_conflicts_are_listed_by_path_and_nothing_moves(office: Office):
    tip = office.commit({"README.md": "theirs\n", "src/words.py": "WORDS = 3\n", "ok.txt": "ok"})
    office.person.commit({"README.md": "ours\n", "src/words.py": "WORDS = 4\n"})
    refresh(office)

    result = merges.rebase(office.bare, BRANCH, "main")

    assert result.conflicts == ("README.md", "src/words.py")
    assert (result.tip, result.tree, result.commits) == (None, None, ())
    assert repository.branch_tip(office.bare, BRANCH) == tip


def test_a_change_that_the_base_has_already_is_left_out(office: Office):
    office.commit({"same.txt": "same"}, "Same")
    office.commit({"more.txt": "more"}, "More")
    office.person.commit({"same.txt": "same"})
    refresh(office)

    result = merges.rebase(office.bare, BRANCH, "main")

    assert len(result.commits) == 1


def test_a_file_both_sides_moved_and_changed_is_merged(office: Office):
    lines = "".join(f"line {number}\n" for number in range(30))
    office.person.commit({"long.txt": lines})
    base = refresh(office)
    repository.move_branch(office.bare, BRANCH, tip=base, expected=office.tip)
    (office.checkout / "src" / "words.py").write_text("WORDS = 1\n")
    office.commit({"long.txt": lines.replace("line 25", "line twenty-five")})
    office.person.git("mv", "long.txt", "moved.txt")
    office.person.commit({})
    refresh(office)

    result = merges.rebase(office.bare, BRANCH, "main")

    assert b"twenty-five" in office.content(result.tree or "", "moved.txt")


def test_a_branch_with_merges_is_not_replayed(office: Office):
    office.person.git("checkout", "--quiet", "-b", "side")
    office.person.commit({"side.txt": "side"})
    office.person.git("checkout", "--quiet", "main")
    office.person.commit({"main.txt": "main"})
    office.person.git("merge", "--quiet", "--no-edit", "side")
    merged = office.person.git("rev-parse", "HEAD")
    office.person.git("branch", "-f", "tangled", merged)
    office.person.git("reset", "--quiet", "--hard", "HEAD~2")
    refresh(office)

    with pytest.raises(Conflict) as refusal:
        merges.rebase(office.bare, "tangled", "main")

    assert refusal.value.code == "rebase.not_linear"


def test_a_very_long_branch_is_not_replayed(office: Office, monkeypatch):
    monkeypatch.setattr(merges, "MAX_COMMITS", 1)
    office.commit({"one.txt": "1"})
    office.commit({"two.txt": "2"})

    with pytest.raises(Conflict) as refusal:
        merges.rebase(office.bare, BRANCH, "main")

    assert refusal.value.code == "rebase.too_long"


def test_branches_without_common_history_are_refused(office: Office, tmp_path):
    other = make_person(tmp_path / "other", {"other.txt": "other"})
    office.person.git("fetch", "--quiet", str(other.path), "main:foreign")
    refresh(office)

    with pytest.raises(Conflict) as refusal:
        merges.rebase(office.bare, "foreign", "main")

    assert refusal.value.code == "merge.unrelated"


def test_an_unknown_branch_cannot_be_replayed(office: Office):
    with pytest.raises(NotFound):
        merges.rebase(office.bare, "parley/9-gone", "main")


def test_a_rebase_without_conflict_is_the_same_change(office: Office):
    tip = office.commit({"one.txt": "1", "README.md": "one\ntwo\nthree\nfour\n"})
    approved = (office.tip, repository.tree_of(office.bare, tip))
    office.person.commit({"README.md": "zero\none\ntwo\nthree\n"})
    base = refresh(office)
    result = merges.rebase(office.bare, BRANCH, "main")

    assert merges.same_change(office.bare, approved, (base, result.tree or ""))
    assert merges.same_change(office.bare, approved, approved)


def test_a_change_that_grew_after_its_approval_is_another_one(office: Office):
    tip = office.commit({"one.txt": "1"})
    approved = (office.tip, repository.tree_of(office.bare, tip))
    office.commit({"sneaked.txt": "in"})
    office.person.commit({"base.txt": "base"})
    base = refresh(office)
    result = merges.rebase(office.bare, BRANCH, "main")

    assert not merges.same_change(office.bare, approved, (base, result.tree or ""))


def test_a_change_in_conflict_with_its_base_is_not_the_same(office: Office):
    tip = office.commit({"README.md": "mine\n"})
    tree = repository.tree_of(office.bare, tip)
    office.person.commit({"README.md": "theirs\n"})
    base = refresh(office)

    assert not merges.same_change(office.bare, (office.tip, tree), (base, tree))


def test_an_approval_names_both_the_base_and_the_tree():
    base, tree = "a" * 40, "b" * 40

    digest = merges.approval_digest(base, tree)

    assert len(digest) == 64
    assert digest == merges.approval_digest(base, tree)
    assert (
        len({digest, merges.approval_digest(tree, base), merges.approval_digest(base, base)}) == 3
    )
    with pytest.raises(Invalid):
        merges.approval_digest("main", tree)


def test_the_hubs_base_moves_forward_only(office: Office):
    tip = office.commit({"one.txt": "1"})

    merges.fast_forward(office.bare, "main", tip=tip, expected=office.tip)
    with pytest.raises(Conflict) as backward:
        merges.fast_forward(office.bare, "main", tip=office.tip, expected=tip)
    with pytest.raises(Conflict) as stale:
        merges.fast_forward(office.bare, "main", tip=tip, expected=office.tip)

    assert repository.branch_tip(office.bare, "main") == tip
    assert backward.value.code == "merge.not_ahead"
    assert stale.value.code == "branch.moved"


def test_merging_again_and_again_does_not_pile_up_objects(office: Office):
    office.commit({"one.txt": "1"})
    office.person.commit({"base.txt": "base"})
    refresh(office)
    merges.rebase(office.bare, BRANCH, "main")
    before = Person(office.bare).git("count-objects")

    merges.rebase(office.bare, BRANCH, "main")

    after = Person(office.bare).git("count-objects")
    assert int(after.split()[0]) - int(before.split()[0]) <= 1


def test_an_author_of_another_time_zone_keeps_it(office: Office, monkeypatch):
    person = office.person
    person.git("checkout", "--quiet", "-b", "theirs")
    person.write({"zone.txt": "zone"})
    person.git("add", "--all")
    person.git("commit", "--quiet", "-m", "Zone", "--date", "2026-01-02T03:04:05+05:30",
               "--author", "Mina <mina@example.com>")  # fmt: skip
    person.git("checkout", "--quiet", "main")
    person.commit({"base.txt": "base"})
    refresh(office)

    result = merges.rebase(office.bare, "theirs", "main")

    shown = Person(office.bare).git("log", "-1", "--format=%an <%ae> %aI", result.tip or "")
    assert shown == "Mina <mina@example.com> 2026-01-02T03:04:05+05:30"


def test_the_signature_of_an_agent_reaches_nobody():
    assert RAMONA.email == "ramona@parley.invalid"
