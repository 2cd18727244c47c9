"""Waking: who is made due by what, how much is read at a time, and how often bells ring."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from agents import jobs, leases, waking
from agents.models import Session, Target
from hub import clock, fanout, identify, registry
from hub.actions import events, inbox
from hub.models import Event, Member, Project, ProjectClock

from .played import use
from .stage import Set


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple]:
    """The jobs that were sent, instead of sending them."""
    found: list[tuple] = []
    monkeypatch.setattr(fanout, "send_job", lambda *job, **_options: found.append(job))
    return found


@pytest.fixture
def asleep(stage: Set, played) -> Session:
    """An engineering manager that has read everything."""
    played()
    row = stage.start("em")
    stage.run_all()
    return row


def is_due(row: Session) -> bool:
    row.refresh_from_db()
    return row.due_at is not None


def talk(stage: Set, times: int) -> None:
    """Write many events that concern nobody, quickly."""
    with stage.lock() as lock:
        for _ in range(times):
            events.record(stage.person.at(lock.now), "presence.noted", "member:1")


def test_a_private_conversation_wakes_nobody_else(stage: Set, asleep: Session) -> None:
    other = stage.start("tester")
    Session.objects.update(due_at=None)
    stage.wake()
    channel = stage.act("channel.direct", member=other.member.name)

    stage.act("message.post", channel=channel["name"], text="Between us: how is it going?")
    stage.wake()

    assert not is_due(asleep)
    assert is_due(other)


def test_a_person_who_speaks_in_a_work_channel_wakes_those_who_work_there(
    stage: Set, played
) -> None:
    provider = played(("", [use("task_claim", task=1)]))
    stage.act("task.open", title="Something")
    stage.start("manager", task=1)
    stage.run_all()
    worker, other = stage.start("reviewer", task=1), stage.start("tester")
    stage.run_all()

    stage.act("message.post", channel="work-1-something", text="Mind the crater.")
    stage.wake()

    assert (is_due(worker), is_due(other)) == (True, False)
    stage.run_all()
    assert any("Mind the crater." in request.prompt for request in provider.requests)


def test_a_worker_is_shown_what_is_said_where_it_works(stage: Set, played) -> None:
    provider = played()
    stage.act("task.open", title="Something")
    stage.act("task.claim", task=1)
    worker = stage.start("reviewer", task=1)
    stage.run_all()
    stage.act("message.post", channel="work-1-something", text="Mind the crater.")
    stage.act("message.post", channel="lobby", text="Lunch?")
    stage.act("message.post", channel="lobby", text=f"@{worker.member.name} come here")
    stage.wake()

    stage.run_all()

    assert "Mind the crater." in provider.requests[-1].prompt
    assert "Lunch?" not in provider.requests[-1].prompt


def test_a_long_log_is_read_to_its_end_at_once(stage: Set, asleep: Session) -> None:
    talk(stage, waking.MAX_EVENTS + 20)
    stage.act("message.post", channel="project", text="And now?")

    stage.wake()

    assert is_due(asleep)
    assert events.cursor_of(asleep.project_id, waking.READER) == events.upto(asleep.project_id)


def test_what_lies_behind_500_unread_events_is_read_in_the_next_turn(
    stage: Set, asleep: Session, played
) -> None:
    provider = played()
    talk(stage, inbox.MAX_EVENTS + 20)
    stage.act("message.post", channel="project", text="And now?")
    stage.wake()

    ran = stage.run_all()

    assert ran == 2
    assert "And now?" in provider.requests[-1].prompt


def test_a_full_inbox_that_was_read_to_its_end_calls_no_model_again(
    stage: Set, asleep: Session, played
) -> None:
    played()
    talk(stage, inbox.MAX_EVENTS - 10)
    stage.act("message.post", channel="project", text="And now?")
    stage.wake()

    assert stage.run_all() == 1


def test_news_do_not_cut_the_pause_after_a_failure_short(stage: Set, asleep: Session) -> None:
    later = clock.now() + timedelta(seconds=20)
    Session.objects.update(due_at=later, failures=1)
    stage.act("message.post", channel="project", text="And now?")

    stage.wake()

    asleep.refresh_from_db()
    assert asleep.due_at == later


def test_waking_costs_the_same_for_many_sessions_as_for_few(stage: Set, asleep: Session) -> None:
    stage.start("tester")
    stage.wake()
    few = queries_of_a_word(stage)
    for _ in range(8):
        stage.start("tester")
    stage.wake()

    many = queries_of_a_word(stage)

    assert many == few


def queries_of_a_word(stage: Set) -> int:
    Session.objects.update(due_at=None)
    stage.act("message.post", channel="project", text="And now?")
    return queries(stage.wake)


def queries(work) -> int:
    with CaptureQueriesContext(connection) as seen:
        work()
    return len(seen)


def test_a_sweep_costs_the_same_for_many_quiet_projects_as_for_few(
    stage: Set, asleep: Session, sent
) -> None:
    jobs.sweep()
    few = queries(jobs.sweep)
    for number in range(20):
        made = Project.objects.create(slug=f"p{number}", name="Quiet", created_at=clock.now())
        ProjectClock.objects.create(project=made)

    many = queries(jobs.sweep)

    assert many == few


def test_one_project_that_cannot_be_read_does_not_keep_the_others_waiting(
    stage: Set, asleep: Session, sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = identify.of_house(Member.objects.get(pk=stage.person.member_id).user, "cli")
    registry.call(house, "project.create", {"name": "Mars"})
    stage.act("message.post", channel="project", text="And now?")
    real = waking.make_due

    def broken(project_id: int) -> bool:
        if project_id != asleep.project_id:
            raise ValueError("an event nobody can read")
        return real(project_id)

    monkeypatch.setattr(waking, "make_due", broken)

    jobs.sweep()

    assert is_due(asleep)


def test_a_ring_is_for_free_slots_only(stage: Set, sent) -> None:
    for _ in range(6):
        stage.start("tester")
    Target.objects.update(slots=3)
    leases.claim("local")

    jobs.ring()

    assert [job[0] for job in sent] == ["agents.jobs.run_turn"] * 2


def test_a_full_house_still_gets_one_ring(stage: Set, sent) -> None:
    for _ in range(3):
        stage.start("tester")
    Target.objects.update(slots=2)
    leases.claim("local")
    leases.claim("local")

    jobs.ring()

    assert len(sent) == 1


def test_a_sweep_that_reads_news_before_the_doorbell_rings_for_the_end_of_the_burst(
    stage: Set, asleep: Session, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.COALESCE_S = 2
    sent: list[tuple] = []
    monkeypatch.setattr(fanout, "send_job", lambda *job, **how: sent.append((*job, how)))
    stage.act("message.post", channel="project", text="And now?")

    jobs.sweep()
    stage.wake()

    rings = [how["after_s"] for name, how in sent if name == "agents.jobs.run_turn"]
    assert rings == [2]


def test_news_for_nobody_ring_nothing(stage: Set, asleep: Session, sent) -> None:
    stage.act("message.post", channel="lobby", text="Nice weather.")

    stage.wake()
    stage.wake()

    assert sent == []


def test_the_house_wakes_nobody(stage: Set, sent) -> None:
    jobs.wake(0)

    assert sent == []


def test_claims_of_live_sessions_are_renewed_late_and_never_shortened(
    stage: Set, played, sent
) -> None:
    played(("", [use("task_claim", task=1, lease_s=7_200)]))
    stage.act("task.open", title="Long work")
    stage.start("manager", task=1)
    stage.run_all()
    before = stage.stage.project.tasks.get().lease_until

    jobs.sweep()

    assert stage.stage.project.tasks.get().lease_until == before


def test_a_retired_agent_has_no_session_left(stage: Set, asleep: Session, sent) -> None:
    stage.act("member.retire", name=asleep.member.name)

    jobs.sweep()

    asleep.refresh_from_db()
    assert asleep.state == "canceled"
    assert Event.objects.filter(name="member.retired").count() == 1


def test_a_turn_that_leaves_more_to_do_rings_for_the_next(stage: Set, played, sent) -> None:
    played()
    stage.start("tester")
    stage.start("tester")

    jobs.run_turn()
    jobs.run_turn()

    assert sent == [("agents.jobs.run_turn",)]


def test_the_projects_agents_of_another_project_hear_nothing(stage: Set, asleep: Session) -> None:
    house = identify.of_house(Member.objects.get(pk=stage.person.member_id).user, "cli")
    mars = registry.call(house, "project.create", {"name": "Mars"})
    eve = identify.of_user(Member.objects.get(pk=stage.person.member_id).user, mars["slug"])

    registry.call(eve, "message.post", {"channel": "project", "text": "Anybody?"})
    jobs.wake(mars["id"])

    assert not is_due(asleep)
