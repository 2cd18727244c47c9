"""A shift change from the full conversation to the successor that finishes the task."""

import pytest

from agents.models import Handoff, HandoffState, Session, SessionState
from hub import registry
from hub.actions import events
from hub.errors import Conflict
from hub.models import Decision, Event, Message, RoleSettings, Task

from .played import say, use
from .shifting import FORM, Grown, fill, hand_over, handed, heir, runners, turns_of, working
from .stage import Set


@pytest.fixture
def grown(played, monkeypatch: pytest.MonkeyPatch):
    """Put a provider that says how full it is in the place of the rehearsal."""
    from agents import providers

    def install(*answers, used=()):
        provider = Grown(*answers, used=used)
        monkeypatch.setattr(providers, "PROVIDERS", {"rehearsal": provider})
        return provider

    return install


def claim() -> tuple[str, list]:
    return "", [use("task_claim", task=1)]


def ask() -> tuple[str, list]:
    return "", [use("decision_ask", text="Straight or curly apostrophes?", task=1)]


def test_at_81_percent_the_successor_gets_the_work_and_completes_it(stage: Set, grown) -> None:
    provider = grown(
        claim(),
        ask(),
        ("", []),
        ("", [hand_over()]),
        ("I go on with tests.lines.", [use("session_acknowledge_handoff", words="I go on.")]),
        ("", [use("task_finish", task=1, outcome="Repaired.")]),
        used=(10, 20, 81, 82, 5, 6),
    )
    row = working(stage, "manager")

    new, row = heir(row), Session.objects.get(pk=row.pk)

    handoff = handed(row)
    assert (handoff.state, handoff.successor, handoff.words) == ("acknowledged", new, "I go on.")
    assert handoff.form == FORM
    assert [claim["task"] for claim in handoff.facts["claims"]] == [1]
    assert [one["text"] for one in handoff.facts["questions"]] == ["Straight or curly apostrophes?"]
    said = Message.objects.filter(text__contains="hand-off 1").order_by("seq")
    work, standup = said[0], said[1]
    assert work.channel.kind == "work"
    assert "Next: Make tests.lines pass." in work.text
    assert standup.channel.kind == "standup"
    assert standup.text.startswith(f"{row.member.name} hands over to {new.member.name}: ")
    assert "4 done, 2 open, red: python -m unittest tests.lines" in standup.text
    assert "/p/word-count/handoffs/1/" in standup.text
    assert (row.state, row.ended_at is not None) == (SessionState.SUCCEEDED, True)
    assert "Make tests.lines pass." in row.summary
    task = Task.objects.get()
    assert (task.state, task.outcome, task.fence) == ("done", "Repaired.", 2)
    assert Decision.objects.get().asker_id == new.member_id
    first = provider.requests[4]
    assert first.agent == new.member.name
    assert FORM["next_step"] in first.prompt
    assert "<message-" in first.prompt
    assert events.verify(stage.stage.project.pk) is None


def test_an_authored_form_beats_a_composed_one_and_keeps_its_words(stage: Set, grown) -> None:
    grown(claim(), ("", []), ("", [hand_over()]), used=(10, 95, 95))
    row = working(stage, "manager")
    assert handed(row).is_composed  # at 90 % nobody is asked

    RoleSettings.objects.create(
        project=stage.stage.project, role="manager", context_limit_tokens=140_000
    )
    grown(("", []), ("", [hand_over()]), used=(95, 95))
    stage.act("message.post", channel="project", text=f"@{heir(row).member.name} go on")
    stage.wake()
    stage.run_all()

    second = Handoff.objects.get(predecessor=heir(row))
    assert not second.is_composed
    assert second.form["done"] == FORM["done"]


@pytest.mark.parametrize(
    ("percent", "words"),
    [(59, None), (60, "fills 60 %"), (70, "handed over: commit"), (79, "handed over: commit")],
)
def test_the_next_prompt_says_how_full_the_conversation_is(
    stage: Set, grown, percent: int, words: str | None
) -> None:
    provider = grown()
    row = working(stage)
    fill(row, percent)
    stage.act("message.post", channel="project", text=f"@{row.member.name} hello")
    stage.wake()

    stage.run_all()

    prompt = provider.requests[-1].prompt
    assert (words in prompt) if words else ("Parley:" not in prompt)
    assert not Handoff.objects.exists()


def test_a_role_may_have_a_limit_of_its_own(stage: Set, grown) -> None:
    grown(used=(41,))
    RoleSettings.objects.create(
        project=stage.stage.project, role="implementer", context_limit_tokens=60_000
    )

    row = working(stage)

    assert handed(row).reason == "its context is 82 % of 60,000 tokens"


def test_two_bad_forms_are_refused_with_what_is_missing_and_then_composed(
    stage: Set, grown
) -> None:
    bad = {name: value for name, value in FORM.items() if name != "next_step"}
    provider = grown(
        ("I began.", []),
        ("", [use("session_hand_off", form=bad)]),
        ("", [hand_over(done=[], remaining=[])]),
        used=(81, 82, 83),
    )

    row = working(stage)

    refusals = [one.exchanges[-1].outcomes[0].text for one in provider.requests[2:3]]
    assert "form.next_step: Field required" in refusals[0]
    handoff = handed(row)
    assert (handoff.is_composed, handoff.tries) == (True, 2)
    assert handoff.form["done"] == ["2 turns taken", "its last words: I began."]
    assert handoff.form["remaining"] == ["#1 repair: Repair the words, phase not begun"]
    assert runners() == 1


