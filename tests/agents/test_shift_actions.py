"""The actions of a shift change: who may, when not, and Eve."""

from dataclasses import replace

import pytest

from agents.models import Handoff, Session, Step
from hub import identify, registry
from hub.errors import Conflict, Forbidden, Invalid, NotFound
from hub.models import Event, Member, Message

from .played import use
from .shifting import FORM, hand_over, handed, working
from .stage import Set


@pytest.fixture
def eve(stage: Set):
    """An owner of another project, where nobody works."""
    user = Member.objects.get(pk=stage.person.member_id).user
    made = registry.call(identify.of_house(user, "cli"), "project.create", {"name": "Mars"})
    return identify.of_user(user, made["slug"])


@pytest.fixture
def row(stage: Set, played) -> Session:
    played()
    return working(stage, "manager")


def test_a_shift_change_is_one_event_and_makes_the_agent_due(stage: Set, row: Session) -> None:
    before = Event.objects.count()

    made = stage.act("session.shift_change", session=row.number, reason="It goes in circles.")

    row.refresh_from_db()
    assert (made["state"], made["reason"], made["to"]) == ("asked", "It goes in circles.", "")
    assert list(Event.objects.order_by("pk")[before:].values_list("name", flat=True)) == [
        "handoff.asked"
    ]
    assert row.due_at is not None


def test_a_shift_change_is_a_chat_command(stage: Set, row: Session) -> None:
    stage.act("message.post", channel="project", text=f"!shift {row.number} too many detours")

    assert Handoff.objects.get().reason == "too many detours"


def test_a_second_shift_change_is_refused(stage: Set, row: Session) -> None:
    stage.act("session.shift_change", session=row.number)

    with pytest.raises(Conflict) as refusal:
        stage.act("session.shift_change", session=row.number)

    assert refusal.value.code == "handoff.live"


def test_who_writes_the_form_hears_nothing_old_or_new(stage: Set, played) -> None:
    played(("I began.", []), ("", [hand_over(done=[], remaining=[])]), ("", [hand_over()]))
    row = stage.start("tester")
    stage.act("message.post", channel="project", text=f"@{row.member.name} look at the words")
    stage.run_all()
    stage.act("session.shift_change", session=row.number)

    stage.run_all()

    assert not handed(row).is_composed
    assert not Step.objects.exclude(heard=[]).exists()


def test_who_has_not_taken_over_yet_hands_nothing_over(stage: Set, row: Session) -> None:
    Handoff.objects.create(
        project=row.project,
        number=1,
        predecessor=stage.start("tester"),
        successor=row,
        state="written",
        asked_by=row.member,
        asked_at=row.created_at,
        deadline=row.created_at,
        stood_at=row.created_at,
    )

    with pytest.raises(Conflict) as refusal:
        stage.act("session.shift_change", session=row.number)

    assert refusal.value.code == "handoff.not_taken"


def test_a_session_that_has_not_begun_or_is_over_has_nothing_to_hand_over(stage: Set) -> None:
    row = stage.start("tester")
    codes = []

    for _ in range(2):
        with pytest.raises(Conflict) as refusal:
            stage.act("session.shift_change", session=row.number)
        codes.append(refusal.value.code)
        if row.ended_at is None:
            stage.act("session.cancel", session=row.number)
            row.refresh_from_db()

    assert codes == ["session.not_begun", "session.over"]


@pytest.mark.parametrize(
    ("name", "right", "payload"),
    [
        ("session.shift_change", "staff", {"session": 1}),
        ("session.ask", "work", {"agent": "Nobody", "question": "Why so?"}),
        ("session.hand_off", "run", {"form": FORM}),
        ("session.acknowledge_handoff", "run", {}),
        ("turn.ask_form", "run", {}),
        ("turn.force_shift", "run", {}),
        ("turn.weigh", "run", {"turn": 1}),
        ("aside.answer", "hub", {"aside": 1, "attempt": 1, "text": "Because."}),
        ("aside.fail", "hub", {"aside": 1, "attempt": 1, "reason": "Gone."}),
    ],
)
def test_each_is_refused_without_its_right(stage: Set, name: str, right: str, payload) -> None:
    weak = replace(stage.person, capabilities=stage.person.capabilities - {right})

    with pytest.raises(Forbidden) as refusal:
        registry.call(weak, name, payload)

    assert refusal.value.detail == {"needs": right}


