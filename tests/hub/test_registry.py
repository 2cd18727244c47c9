"""The one door: arguments, capability, idempotency keys, the lock and the fence."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from hub import identify, registry
from hub.actions import tasks
from hub.actor import Actor
from hub.errors import Conflict, Forbidden, Invalid, KeyReused, NotFound
from hub.models import Event, Member, Run, StoredCall, Task, Token
from hub.models.projects import project_lock
from hub.registry import ACTIONS
from tests.cast import act, log_end, logged


def test_an_unknown_action_is_not_found(ada):
    with pytest.raises(NotFound) as refusal:
        act(ada, "task.levitate")

    assert refusal.value.code == "action.unknown"


def test_an_unknown_argument_is_named(ada):
    with pytest.raises(Invalid) as refusal:
        act(ada, "task.open", title="Land", colour="red")

    assert refusal.value.code == "arguments.invalid"
    assert refusal.value.detail["problems"][0]["field"] == "colour"


def test_arguments_are_checked_before_the_capability_and_nothing_is_written(joan):
    before = log_end(joan)

    with pytest.raises(Invalid):
        act(joan, "task.open", title="x" * 161)

    assert log_end(joan) == before


def test_a_missing_capability_is_named(joan):
    with pytest.raises(Forbidden) as refusal:
        act(joan, "task.open", title="Land")

    assert refusal.value.code == "capability.missing"
    assert refusal.value.detail == {"needs": "plan"}


def test_a_retired_member_may_do_nothing(ada, grace):
    act(ada, "member.retire", name="grace")
    retired = identify.of_member(Member.objects.get(pk=grace.member_id), "test")

    with pytest.raises(Forbidden):
        act(retired, "task.list")


@pytest.mark.parametrize(
    ("text", "code"),
    [("a\x00b", "text.control"), ("a\x1b[2Jb", "text.control"), ("\ud800", "text.surrogate")],
)
def test_no_text_of_any_argument_holds_what_is_no_text(ada, text, code):
    with pytest.raises(Invalid) as refusal:
        act(ada, "decision.ask", text="Well?", choices=["yes", text])

    assert refusal.value.code == code


def test_every_text_argument_of_every_action_is_cleaned(ada):
    """A field that took NUL would end as an error of the database."""
    mine = replace(ada, capabilities=frozenset(found.needs for found in ACTIONS.values()))
    reached = 0

    for found in ACTIONS.values():
        for name in found.payload.model_fields:
            if found.needs in registry.REPORTS:
                continue
            reached += 1
            with pytest.raises(Invalid):
                registry.call(mine, found.name, {name: "a\x00b"})

    assert reached > 100


def test_a_workers_report_keeps_control_characters_but_for_nul(ada):
    """What a check printed in colour is stored; NUL and half characters become U+FFFD."""
    found = ACTIONS["pull.refused"]

    arguments = registry._checked(
        found, {"pull": 1, "attempt": 1, "reason": "\x1b[31mred\x00\ud800"}
    )

    assert arguments["reason"] == "\x1b[31mred\ufffd\ufffd"


# -- Keys -----------------------------------------------------------------------------------------
def test_the_same_key_and_body_give_the_stored_answer_and_do_nothing(ada):
    first = act(ada, "task.open", key="k1", title="Land")
    before = log_end(ada)

    again = act(ada, "task.open", key="k1", title="Land")

    assert again == first
    assert logged(ada, before) == []
    assert Task.objects.count() == 1


def test_the_same_key_with_another_body_is_refused(ada):
    act(ada, "task.open", key="k1", title="Land")

    with pytest.raises(KeyReused) as refusal:
        act(ada, "task.open", key="k1", title="Return")

    assert refusal.value.detail == {"action": "task.open"}
    assert Task.objects.count() == 1


def test_the_same_key_with_another_action_is_refused(ada):
    act(ada, "project.pause", key="k1")

    with pytest.raises(KeyReused):
        act(ada, "project.resume", key="k1")


def test_a_key_belongs_to_its_member(ada, grace):
    act(ada, "task.open", key="k1", title="Land")

    act(grace, "task.open", key="k1", title="Return")

    assert Task.objects.count() == 2


def test_a_refused_call_leaves_its_key_free(ada):
    with pytest.raises(NotFound):
        act(ada, "task.claim", key="k1", task=1)
    act(ada, "task.open", title="Land")

    act(ada, "task.claim", key="k1", task=1)

    assert Task.objects.get().state == "claimed"


def test_a_key_over_200_characters_is_refused(ada):
    with pytest.raises(Invalid) as refusal:
        act(ada, "task.open", key="k" * 201, title="Land")

    assert refusal.value.code == "key.too_long"


def test_a_secret_is_not_kept_with_its_key(ada):
    first = act(ada, "token.create", key="k1", label="laptop")

    again = act(ada, "token.create", key="k1", label="laptop")

    assert first["secret"].startswith("prl_")
    assert again == {**first, "secret": ""}
    assert first["secret"] not in StoredCall.objects.get().answer
    assert Token.objects.count() == 1


def test_a_stored_answer_is_the_answer_as_json(ada):
    answer = act(ada, "task.open", key="k1", title="Land")

    assert json.loads(StoredCall.objects.get().answer) == answer


# -- The lock -------------------------------------------------------------------------------------
def test_an_action_called_directly_without_the_lock_asserts(ada):
    with pytest.raises(AssertionError, match="not locked"):
        tasks.open_task(ada, "Land")


def test_an_action_called_directly_under_the_lock_writes_without_asking_for_the_right(joan):
    with project_lock(joan.project_id):
        row = tasks.open_task(joan, "Land")

    assert Task.objects.get().pk == row.pk
    assert Event.objects.filter(project_id=joan.project_id).last().name == "task.opened"


def test_what_fails_inside_a_nested_hold_leaves_no_event_and_no_hole(ada):
    before = log_end(ada)

    with project_lock(ada.project_id):
        tasks.open_task(ada, "Land")
        with pytest.raises(Conflict):
            _open_and_fail(ada)
        tasks.open_task(ada, "Return")

    assert logged(ada, before) == ["task.opened", "task.opened"]
    seqs = Event.objects.filter(project_id=ada.project_id).values_list("seq", flat=True)
    assert sorted(seqs) == list(range(1, before + 3))


def _open_and_fail(actor: Actor) -> None:
    with project_lock(actor.project_id):
        tasks.open_task(actor, "Crash")
        raise Conflict("on purpose")


def test_a_call_inside_a_held_lock_is_a_savepoint(ada):
    with project_lock(ada.project_id), pytest.raises(NotFound):
        act(ada, "task.claim", task=7)

    act(ada, "task.open", title="Land")

    assert Task.objects.count() == 1


# -- The fence ------------------------------------------------------------------------------------
@pytest.fixture
def run(mina):
    return Run.objects.create(member_id=mina.member_id, epoch=3)


def fenced(actor: Actor, run: Run, epoch: int) -> Actor:
    return replace(actor, run_id=run.pk, epoch=epoch)


def test_a_session_with_the_live_epoch_writes(mina, run):
    act(fenced(mina, run, 3), "message.post", channel="project", text="Here")

    assert Event.objects.get(name="message.posted").run_id == run.pk


def test_a_session_that_was_taken_over_writes_nothing(mina, run):
    with pytest.raises(Conflict) as refusal:
        act(fenced(mina, run, 2), "message.post", channel="project", text="Here")

    assert refusal.value.code == "run.stale"
    assert not Event.objects.filter(name="message.posted").exists()


def test_a_session_that_has_ended_writes_nothing(mina, run, hub):
    Run.objects.filter(pk=run.pk).update(ended_at="2026-01-01T00:00:00Z")

    with pytest.raises(Conflict) as refusal:
        act(fenced(mina, run, 3), "message.post", channel="project", text="Here")

    assert refusal.value.code == "run.stale"


def test_a_session_whose_lease_is_over_writes_nothing(mina, run, stopped):
    Run.objects.filter(pk=run.pk).update(lease_until=stopped.at + timedelta(seconds=30))
    act(fenced(mina, run, 3), "message.post", channel="project", text="In time")
    stopped.pass_s(30)

    with pytest.raises(Conflict) as refusal:
        act(fenced(mina, run, 3), "message.post", channel="project", text="Late")

    assert refusal.value.code == "run.lease_over"


def test_a_session_makes_no_token(mina, run):
    with pytest.raises(Forbidden) as refusal:
        act(fenced(mina, run, 3), "token.create", label="spare")

    assert refusal.value.code == "token.in_session"
    assert not Token.objects.exists()


def test_a_stale_session_may_still_read(mina, run):
    assert act(fenced(mina, run, 2), "task.list") == []
