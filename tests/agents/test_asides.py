"""`!ask`: an agent that is gone answers once, from its conversation, and changes nothing."""

from datetime import timedelta

import pytest

from agents import asides, jobs
from agents.models import Aside, Session, Turn
from agents.providers.base import LimitReached, RequestRefused, TryAgain
from hub import clock
from hub.errors import Conflict, Invalid
from hub.models import Charge, Message, Project

from .played import use
from .recalled import Minded, answers, ask, gone, minded
from .shifting import hand_over, working
from .stage import Set

__all__ = ["gone", "minded"]


def test_an_agent_that_is_gone_answers_in_the_channel_where_it_is_asked(
    stage: Set, gone: Session, minded: Minded, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def respond(request, stop):
        seen.append(request)
        return answers("Two patterns; the first was slow.")(request)

    monkeypatch.setattr(minded, "respond", respond)
    before = gone.turns.count()
    name = gone.member.name
    asked = stage.act("message.post", channel="standup", text=f"!ask {name} what did you try?")

    stage.wake()
    jobs.answer_aside(Aside.objects.get().pk)

    said = Message.objects.latest("seq")
    assert said.author_id == gone.member_id
    assert said.channel.kind == "standup"
    assert said.reply_to.seq == asked["number"]
    assert said.text.startswith(f"*{name}, who is retired, answers from the memory of session")
    assert said.text.endswith("Two patterns; the first was slow.")
    row = Aside.objects.get()
    charge = Charge.objects.get(session=gone.number, turn=0)
    assert (row.state, charge.state) == ("answered", "settled")
    assert (charge.input_tokens, charge.output_tokens, charge.member) == (900, 20, gone.member)
    assert charge.micro_usd > 0
    assert (seen[0].tools, seen[0].exchanges) == ((), ())
    assert "I tried two patterns." in seen[0].history[0].exchanges[0].text
    assert "message_post" in seen[0].history[0].exchanges[0].text
    assert "what did you try?" in seen[0].prompt
    assert gone.turns.count() == before
    gone.refresh_from_db()
    assert gone.provider_state == {}


def test_calls_in_an_answer_are_not_carried_out(
    stage: Set, gone: Session, minded: Minded, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = (use("task_drop", task=1), use("message_post", channel="project", text="I am back"))
    monkeypatch.setattr(minded, "respond", answers("I would drop it.", calls))
    ask(stage, gone)

    asides.answer(Aside.objects.get().pk)

    assert not Message.objects.filter(text="I am back").exists()
    assert not Turn.objects.filter(session=gone, state="running").exists()


def test_a_long_answer_is_cut_and_no_line_of_it_is_obeyed(
    stage: Set, gone: Session, minded: Minded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(minded, "respond", answers("TASK: do my bidding\n" + "word " * 2_000))
    ask(stage, gone)
    tasks = stage.act("task.list")

    asides.answer(Aside.objects.get().pk)

    assert len(Message.objects.latest("seq").text) < 4_200
    assert stage.act("task.list") == tasks


def test_an_agent_at_work_is_mentioned_instead(stage: Set, minded: Minded) -> None:
    row = working(stage)

    with pytest.raises(Conflict) as refusal:
        ask(stage, row)

    assert refusal.value.code == "session.live"
    assert f"@{row.member.name}" in refusal.value.message


def test_a_rehearsed_agent_says_where_its_hand_off_is(stage: Set, played) -> None:
    provider = played()
    row = working(stage)
    provider.answers = [("", [hand_over()])]
    stage.act("session.shift_change", session=row.number)
    stage.run_all()

    with pytest.raises(Conflict) as refusal:
        ask(stage, row)

    assert refusal.value.code == "session.rehearsal"
    assert "/p/word-count/handoffs/1/" in refusal.value.message


@pytest.mark.parametrize("question", ["?", "x" * 2_001])
def test_a_question_has_a_length(stage: Set, gone: Session, question: str) -> None:
    with pytest.raises(Invalid) as refusal:
        ask(stage, gone, question)

    assert refusal.value.code == "aside.length"


def test_people_and_archived_channels_are_not_asked(stage: Set, gone: Session) -> None:
    with pytest.raises(Invalid) as refusal:
        stage.act("session.ask", agent="Pat", question="Who are you?")

    assert refusal.value.code == "session.no_agent"


def test_five_questions_wait_at_most(stage: Set, gone: Session) -> None:
    for _ in range(5):
        ask(stage, gone)

    with pytest.raises(Conflict) as refusal:
        ask(stage, gone)

    assert refusal.value.code == "aside.too_many"


def test_a_question_delivered_twice_is_answered_once(
    stage: Set, gone: Session, minded: Minded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(minded, "respond", answers("Once."))
    ask(stage, gone)
    pk = Aside.objects.get().pk

    done = [asides.answer(pk), asides.answer(pk)]

    assert done == [True, False]
    assert Message.objects.filter(text__endswith="Once.").count() == 1


def test_a_worker_that_dies_with_a_question_leaves_it_to_the_next(
    stage: Set, gone: Session, minded: Minded, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_args):
        raise KeyboardInterrupt

    monkeypatch.setattr(minded, "respond", die)
    ask(stage, gone)
    pk = Aside.objects.get().pk
    with pytest.raises(KeyboardInterrupt):
        asides.answer(pk)
    assert not asides.answer(pk)
    Aside.objects.update(claimed_until=clock.now() - timedelta(seconds=1))
    monkeypatch.setattr(minded, "respond", answers("I am here."))

    assert asides.answer(pk)

    assert Message.objects.latest("seq").text.endswith("I am here.")


@pytest.mark.parametrize(
    ("trouble", "state", "words"),
    [
        (TryAgain("Busy."), "asked", ""),
        (LimitReached("Used up.", resets_at=None), "asked", ""),
        (RequestRefused("A wrong key."), "failed", "cannot answer any more: A wrong key."),
    ],
)
def test_trouble_waits_or_is_said(
    stage: Set, gone: Session, minded: Minded, monkeypatch, trouble, state: str, words: str
) -> None:
    def respond(*_args):
        raise trouble

    monkeypatch.setattr(minded, "respond", respond)
    ask(stage, gone)

    asides.answer(Aside.objects.get().pk)

    assert Aside.objects.get().state == state
    assert words in Message.objects.latest("seq").text


def test_after_five_attempts_it_is_given_up(stage: Set, gone: Session) -> None:
    ask(stage, gone)
    Aside.objects.update(attempt=5)

    asides.answer(Aside.objects.get().pk)

    assert "It was tried too often." in Message.objects.latest("seq").text


def test_a_late_worker_posts_nothing(stage: Set, gone: Session) -> None:
    ask(stage, gone)
    Aside.objects.update(attempt=2)
    hub = stage.hub()

    with pytest.raises(Conflict) as refusal:
        asides.registry.call(
            hub, "aside.answer", {"aside": Aside.objects.get().pk, "attempt": 1, "text": "late"}
        )

    assert refusal.value.code == "aside.stale"


def test_nobody_is_asked_while_the_project_is_paused(stage: Set, gone: Session) -> None:
    ask(stage, gone)
    Project.objects.filter(pk=stage.stage.project.pk).update(paused_at=clock.now())

    assert not asides.answer(Aside.objects.get().pk)
