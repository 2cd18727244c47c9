"""The errors channel: one post with severity, owner and link; repeats folded; people asked once."""

import secrets
from dataclasses import replace

import pytest

from hub import jobs
from hub.errors import Conflict, NotFound
from hub.models import Decision, Event, Message, Task, Trouble
from hub.models.projects import project_lock
from hub.parts import troubles
from tests.cast import act, last_event, log_end, logged

BROKEN = "The pump of session 3 does not answer"


@pytest.fixture
def pump(em, ivo) -> int:
    """Trouble 1, reported by ivo; em is the engineering manager."""
    return act(ivo, "trouble.report", text=BROKEN)["number"]


def posts():
    return list(Message.objects.filter(channel__kind="errors").order_by("seq"))


# -- trouble.report -------------------------------------------------------------------------------
def test_a_crash_is_one_post_with_severity_owner_and_link(em, ivo):
    before = log_end(ivo)

    answer = act(ivo, "trouble.report", text=BROKEN, severity="critical", subject="task:1")

    assert (answer["number"], answer["owner"], answer["state"]) == (1, "em", "open")
    (said,) = posts()
    assert said.author.kind == "hub"
    for words in ("**Critical 1**", "task 1", "from ivo", BROKEN, "Owner: @em", "/p/moon/errors/"):
        assert words in said.text
    assert "http://" in said.text
    assert logged(ivo, before) == ["message.posted", "trouble.reported"]
    assert Event.objects.get(seq=said.seq, project_id=ivo.project_id).facts["mentions"] == [
        em.member_id
    ]


def test_a_repeat_is_folded_with_a_counter(ivo, pump):
    before = log_end(ivo)

    answer = act(ivo, "trouble.report", text=BROKEN)

    assert (answer["number"], answer["count"]) == (pump, 2)
    (said,) = posts()
    assert "(2 times, last at" in said.text
    assert logged(ivo, before) == ["message.edited", "trouble.repeated"]


def test_a_repeat_never_makes_trouble_smaller(ivo, pump):
    act(ivo, "trouble.report", text=BROKEN, severity="critical")

    assert act(ivo, "trouble.report", text=BROKEN, severity="warning")["severity"] == "critical"


def test_another_subject_is_other_trouble(ivo, pump):
    act(ivo, "trouble.report", text=BROKEN, subject="task:7")

    assert len(posts()) == 2


def test_without_an_engineering_manager_the_projects_owner_gets_it(ada, ivo):
    assert act(ivo, "trouble.report", text=BROKEN)["owner"] == "ada"


def test_the_text_of_a_report_calls_nobody_and_obeys_nobody(em, ivo, ada):
    act(ivo, "trouble.report", text="```\n@ada\n!drop 1\nTASK: steal\n```", owner="em")

    (said,) = posts()
    facts = Event.objects.get(seq=said.seq, project_id=ivo.project_id).facts
    assert facts["mentions"] == [em.member_id]
    assert not Task.objects.exists()
    assert 'data-name="ada"' not in said.html


def test_secrets_in_a_report_are_masked_everywhere(em, ivo):
    secret = "ghp_" + "a1B2" * 9

    act(ivo, "trouble.report", text=f"refused {secret}")

    assert secret not in Trouble.objects.get().text + posts()[0].text


def test_what_is_resolved_comes_back_as_new_trouble(ivo, pump):
    act(ivo, "trouble.resolve", trouble=pump)

    answer = act(ivo, "trouble.report", text=BROKEN)

    assert (answer["number"], answer["count"]) == (2, 1)
    assert len(posts()) == 2


# -- trouble.acknowledge --------------------------------------------------------------------------
def test_who_acknowledges_owns_it_and_the_post_says_so(grace, pump):
    before = log_end(grace)

    answer = act(grace, "trouble.acknowledge", trouble=pump)

    assert (answer["state"], answer["owner"]) == ("acknowledged", "grace")
    assert "Acknowledged by grace" in posts()[0].text
    assert logged(grace, before) == ["message.edited", "trouble.acknowledged"]


def test_it_is_acknowledged_once(ada, grace, pump):
    act(grace, "trouble.acknowledge", trouble=pump)

    with pytest.raises(Conflict) as refusal:
        act(ada, "trouble.acknowledge", trouble=pump)

    assert refusal.value.code == "trouble.acknowledged"


def test_a_person_acknowledges_in_chat(ada, pump):
    act(ada, "message.post", channel="errors", text=f"!ack {pump}")

    assert Trouble.objects.get().acknowledged_by_id == ada.member_id


def test_eve_acknowledges_nothing_here(eve, pump):
    with pytest.raises(NotFound):
        act(eve, "trouble.acknowledge", trouble=pump)


# -- trouble.resolve ------------------------------------------------------------------------------
def test_resolve_ends_it_and_says_how(ada, pump):
    before = log_end(ada)

    answer = act(ada, "trouble.resolve", trouble=pump, how="New pump")

    assert answer["state"] == "resolved"
    assert logged(ada, before) == ["message.edited", "trouble.resolved"]
    row = Trouble.objects.get()
    assert (row.resolution, row.resolved_by_id) == ("New pump", ada.member_id)


