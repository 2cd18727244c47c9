"""Decisions about money: which usage is believed, how long a budget lasts, how money is written."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.policy import costs
from hub.policy.prices import Tokens, prices

OPUS = prices().of("claude-opus-5-5", date(2026, 11, 25))
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def test_believable_usage_is_priced() -> None:
    found = costs.bill({"input_tokens": 10, "cache_read_tokens": 100}, OPUS, 999)

    assert found.tokens == Tokens(input=10, cache_read=100)
    assert found.micro_usd == 10 * 4 + 20
    assert not found.is_absurd
    assert not found.lacks_usage


@given(
    usage=st.none()
    | st.dictionaries(st.sampled_from(sorted(costs.FIELDS.values())), st.integers(-(2**70), 2**70)),
    reserved=st.integers(0, 10**9),
)
def test_a_bill_is_never_negative_and_never_more_than_the_model_can_do(
    usage: dict[str, int] | None, reserved: int
) -> None:
    found = costs.bill(usage, OPUS, reserved)

    window = OPUS.price.window_tokens
    assert 0 <= found.micro_usd <= max(reserved, 20 * window)
    assert 0 <= found.tokens.total <= window
    if found.lacks_usage or found.is_absurd:
        assert (found.micro_usd, found.tokens) == (reserved, Tokens())


@pytest.mark.parametrize(
    ("recent", "age", "left", "a_day", "lasts"),
    [
        (10, 10 * DAY, 20, 10, 2 * DAY),
        (10, 12 * HOUR, 20, 20, DAY),
        (10, timedelta(0), 240, 240, DAY),
        (0, 10 * DAY, 20, 0, None),
        (10, 10 * DAY, -5, 10, timedelta(0)),
    ],
)
def test_the_forecast_goes_on_at_the_pace_of_the_last_day(
    recent: int, age: timedelta, left: int, a_day: int, lasts: timedelta | None
) -> None:
    found = costs.forecast(recent, age, left)

    assert (found.a_day_micro_usd, found.lasts) == (a_day, lasts)


@pytest.mark.parametrize(("spent", "told"), [(79, False), (80, True), (120, True)])
def test_a_budget_warns_from_four_fifths_on(spent: int, *, told: bool) -> None:
    assert costs.warns(spent, 100) is told


@pytest.mark.parametrize(
    ("micro_usd", "said"),
    [
        (0, "$0.00"),
        (50, "<$0.0001"),
        (4_200, "$0.0042"),
        (10_000, "$0.01"),
        (1_234_567, "$1.23"),
        (12_345_000_000, "$12,345.00"),
        (-500_000, "-$0.50"),
    ],
)
def test_money_is_written_for_people(micro_usd: int, said: str) -> None:
    assert costs.usd(micro_usd) == said


@pytest.mark.parametrize(
    ("tokens", "factor", "said"),
    [
        (Tokens(), 0, "nothing to save"),
        (Tokens(input=5, cache_write=5, cache_read=40), 4, "nothing to save"),
        (Tokens(input=10, cache_read=60), 6, "usual"),
        (Tokens(cache_write=10, cache_read=380), 38, "Lower the context limit"),
    ],
)
def test_the_replay_factor_comes_with_advice(tokens: Tokens, factor: float, said: str) -> None:
    assert costs.replay(tokens) == factor
    assert said in costs.advice(costs.replay(tokens))
