"""What can go wrong between a session and the Messages API, and what each trouble leads to."""

import logging
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from pytest_django.fixtures import Settings

from agents.providers import anthropic
from agents.providers.anthropic import Anthropic
from agents.providers.base import (
    ContextFull,
    LimitReached,
    RequestRefused,
    Stopped,
    TryAgain,
)
from hub import clock
from tests.cast import Clock

from .asked import never, request
from .fake_messages import KEY, FakeMessages
from .fake_wire import Fails, Says, encode, events, text, tool

COUNTS = {
    "input_tokens": 10,
    "cache_creation_input_tokens": 20,
    "cache_read_input_tokens": 30,
    "output_tokens": 40,
}
WHOLE = Says(
    content=(text("I look into it. " * 5), tool("read_file", path="a")),
    stop_reason="tool_use",
    usage=COUNTS,
)


def ask(api: FakeMessages, *behaviours: Says | Fails) -> None:
    api.queue.extend(behaviours)
    Anthropic().respond(request(), never)


def test_a_request_that_makes_no_sense_is_refused_for_good(api: FakeMessages) -> None:
    with pytest.raises(RequestRefused, match=r"400 .invalid_request_error.: bad schema"):
        ask(api, Fails(status=400, kind="invalid_request_error", message="bad schema"))


def test_a_prompt_that_is_too_long_calls_for_a_shift_change(api: FakeMessages) -> None:
    api.window = 10

    with pytest.raises(ContextFull, match="prompt is too long"):
        ask(api)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, "authentication_error"),
        (402, "billing_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (413, "request_too_large"),
        (422, "invalid_request_error"),
    ],
)
def test_what_will_never_work_is_refused_for_good(
    api: FakeMessages, status: int, kind: str
) -> None:
    with pytest.raises(RequestRefused, match=str(status)) as refused:
        ask(api, Fails(status=status, kind=kind))

    assert not refused.value.is_billed
    assert len(api.received) == 1


def test_a_wrong_key_names_the_setting_and_not_the_key(
    api: FakeMessages, settings: Settings
) -> None:
    settings.ANTHROPIC_API_KEY = "another-key-that-nobody-must-see"

    with pytest.raises(RequestRefused, match="Check ANTHROPIC_API_KEY") as refused:
        ask(api)

    assert "nobody-must-see" not in str(refused.value)


@pytest.mark.parametrize("status", [408, 409, 500, 502, 503, 504, 529])
def test_what_passes_by_itself_is_asked_again_by_the_sessions_own_schedule(
    api: FakeMessages, status: int
) -> None:
    with pytest.raises(TryAgain, match=str(status)) as again:
        ask(api, Fails(status=status, kind="api_error", headers={"retry-after": "7"}))

    assert (again.value.retry_after_s, again.value.is_billed) == (7, False)
    assert len(api.received) == 1  # the SDK itself does not ask again


def test_nobody_listening_is_asked_again(settings: Settings) -> None:
    with FakeMessages() as api:
        settings.ANTHROPIC_BASE_URL, settings.ANTHROPIC_API_KEY = api.url, KEY

    with pytest.raises(TryAgain, match="broke off") as again:
        ask(api)

    assert not again.value.is_billed


def limited(**headers: str) -> Fails:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Fails(status=429, kind="rate_limit_error", message="slow down", headers=named)


def test_a_short_limit_is_waited_out(api: FakeMessages, stopped: Clock) -> None:
    with pytest.raises(TryAgain) as again:
        ask(api, limited(retry_after="59"))

    assert again.value.retry_after_s == 59


def test_a_long_limit_parks_until_it_resets(api: FakeMessages, stopped: Clock) -> None:
    with pytest.raises(LimitReached) as limit:
        ask(api, limited(retry_after="60"))

    assert limit.value.resets_at == stopped.now() + timedelta(seconds=60)


def test_retry_after_may_be_a_date(api: FakeMessages, stopped: Clock) -> None:
    stopped.at = stopped.at.replace(microsecond=0)
    at = stopped.at + timedelta(hours=2)

    with pytest.raises(LimitReached) as limit:
        ask(api, limited(retry_after=format_datetime(at.astimezone(UTC), usegmt=True)))

    assert limit.value.resets_at == at


def test_the_reset_of_what_is_used_up_counts(api: FakeMessages, stopped: Clock) -> None:
    soon, late, later = (stopped.at + timedelta(minutes=m) for m in (5, 30, 60))
    headers = {
        "anthropic_ratelimit_requests_remaining": "3",
        "anthropic_ratelimit_requests_reset": later.isoformat(),
        "anthropic_ratelimit_tokens_remaining": "0",
        "anthropic_ratelimit_tokens_reset": late.isoformat(),
        "anthropic_ratelimit_input_tokens_remaining": "0",
        "anthropic_ratelimit_input_tokens_reset": soon.isoformat(),
    }

    with pytest.raises(LimitReached) as limit:
        ask(api, limited(**headers))

    assert limit.value.resets_at == late


def test_a_limit_that_says_nothing_is_asked_again(api: FakeMessages, stopped: Clock) -> None:
    with pytest.raises(TryAgain) as again:
        ask(api, limited())

    assert again.value.retry_after_s is None


