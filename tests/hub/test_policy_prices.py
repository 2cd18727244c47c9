"""Prices: read from their file, found by date, and every mistake in the file told in words."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.apps import check_prices
from hub.policy import prices as module
from hub.policy.prices import Tokens, context_limit, is_free, prices, read

TODAY = date(2026, 11, 25)
FILE = """
free_providers = ["toy"]
[defaults]
window_tokens = 1000
max_output_tokens = 100
context_limit_tokens = 500
[[price]]
model = "small"
from = 2026-01-01
input = 3_000_000
output = 15_000_000
cache_write = 4_000_000
cache_read = 300_000
[[price]]
model = "small"
from = 2026-06-01
input = 2_000_000
output = 10_000_000
cache_write = 2_500_000
cache_read = 200_000
long = { over_tokens = 10, input = 9_000_000, output = 20_000_000, cache_write = 9_000_000, cache_read = 1_000_000 }
"""  # noqa: E501
SMALL = 'model = "small"\nfrom = 2026-06-01\n'
counts = st.integers(0, 10**7)


@pytest.mark.parametrize(
    ("day", "since"),
    [
        (date(2025, 12, 31), date(2026, 1, 1)),
        (date(2026, 5, 31), date(2026, 1, 1)),
        (date(2026, 6, 1), date(2026, 6, 1)),
        (date(2027, 1, 1), date(2026, 6, 1)),
    ],
)
def test_the_price_of_a_day_is_the_last_row_that_has_begun(day: date, since: date) -> None:
    assert read(FILE).of("small", day).price.since == since


def test_a_call_costs_its_tokens_by_class_rounded_up_to_a_micro() -> None:
    price = read(FILE).of("small", date(2026, 1, 1)).price

    assert price.cost(Tokens(input=1, output=1, cache_write=1, cache_read=1)) == 3 + 15 + 4 + 1
    assert price.cost(Tokens()) == 0


def test_a_long_prompt_has_its_own_prices() -> None:
    price = read(FILE).of("small", TODAY).price

    assert price.cost(Tokens(input=10, output=1)) == 10 * 2 + 10
    assert price.cost(Tokens(input=6, cache_read=5, output=1)) == 6 * 9 + 5 + 20
    assert price.most(11) == 11 * 9 + 100 * 20


@given(
    new=counts,
    read_again=counts,
    out=st.integers(0, 32_000),
    model=st.sampled_from(
        ["claude-opus-5-5", "claude-haiku-5-5", "claude-fable-5-2", "unheard-of"]
    ),
)
def test_no_call_costs_more_than_the_most_of_its_size(
    new: int, read_again: int, out: int, model: str
) -> None:
    price = prices().of(model, TODAY).price

    for tokens in (
        Tokens(input=new, cache_read=read_again, output=out),
        Tokens(cache_write=new, cache_read=read_again, output=out),
    ):
        assert price.cost(tokens) <= price.most(tokens.prompt)


def test_an_unknown_model_costs_the_dearest_of_each_class() -> None:
    found = read(FILE).of("gigantic", TODAY)

    rates = found.price.rates
    assert not found.is_known
    assert (rates.input, rates.output) == (9_000_000, 20_000_000)
    assert (rates.cache_write, rates.cache_read) == (9_000_000, 1_000_000)


def test_a_models_name_may_carry_its_date() -> None:
    assert prices().of("claude-haiku-4-5-20251001", TODAY).is_known
    assert not prices().of("claude-haiku-4-5-latest", TODAY).is_known


def test_the_list_has_the_models_of_today() -> None:
    opus = prices().of("claude-opus-5-5", TODAY).price
    sonnet = [prices().of("claude-sonnet-5-5", day).price for day in (date(2026, 10, 6), TODAY)]

    assert (opus.rates.input, opus.rates.output) == (4_000_000, 20_000_000)
    assert [one.rates.cache_read for one in sonnet] == [200_000, 100_000]
    assert context_limit("claude-opus-5-5", TODAY) == 120_000
    assert is_free("rehearsal")
    assert not is_free("anthropic")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("output = 10_000_000", "outptu = 10_000_000", "price 2 (small): there is no key outptu"),
        ("output = 10_000_000", "outptu = 10_000_000", "output must be a whole number"),
        ("input = 2_000_000", "input = -1", "price 2 (small): input is -1; the least is 0"),
        ("input = 2_000_000", "input = 2.5", "input must be a whole number"),
        ("input = 2_000_000", "input = true", "input must be a whole number"),
        (SMALL, 'model = "small"\nfrom = 2026-01-01\n', "a row of small from 2026-01-01 already"),
        (SMALL, 'model = "small"\nfrom = "June"\n', "from must be a date"),
        (SMALL, "from = 2026-06-01\n", "price 2 (without a model): model is missing"),
        ("{ over_tokens = 10,", "{ over = 10,", "price 2 (small), long: there is no key over"),
        ("window_tokens = 1000", "window_tokens = 0", "[defaults]: window_tokens is 0"),
        ("max_output_tokens = 100", "", "[defaults]: max_output_tokens must be a whole number"),
        ("free_providers", "free", "the file: there is no key free"),
        ("[[price]]", "[[prices]]", "it has no [[price]]"),
        ("[defaults]", "[defaults", "it is no TOML"),
    ],
)
def test_mistakes_in_the_file_are_told_in_words(old: str, new: str, told: str) -> None:
    with pytest.raises(ValueError) as refusal:  # noqa: PT011 - its words are looked at
        read(FILE.replace(old, new))

    assert told in str(refusal.value)


def test_a_bad_file_stops_the_start(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    bad = tmp_path / "prices.toml"
    bad.write_text(FILE.replace("output = 10_000_000", "output = -1"))
    monkeypatch.setattr(module, "FILE", bad)
    prices.cache_clear()

    found = check_prices()
    monkeypatch.undo()
    prices.cache_clear()

    assert [error.id for error in found] == ["hub.E020"]
    assert "output is -1" in found[0].msg
    assert check_prices() == []