def test_a_form_of_more_than_1500_words_is_refused(stage: Set, grown) -> None:
    provider = grown(("", []), ("", [hand_over(done=["word " * 190] * 8)]), used=(81, 81))

    working(stage)

    assert "at most 1500 words; this has" in provider.requests[2].exchanges[-1].outcomes[0].text


def test_a_turn_that_ends_without_the_form_counts_as_a_try(stage: Set, grown) -> None:
    provider = grown(("", []), ("", []), ("", []), used=(81, 81, 81))

    row = working(stage)

    assert (handed(row).is_composed, handed(row).tries) == (True, 2)
    asked = [one for one in provider.requests if "session_hand_off" in one.prompt]
    assert len(asked) == 2
    assert heir(row).member.name != row.member.name


def test_the_tool_is_offered_only_to_the_turn_that_is_asked(stage: Set, grown) -> None:
    provider = grown(("", []), ("", [hand_over()]), used=(81, 81))

    working(stage)

    offered = [{tool.name for tool in one.tools} for one in provider.requests]
    assert ["session_hand_off" in tools for tools in offered] == [False, True, False]
    assert ["session_acknowledge_handoff" in tools for tools in offered] == [False, False, True]


def test_a_nearly_full_conversation_is_relieved_in_the_middle_of_its_turn(
    stage: Set, grown
) -> None:
    provider = grown(("", []), ("", [say("one")]), used=(10, 93))
    row = working(stage)
    stage.act("message.post", channel="project", text=f"@{row.member.name} read this")
    stage.wake()

    stage.run_all()

    row.refresh_from_db()
    assert handed(row).is_composed
    assert (turns_of(row), row.state) == (2, "succeeded")
    assert "read this" in provider.requests[-1].prompt  # its turn was not finished
    assert provider.requests[-1].agent == heir(row).member.name


def test_an_answer_during_the_change_reaches_the_successor(stage: Set, grown) -> None:
    def answering(*_args):
        stage.act("decision.answer", decision=1, answer="Straight ones.")

    provider = grown(ask(), ("", []), ("", [hand_over()]), used=(10, 81, 82))
    real = provider.respond

    def respond(request, stop):
        if "session_hand_off" in request.prompt:
            answering()
        return real(request, stop)

    provider.respond = respond

    row = working(stage, "manager")

    first = next(one for one in provider.requests if one.agent == heir(row).member.name)
    assert "Answer to question 1: Straight ones." in first.prompt


def test_an_answer_after_the_change_wakes_the_successor(stage: Set, grown) -> None:
    provider = grown(ask(), ("", []), ("", [hand_over()]), used=(10, 81, 82))
    row = working(stage, "manager")

    stage.act("decision.answer", decision=1, answer="Curly ones.")
    stage.wake()
    stage.run_all()

    assert provider.requests[-1].agent == heir(row).member.name
    assert "Curly ones." in provider.requests[-1].prompt


def test_a_late_write_of_the_predecessor_is_refused(stage: Set, grown) -> None:
    grown(claim(), ("", []), used=(10, 11))
    row = working(stage, "manager")
    fill(row, 95)
    lease = stage.lease()
    actor = lease.actor()
    registry.call(actor, "turn.begin", {})
    registry.call(actor, "turn.force_shift", {})
    stage.run_all()

    with pytest.raises(Conflict) as refusal:
        registry.call(actor, "message.post", {"channel": "project", "text": "late"})

    assert refusal.value.code == "run.stale"
    assert Task.objects.get().holder_id == heir(row).member_id


def test_the_engineering_manager_keeps_her_name_over_five_changes(stage: Set, grown) -> None:
    grown()
    row = stage.start("em")
    stage.run_all()
    name = row.member.name

    for _ in range(5):
        grown(("", [hand_over()]))
        last = Session.objects.live().get(role="em")
        stage.act("session.shift_change", session=last.number)
        stage.run_all()

    rows = Session.objects.filter(role="em").select_related("member")
    assert {one.member.name for one in rows} == {name}
    assert rows.count() == 6
    assert rows.live().count() == 1
    assert rows.live().get().member.retired_at is None
    assert Event.objects.filter(name="member.retired").count() == 0
    assert Handoff.objects.filter(state=HandoffState.ACKNOWLEDGED).count() == 5


def test_children_hear_and_answer_to_the_successor(stage: Set, grown) -> None:
    grown(("", [use("session_start", role="manager", task=1)]), used=(10, 81))
    row = working(stage, "manager")

    new, child = heir(row), Session.objects.get(parent__isnull=False, predecessor=None)

    assert child.parent == new
    stage.act("session.cancel", session=new.number)
    child.refresh_from_db()
    assert child.state == "canceled"


def test_private_talk_goes_on_with_the_successor(stage: Set, grown) -> None:
    provider = grown()
    row = working(stage)
    room = stage.act("channel.direct", member=row.member.name)
    grown(("", [hand_over()]))
    stage.act("message.post", channel=room["name"], text="Only for you: use regex.")
    stage.act("session.shift_change", session=row.number)
    provider = grown(("", [hand_over()]))

    stage.run_all()

    first = next(one for one in provider.requests if one.agent == heir(row).member.name)
    assert "Only for you: use regex." in first.prompt
