"""Notes and results: left on purpose, found again by what they belong to, never changed."""

import pytest

from hub.errors import Invalid, NotFound
from hub.models import Artifact
from tests.cast import act, last_event, log_end, logged

SECRET = "ghp_" + "a1B2" * 9


@pytest.fixture
def work(ada) -> int:
    """Task 1 of objective 1."""
    act(ada, "objective.open", text="Reach the moon")
    return int(act(ada, "task.open", title="Land", objective=1)["number"])


# -- note.create ----------------------------------------------------------------------------------
def test_a_note_belongs_to_its_task_and_the_tasks_objective(ivo, work):
    before = log_end(ivo)

    answer = act(ivo, "note.create", title="Dust", text="It sticks to boots", task=work)

    assert (answer["number"], answer["kind"], answer["author"]) == (1, "note", "ivo")
    assert (answer["task"], answer["objective"]) == (1, 1)
    assert logged(ivo, before) == ["artifact.added"]
    assert last_event(ivo).facts == {"kind": "note", "task": 1, "objective": 1}


def test_a_note_has_at_most_1200_characters(ivo):
    act(ivo, "note.create", title="Long", text="x" * 1_200)

    with pytest.raises(Invalid):
        act(ivo, "note.create", title="Too long", text="x" * 1_201)


# -- artifact.add ---------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["file", "patch", "report", "benchmark", "build", "other"])
def test_a_result_is_kept_with_its_content(ivo, work, kind):
    answer = act(ivo, "artifact.add", kind=kind, title="Speed", text="3 m/s", task=work)

    assert answer["kind"] == kind
    assert act(ivo, "artifact.show", artifact=1)["text"] == "3 m/s"


def test_a_result_without_content_or_place_is_none(ivo):
    with pytest.raises(Invalid) as refusal:
        act(ivo, "artifact.add", kind="file", title="Nothing", text=" \n")

    assert refusal.value.code == "artifact.empty"


@pytest.mark.parametrize("uri", ["javascript:alert(1)", "data:text/html,x", "//evil", "file:///x"])
def test_a_place_is_an_address_or_a_path(ivo, uri):
    with pytest.raises(Invalid):
        act(ivo, "artifact.add", kind="file", title="Evil", uri=uri)


@pytest.mark.parametrize("uri", ["https://example.org/a?b=c", "docs/speed.md", "bench/x 1.csv"])
def test_places_that_are_taken(ivo, uri):
    assert act(ivo, "artifact.add", kind="file", title="Good", uri=uri)["uri"] == uri


def test_secrets_in_results_are_masked(ivo):
    act(ivo, "note.create", title=f"a {SECRET}", text=f"b {SECRET}")
    act(ivo, "artifact.add", kind="report", title="c", summary=f"d {SECRET}", text=f"e {SECRET}")

    assert SECRET not in str(list(Artifact.objects.values()))


# -- artifact.list, artifact.show -----------------------------------------------------------------
def test_list_keeps_what_belongs_together_and_leaves_out_debugging(ada, ivo, work):
    act(ivo, "note.create", title="Of the task", text="x", task=work)
    act(ivo, "note.create", title="Of the objective", text="x", objective=1)
    act(ivo, "note.create", title="Of nothing", text="x")
    act(ivo, "artifact.add", kind="build", title="Log", text="x", visibility="debug", task=work)
    before = log_end(ivo)

    def titles(**wanted):
        return [row["title"] for row in act(ada, "artifact.list", **wanted)]

    assert titles(task=work) == ["Of the task"]
    assert titles(objective=1) == ["Of the objective", "Of the task"]
    assert titles() == ["Of nothing", "Of the objective", "Of the task"]
    assert titles(task=work, debug=True) == ["Log", "Of the task"]
    assert logged(ivo, before) == []


def test_an_unknown_artifact_is_not_found(ada):
    with pytest.raises(NotFound) as refusal:
        act(ada, "artifact.show", artifact=7)

    assert refusal.value.code == "artifact.unknown"
