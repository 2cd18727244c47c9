"""Turns that Claude plays: what a session does about each way an answer can end or fail."""

from pathlib import Path

import pytest

from agents.models import Entry, ProviderLimit, Session, SessionState, Step, ToolCall, Turn
from hub.models import Message
from tests.cast import Clock

from .fake_messages import KEY, FakeMessages
from .fake_wire import Fails, Says, raw_tool, text, thought, tool
from .stage import Set

DONE = Says(content=(text("Done."),))


@pytest.fixture
def row(stage: Set, api: FakeMessages) -> Session:
    stage.act("project.update", provider="anthropic")
    return stage.start("em")


def post(words: str, number: int = 1) -> dict:
    return tool("message_post", number, channel="project", text=words)


def test_calls_are_run_and_their_results_given_back(
    stage: Set, api: FakeMessages, row: Session
) -> None:
    says = Says(content=(thought("Who is there?"), post("Hello.")), stop_reason="tool_use")
    api.queue.extend([says, DONE])

    stage.run_all()

    assert Message.objects.filter(text="Hello.").count() == 1
    assert api.bodies[1]["messages"][1]["content"][0] == thought("Who is there?")
    assert '"number"' in api.bodies[1]["messages"][2]["content"][0]["content"]
    turn = Turn.objects.get(session=row)
    assert (turn.state, turn.input_tokens, turn.cache_read_tokens) == (
        "done",
        0,
        api.received[1].usage["cache_read_input_tokens"],
    )
    assert turn.cache_read_tokens > 0
    assert Step.objects.filter(model="claude-opus-5-5").count() == 2


def test_a_broken_call_is_not_run_and_the_model_hears_why(
    stage: Set, api: FakeMessages, row: Session
) -> None:
    broken = raw_tool("message_post", '{"channel": "project", "text": "Hel')
    api.queue.append(Says(content=(broken,), stop_reason="max_tokens", open_block=True))
    api.queue.append(DONE)

    stage.run_all()

    assert ToolCall.objects.get().is_error
    result = api.bodies[1]["messages"][2]["content"][0]
    assert result["is_error"] is True
    assert "ended in the middle of this call" in result["content"]
    assert not Message.objects.filter(text__startswith="Hel").exists()
    assert (Turn.objects.get(session=row).state, api.refused) == ("done", [])


def test_a_text_that_was_cut_off_goes_on_in_the_same_turn(
    stage: Set, api: FakeMessages, row: Session
) -> None:
    cut = Says(content=(text("First"),), stop_reason="max_tokens", open_block=True)
    api.queue.extend([cut, DONE])

    stage.run_all()

    turn = Turn.objects.get(session=row)
    assert list(turn.steps.order_by("number").values_list("stop_reason", flat=True)) == [
        "max_tokens",
        "end_turn",
    ]


def test_a_cut_stream_is_asked_again_and_nothing_happens_twice(
    stage: Set, api: FakeMessages, row: Session, stopped: Clock
) -> None:
    says = Says(content=(post("Once."),), stop_reason="tool_use")
    api.queue.extend([says, Says(content=(text("Done."),), cut_at=600)])

    stage.run_all()
    stopped.pass_s(10)
    stage.run_all()

    assert len(api.received) == 3
    assert api.received[1].raw == api.received[2].raw
    assert Message.objects.filter(text="Once.").count() == 1
    assert Turn.objects.get(session=row).state == "done"


def test_a_limit_parks_the_session_and_it_resumes_once(
    stage: Set, api: FakeMessages, row: Session, stopped: Clock
) -> None:
    limit = Fails(status=429, kind="rate_limit_error", headers={"retry-after": "3600"})
    api.queue.extend([limit, DONE])

    stage.run_all()
    row.refresh_from_db()
    parked = (row.state, ProviderLimit.objects.get().model)
    stopped.pass_s(3_599)
    early = stage.run_all()
    stopped.pass_s(1)
    late = stage.run_all()

    assert parked == (SessionState.WAITING_CAPACITY, "claude-opus-5-5")
    assert (early, late, len(api.received)) == (0, 1, 2)


def test_a_refusal_pauses_the_session_with_the_reason(
    stage: Set, api: FakeMessages, row: Session
) -> None:
    details = {"type": "refusal", "category": "bio", "explanation": "Not this."}
    api.queue.append(Says(stop_reason="refusal", stop_details=details))

    stage.run_all()

    row.refresh_from_db()
    assert row.paused_at is not None
    assert "refused to answer (bio). Not this." in Turn.objects.get(session=row).error


def test_what_a_file_holds_of_the_key_reaches_neither_model_nor_transcript(
    stage: Set, api: FakeMessages
) -> None:
    stage.act("project.update", provider="anthropic")
    stage.act("task.open", title="Repair the words", name="repair")
    row = stage.start("implementer", task=1)
    write = tool("write_file", 1, path="notes.txt", content=f"key = {KEY}\n")
    read = tool("read_file", 2, path="notes.txt")
    api.queue.append(Says(content=(write,), stop_reason="tool_use"))
    api.queue.append(Says(content=(read,), stop_reason="tool_use"))
    api.queue.append(Says(content=(text(f"It is {KEY}."),)))

    stage.run_all()

    path = Path(Session.objects.select_related("workspace").get(pk=row.pk).workspace.path)
    assert KEY in (path / "notes.txt").read_text()  # the control: it was there to be read
    result = api.bodies[2]["messages"][4]["content"][0]["content"]
    assert ("[masked]" in result, KEY in result) == (True, False)
    assert KEY not in str([(s.text, s.content) for s in Step.objects.all()])
    told = "\n".join(f"{entry.title} {entry.text}" for entry in Entry.objects.all())
    assert (KEY in told, "[masked]" in told) == (False, True)