@pytest.mark.parametrize(
    ("name", "payload", "field"),
    [
        ("session.shift_change", {"session": 1, "reason": "x" * 161}, "reason"),
        ("session.ask", {"agent": "", "question": "Why?"}, "agent"),
        ("session.hand_off", {"form": {**FORM, "done": "all"}}, "form.done"),
        ("session.acknowledge_handoff", {"words": "x" * 4_001}, "words"),
        ("turn.ask_form", {"now": True}, "now"),
        ("turn.force_shift", {"reason": 7}, "reason"),
        ("turn.weigh", {"turn": 0}, "turn"),
        ("aside.answer", {"aside": 0, "attempt": 1, "text": ""}, "aside"),
        ("aside.fail", {"aside": 1, "attempt": -1, "reason": ""}, "attempt"),
    ],
)
def test_bad_arguments_are_named(stage: Set, name: str, payload, field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        registry.call(stage.person, name, payload)

    assert field in [one["field"] for one in refusal.value.detail["problems"]]


def test_eve_finds_no_session_and_no_agent_of_another_project(
    stage: Set, row: Session, eve
) -> None:
    stage.act("session.cancel", session=row.number)
    before = Event.objects.filter(project=stage.stage.project).count()
    tried = (
        ("session.shift_change", {"session": row.number}),
        ("session.ask", {"agent": row.member.name, "question": "What did you see?"}),
        ("aside.answer", {"aside": 1, "attempt": 1, "text": "Mine."}),
        ("aside.fail", {"aside": 1, "attempt": 1, "reason": "Mine."}),
    )
    strong = replace(eve, capabilities=eve.capabilities | {"hub"})

    for name, payload in tried:
        with pytest.raises(NotFound):
            registry.call(strong, name, payload)

    assert Event.objects.filter(project=stage.stage.project).count() == before


def test_an_agent_changes_the_shift_of_its_own_children_only(stage: Set, row: Session) -> None:
    other = stage.start("em")
    Session.objects.exclude(pk=other.pk).update(due_at=None)
    actor = stage.lease().actor()

    with pytest.raises(Forbidden) as refusal:
        registry.call(actor, "session.shift_change", {"session": row.number})

    assert refusal.value.code == "session.not_yours"


def test_nobody_hands_over_or_takes_over_unasked(stage: Set, played) -> None:
    provider = played(("", [use("session_hand_off", form=FORM)]))
    row = working(stage)
    assert "tool.unknown" in provider.requests[-1].exchanges[0].outcomes[0].text
    Session.objects.update(due_at=row.created_at)
    actor = stage.lease().actor()
    codes = []

    for name, payload in (
        ("session.hand_off", {"form": FORM}),
        ("session.acknowledge_handoff", {"words": "Mine."}),
    ):
        with pytest.raises(Conflict) as refusal:
            registry.call(actor, name, payload)
        codes.append(refusal.value.code)

    assert codes == ["handoff.not_asked", "handoff.none"]


def test_what_an_agent_writes_addresses_nobody_and_holds_no_secret(stage: Set, played) -> None:
    provider = played()
    row = working(stage)
    key = "sk-ant-api03-" + "a" * 40
    provider.answers = [("", [hand_over(next_step=f"@Pat [look](http://x.y) with {key}")])]
    stage.act("session.shift_change", session=row.number)

    stage.run_all()

    said = Message.objects.filter(text__contains="hands over to", channel__kind="work")
    said = said.first() or Message.objects.get(
        text__contains="hands over to", channel__name="project"
    )
    assert "@Pat" not in said.text
    assert "](http://x.y" not in said.text
    assert key not in said.text + str(Handoff.objects.get().form)


def test_an_unshowable_form_still_stands(stage: Set, played) -> None:
    provider = played()
    row = working(stage)
    provider.answers = [("", [hand_over(next_step="> " * 60 + "deep")])]
    stage.act("session.shift_change", session=row.number)

    stage.run_all()

    assert Handoff.objects.get().state == "acknowledged"
