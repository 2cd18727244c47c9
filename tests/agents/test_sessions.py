"""Sessions: who may start, steer, pause and end them, and what that frees."""

import pytest

from agents.actions.sessions import MAX_CHILDREN, MAX_DEPTH
from agents.models import Session, SessionState
from agents.policy.names import names
from hub import identify, registry
from hub.errors import Conflict, Forbidden, Invalid, NotFound
from hub.models import Event, Member, Message, Task, Token

from .stage import Set


def names_of(rows: list[dict]) -> list[str]:
    return [row["agent"] for row in rows]


def test_a_started_session_is_queued_and_due(stage: Set) -> None:
    made = stage.act("session.start", role="em")

    row = Session.objects.get(number=made["number"])
    assert (made["state"], made["agent"]) == ("queued", names()[0])
    assert row.due_at is not None
    assert Event.objects.filter(name="session.started").count() == 1


def test_forty_agents_have_forty_names(stage: Set) -> None:
    made = [stage.act("session.start", role="tester") for _ in range(40)]

    assert len(set(names_of(made))) == 40


def test_a_finished_task_gets_no_agent(stage: Set) -> None:
    stage.act("task.open", title="Nothing")
    stage.act("task.drop", task=1, outcome="not needed")

    with pytest.raises(Conflict, match="nothing to do"):
        stage.act("session.start", role="manager", task=1)


def test_a_guest_starts_nobody(stage: Set) -> None:
    guest = stage.person
    weak = type(guest)(
        member_id=guest.member_id,
        project_id=guest.project_id,
        entry="api",
        capabilities=frozenset({"read", "talk"}),
    )

    with pytest.raises(Forbidden) as refusal:
        registry.call(weak, "session.start", {"role": "em"})

    assert refusal.value.code == "capability.missing"
    assert not Session.objects.exists()


def test_an_unknown_role_is_refused_in_words(stage: Set) -> None:
    with pytest.raises(Invalid) as refusal:
        stage.act("session.start", role="king")

    assert refusal.value.code == "arguments.invalid"


def test_sessions_of_another_project_do_not_exist(stage: Set, tmp_path) -> None:
    row = stage.start("em")
    house = registry.call(
        identify.of_house(_user(stage), "cli"), "project.create", {"name": "Mars"}
    )
    eve = identify.of_user(_user(stage), house["slug"])

    for name in ("session.steer", "session.pause", "session.cancel", "session.transcript"):
        extra = {"text": "hello"} if name == "session.steer" else {}
        with pytest.raises(NotFound):
            registry.call(eve, name, {"session": row.number, **extra})


def _user(stage: Set):
    return Member.objects.get(pk=stage.person.member_id).user


def test_agents_start_agents_only_three_deep(stage: Set) -> None:
    parent = None
    for _ in range(MAX_DEPTH):
        row = stage.start("manager")
        Session.objects.filter(pk=row.pk).update(parent=parent)
        parent = row
    actor = lease_of(stage, parent).actor()

    with pytest.raises(Conflict) as refusal:
        registry.call(actor, "session.start", {"role": "tester"})

    assert refusal.value.code == "session.too_deep"


def test_an_agent_has_at_most_ten_live_children(stage: Set) -> None:
    actor = lease_of(stage, stage.start("manager")).actor()
    for _ in range(MAX_CHILDREN):
        registry.call(actor, "session.start", {"role": "tester"})

    with pytest.raises(Conflict) as refusal:
        registry.call(actor, "session.start", {"role": "tester"})

    assert refusal.value.code == "session.too_many"


def lease_of(stage: Set, row: Session):
    Session.objects.exclude(pk=row.pk).update(due_at=None)
    return stage.lease()


def test_steering_is_a_message_that_names_the_agent(stage: Set) -> None:
    row = stage.start("em")

    stage.act("session.steer", session=row.number, text="Look at the README first.")

    message = Message.objects.latest("seq")
    event = Event.objects.get(project=stage.stage.project, seq=message.seq)
    assert message.text == f"@{row.member.name} Look at the README first."
    assert event.facts["mentions"] == [row.member_id]


def test_a_session_that_is_over_cannot_be_steered(stage: Set) -> None:
    row = stage.start("em")
    stage.act("session.cancel", session=row.number)

    with pytest.raises(Conflict) as refusal:
        stage.act("session.steer", session=row.number, text="Go on.")

    assert refusal.value.code == "session.over"


def test_a_paused_session_is_not_due_until_it_is_resumed(stage: Set) -> None:
    row = stage.start("em")

    stage.act("session.pause", session=row.number)
    paused = stage.run_all()
    stage.act("session.resume", session=row.number)

    assert paused == 0
    assert stage.run_all() == 1


def test_what_is_not_paused_cannot_be_resumed(stage: Set) -> None:
    row = stage.start("em")

    with pytest.raises(Conflict, match="not paused"):
        stage.act("session.resume", session=row.number)


def test_a_paused_project_takes_no_turn(stage: Set) -> None:
    stage.start("em")

    stage.act("project.pause")

    assert stage.run_all() == 0


def test_everything_paused_takes_no_turn_anywhere(stage: Set) -> None:
    stage.start("em")
    house = identify.of_house(_user(stage), "cli")

    registry.call(house, "project.pause", {})

    assert stage.run_all() == 0


def test_canceling_frees_the_task_and_ends_the_children(stage: Set) -> None:
    stage.act("task.open", title="Something")
    manager = stage.start("manager", task=1)
    actor = lease_of(stage, manager).actor()
    registry.call(actor, "task.claim", {"task": 1})
    registry.call(actor, "session.start", {"role": "manager", "task": 1})

    stage.act("session.cancel", session=manager.number)

    assert set(Session.objects.values_list("state", flat=True)) == {SessionState.CANCELED}
    assert Task.objects.get(number=1).state == "open"
    assert not Member.objects.filter(kind="agent", retired_at=None).exists()


def test_a_canceled_session_writes_nothing_more(stage: Set) -> None:
    row = stage.start("em")
    actor = stage.lease().actor()
    stage.act("session.cancel", session=row.number)

    with pytest.raises(Conflict) as refusal:
        registry.call(actor, "message.post", {"channel": "project", "text": "still here"})

    assert refusal.value.code == "run.stale"
    assert not Message.objects.filter(text="still here").exists()


def test_an_agent_ends_only_sessions_it_started(stage: Set) -> None:
    other = stage.start("em")
    actor = lease_of(stage, stage.start("manager")).actor()

    with pytest.raises(Forbidden) as refusal:
        registry.call(actor, "session.cancel", {"session": other.number})

    assert refusal.value.code == "session.not_yours"


def test_a_terminal_state_never_changes(stage: Set) -> None:
    row = stage.start("em")
    stage.act("session.cancel", session=row.number)

    with pytest.raises(Conflict):
        stage.act("session.cancel", session=row.number)

    row.refresh_from_db()
    assert row.state == SessionState.CANCELED


def test_nobody_reports_turns_but_a_worker(stage: Set) -> None:
    with pytest.raises(Forbidden) as refusal:
        stage.act("session.finish", summary="I am done.")

    assert refusal.value.code == "capability.missing"
    assert not Token.objects.filter(scopes__contains=["run"]).exists()