@pytest.mark.parametrize("status", [400, 402, 429])
def test_a_spent_account_is_a_limit_and_not_a_fault(
    api: FakeMessages, stopped: Clock, status: int
) -> None:
    spent = Fails(status=status, kind="billing_error", code="enforced_spend_limit_reached")

    with pytest.raises(LimitReached) as limit:
        ask(api, spent)

    assert limit.value.resets_at is None


def test_a_spent_account_may_say_when_it_is_free_again(api: FakeMessages, stopped: Clock) -> None:
    words = (
        "You have reached your specified API usage limits. "
        "You will regain access on 2026-12-01 at 00:00 UTC."
    )

    with pytest.raises(LimitReached) as limit:
        ask(api, Fails(status=400, kind="invalid_request_error", message=words))

    assert limit.value.resets_at == datetime(2026, 12, 1, tzinfo=UTC)


def test_an_error_in_the_middle_of_an_answer_is_on_the_bill(api: FakeMessages) -> None:
    with pytest.raises(TryAgain, match=r"529 .overloaded_error.: busy") as again:
        ask(api, Says(content=(text("I"),), error=("overloaded_error", "busy")))

    assert again.value.is_billed


def test_an_unknown_error_in_the_middle_is_asked_again(api: FakeMessages) -> None:
    with pytest.raises(TryAgain) as again:
        ask(api, Says(error=("strange_error", "?")))

    assert again.value.is_billed


def test_an_answer_that_is_cut_at_any_byte_is_asked_for_again(api: FakeMessages) -> None:
    pieces = [encode(event) for event in events(WHOLE, "claude-sonnet-5-5", COUNTS)]
    size = sum(map(len, pieces))
    start = len(pieces[0])
    for at in [1, 20, start - 1, start + 1, *range(start + 2, size, 97), size - 1]:
        with pytest.raises(TryAgain) as again:
            ask(api, replace(WHOLE, cut_at=at))

        assert again.value.is_billed is (at > start), at


def test_an_answer_that_is_not_cut_is_whole(api: FakeMessages) -> None:
    ask(api, WHOLE)  # the control: nothing is raised


def test_a_stream_that_falls_silent_is_given_up(api: FakeMessages, monkeypatch) -> None:
    monkeypatch.setattr(anthropic, "IDLE_S", 0.3)

    with pytest.raises(TryAgain, match="ReadTimeout") as again:
        ask(api, Says(content=(text("I look."),), gap_s=2))

    assert not again.value.is_billed
    assert api.gone.wait(3)


def test_a_slow_stream_that_still_moves_is_waited_for(api: FakeMessages, monkeypatch) -> None:
    monkeypatch.setattr(anthropic, "IDLE_S", 2.0)
    api.queue.append(Says(content=(text("I look."),), gap_s=0.3))

    answer = Anthropic().respond(request(), never)

    assert answer.text == "I look."


def test_a_stream_of_pings_alone_is_given_up_in_the_end(api: FakeMessages, monkeypatch) -> None:
    monkeypatch.setattr(anthropic, "MAX_ANSWER_S", 0.8)

    with pytest.raises(TryAgain, match="longer than 1 s") as again:
        ask(api, Says(content=(text("I"),), pings_for_s=30))

    assert again.value.is_billed
    assert api.gone.wait(3)


@pytest.mark.parametrize(
    ("says", "is_billed"),
    [
        (Says(content=(text("I look."),), first_s=30), False),
        (Says(content=(text("I look."),), pings_for_s=30), True),
    ],
)
def test_it_stops_within_two_seconds_and_hangs_up(
    api: FakeMessages, says: Says, is_billed: bool
) -> None:
    api.queue.append(says)
    told = threading.Timer(1.0, lambda: None)
    told.start()
    begun = time.monotonic()

    with pytest.raises(Stopped) as stopped:
        Anthropic().respond(request(), lambda: "" if told.is_alive() else "a person said so")

    seconds = time.monotonic() - begun
    assert (stopped.value.reason, stopped.value.is_billed) == ("a person said so", is_billed)
    assert seconds < 3
    assert api.gone.wait(2)


def test_stop_is_asked_at_each_event(api: FakeMessages) -> None:
    api.queue.append(Says(content=(text("word " * 100),)))
    asked = []

    Anthropic().respond(request(), lambda: asked.append(1) or "")

    assert len(asked) > 20


def test_the_key_is_in_no_log(api: FakeMessages, caplog, settings: Settings) -> None:
    logging.getLogger("anthropic").setLevel(logging.NOTSET)
    try:
        with caplog.at_level(logging.DEBUG):
            for behaviour in (WHOLE, Fails(status=401, kind="authentication_error", message=KEY)):
                api.queue.append(behaviour)
                try:
                    Anthropic().respond(request(), never)
                except RequestRefused:
                    logging.getLogger("agents").exception("refused")
    finally:
        logging.getLogger("anthropic").setLevel(logging.WARNING)

    assert "RequestRefused: The provider answered 401" in caplog.text
    assert KEY not in caplog.text


def test_the_clock_is_only_asked_where_it_counts(api: FakeMessages, monkeypatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: pytest.fail("the clock was asked"))

    ask(api, WHOLE)