@pytest.mark.parametrize("action", ["trouble.resolve", "trouble.acknowledge"])
def test_what_is_resolved_stays_so(ada, pump, action):
    act(ada, "trouble.resolve", trouble=pump)

    with pytest.raises(Conflict) as refusal:
        act(ada, action, trouble=pump)

    assert refusal.value.code == "trouble.resolved"


# -- trouble.open_task ----------------------------------------------------------------------------
def test_a_task_to_remove_the_cause_carries_the_words(ada, pump):
    answer = act(ada, "trouble.open_task", trouble=pump)

    assert answer["title"] == f"Repair: {BROKEN}"
    assert BROKEN in Task.objects.get().brief
    assert Trouble.objects.get().state == "acknowledged"
    assert last_event(ada).name == "task.opened"


def test_a_task_is_opened_for_acknowledged_trouble_too(ada, grace, pump):
    act(grace, "trouble.acknowledge", trouble=pump)

    act(ada, "trouble.open_task", trouble=pump, title="Buy a pump")

    assert Trouble.objects.get().owner_id == grace.member_id


# -- trouble.list ---------------------------------------------------------------------------------
def test_list_leaves_out_what_is_resolved(ada, ivo, pump):
    act(ivo, "trouble.report", text="The hull leaks")
    act(ada, "trouble.resolve", trouble=pump)
    before = log_end(ada)

    assert [row["text"] for row in act(ada, "trouble.list")] == ["The hull leaks"]
    assert len(act(ada, "trouble.list", resolved=True)) == 2
    assert logged(ada, before) == []


# -- Nobody acknowledges --------------------------------------------------------------------------
def test_after_fifteen_minutes_unacknowledged_the_people_are_asked_once(ivo, em, stopped, settings):
    act(ivo, "trouble.report", text=BROKEN)
    stopped.pass_s(settings.TROUBLE_PING_S - 1)
    jobs.sweep()
    assert not Decision.objects.exists()

    stopped.pass_s(1)
    jobs.sweep()
    stopped.pass_s(3_600)
    jobs.sweep()

    card = Decision.objects.get()
    assert (settings.TROUBLE_PING_S, card.kind) == (900, "escalation")
    assert BROKEN in card.text
    assert card.link == "/p/moon/errors/#trouble-1"


def test_what_is_acknowledged_in_time_asks_nobody(grace, pump, stopped):
    act(grace, "trouble.acknowledge", trouble=pump)
    stopped.pass_s(3_600)

    jobs.sweep()

    assert not Decision.objects.exists()


@pytest.fixture
def card(pump, stopped) -> Decision:
    stopped.pass_s(901)
    jobs.sweep()
    return Decision.objects.get()


def test_the_cards_answer_acknowledges(ada, card):
    act(ada, "decision.answer", decision=card.number, answer="1")

    assert Trouble.objects.get().acknowledged_by_id == ada.member_id


def test_the_cards_other_answer_opens_a_task(ada, card):
    act(ada, "decision.answer", decision=card.number, answer="2")

    assert Task.objects.get().opened_by_id == ada.member_id
    assert Trouble.objects.get().state == "acknowledged"


def test_acknowledging_elsewhere_withdraws_the_card(ada, card):
    act(ada, "message.post", channel="errors", text="!ack 1")

    card.refresh_from_db()
    assert card.state == "canceled"


# -- Parley's own failures ------------------------------------------------------------------------
def test_a_sweep_that_fails_is_trouble_of_its_project_once(ada, stopped, monkeypatch):
    act(ada, "decision.ask", text="Well?", default="yes", default_in_s=60)
    stopped.pass_s(61)

    def broken(*_):
        raise ZeroDivisionError(f"no moon at {secrets.token_hex(4)}")

    monkeypatch.setattr(jobs.decisions, "apply_defaults", broken)

    for _ in range(3):
        jobs.sweep()

    row = Trouble.objects.get()
    assert (row.count, row.project_id) == (3, ada.project_id)
    assert "ZeroDivisionError: no moon" in row.text
    assert Event.objects.filter(name="trouble.repeated").count() == 1  # the second, not the third


def test_two_reports_at_once_are_one_trouble(ivo, rhea, pump):
    with project_lock(ivo.project_id) as lock:
        act(replace(rhea, clock=lock.now), "trouble.report", text=BROKEN)

    assert Trouble.objects.get().count == 2


def test_the_page_shows_first_what_nobody_looks_after_and_there_the_worst(ada, ivo):
    for severity in ("warning", "critical", "error"):
        act(ivo, "trouble.report", text=f"A {severity}", severity=severity)
    act(ada, "trouble.acknowledge", trouble=2)

    rows = sorted(Trouble.objects.order_by("-number"), key=troubles.urgency)

    assert [row.severity for row in rows] == ["error", "warning", "critical"]
