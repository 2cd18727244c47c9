"""What a call of a model costs: dated price rows from prices.toml, read and checked in one place.

Prices are whole micro-USD per million tokens, costs whole micro-USD, rounded up once a call.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).resolve().parent.parent / "prices.toml"
MILLION = 1_000_000
CLASSES = ("input", "output", "cache_write", "cache_read")
LIMITS = ("window_tokens", "max_output_tokens", "context_limit_tokens")
LONG = {"over_tokens", *CLASSES}
STAMPED = re.compile(r"(.+)-20\d{6}")  # claude-haiku-4-5-20251001 is claude-haiku-4-5


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Tokens of one call by class, none counted twice."""

    input: int = 0
    output: int = 0
    cache_write: int = 0
    cache_read: int = 0

    @property
    def prompt(self) -> int:
        """Count what the model was given."""
        return self.input + self.cache_write + self.cache_read

    @property
    def total(self) -> int:
        """Count all of them."""
        return self.prompt + self.output


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Micro-USD for a million tokens of each class."""

    input: int
    output: int
    cache_write: int
    cache_read: int

    def cost(self, tokens: Tokens) -> int:
        """Price a call in whole micro-USD, rounded up."""
        exact: int = sum(getattr(self, name) * getattr(tokens, name) for name in CLASSES)
        return -(-exact // MILLION)


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a model costs from a day on, and its limits. `long` holds above `long_over_tokens`."""

    model: str
    since: date
    rates: Rates
    long: Rates | None
    long_over_tokens: int
    window_tokens: int
    max_output_tokens: int
    context_limit_tokens: int

    def cost(self, tokens: Tokens) -> int:
        """Price a call in whole micro-USD."""
        is_long = self.long is not None and tokens.prompt > self.long_over_tokens
        rates = self.long if is_long and self.long else self.rates
        return rates.cost(tokens)

    def most(self, prompt_tokens: int) -> int:
        """Price the dearest call that may come of a prompt: nothing cached, the longest answer."""
        rates = self.long if self.long and prompt_tokens > self.long_over_tokens else self.rates
        dearest = max(rates.input, rates.cache_write)
        exact = dearest * prompt_tokens + rates.output * self.max_output_tokens
        return -(-exact // MILLION)


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """The price row for a call; `is_known` is False when no row names the model."""

    price: Price
    is_known: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceList:
    """All price rows, each model's oldest first, and the providers that cost nothing."""

    rows: Mapping[str, tuple[Price, ...]]
    free_providers: frozenset[str]

    def of(self, model: str, day: date) -> Priced:
        """Give the row that holds for a model on a day; the dearest rates for an unknown one."""
        stamped = STAMPED.fullmatch(model)
        found = self.rows.get(model) or (self.rows.get(stamped[1]) if stamped else None)
        if not found:
            return Priced(price=self._dearest(model, day), is_known=False)
        begun = [row for row in found if row.since <= day]
        return Priced(price=begun[-1] if begun else found[0], is_known=True)

    def _dearest(self, model: str, day: date) -> Price:
        today = [self.of(known, day).price for known in self.rows]
        rates = [rate for row in today for rate in (row.rates, row.long) if rate]
        top = {name: max(getattr(rate, name) for rate in rates) for name in CLASSES}
        return Price(
            model=model,
            since=max(row.since for row in today),
            rates=Rates(**top),
            long=None,
            long_over_tokens=0,
            window_tokens=max(row.window_tokens for row in today),
            max_output_tokens=max(row.max_output_tokens for row in today),
            context_limit_tokens=min(row.context_limit_tokens for row in today),
        )


@cache
def prices() -> PriceList:
    """Read prices.toml, once. Raises ValueError with every mistake in it."""
    return read(FILE.read_text(encoding="utf-8"))


def is_free(provider: str) -> bool:
    """Tell whether a provider costs nothing."""
    return provider in prices().free_providers


def context_limit(model: str, day: date) -> int:
    """Give the number of context tokens from which a session of a model should hand over."""
    return prices().of(model, day).price.context_limit_tokens


def read(text: str) -> PriceList:
    """Make the price list of a file's text. Raises ValueError with every mistake in it."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"it is no TOML: {error}") from error
    wrong = list(_mistakes(table))
    if wrong:
        raise ValueError("; ".join(wrong))
    rows: dict[str, list[Price]] = {}
    for row in sorted(table["price"], key=lambda row: row["from"]):
        rows.setdefault(row["model"], []).append(_price(row, table["defaults"]))
    return PriceList(
        rows={model: tuple(found) for model, found in rows.items()},
        free_providers=frozenset(table.get("free_providers", ())),
    )


def _price(row: Mapping[str, Any], defaults: Mapping[str, int]) -> Price:
    long = row.get("long")
    return Price(
        model=row["model"],
        since=row["from"],
        rates=_rates(row),
        long=_rates(long) if long else None,
        long_over_tokens=long["over_tokens"] if long else 0,
        **{name: row.get(name, defaults[name]) for name in LIMITS},
    )


def _rates(row: Mapping[str, int]) -> Rates:
    return Rates(**{field.name: row[field.name] for field in fields(Rates)})


def _mistakes(table: Mapping[str, Any]) -> Iterator[str]:
    yield from _unknown("the file", table, {"free_providers", "defaults", "price"})
    defaults = table.get("defaults", {})
    yield from _unknown("[defaults]", defaults, set(LIMITS))
    yield from _numbers("[defaults]", defaults, LIMITS, least=1)
    if not table.get("price"):
        yield "it has no [[price]]"
    seen: set[tuple[str, object]] = set()
    for number, row in enumerate(table.get("price", ()), 1):
        name = f"price {number} ({row.get('model', 'without a model')})"
        yield from _row_mistakes(name, row)
        key = (str(row.get("model")), row.get("from"))
        if key in seen:
            yield f"{name}: there is a row of {key[0]} from {key[1]} already"
        seen.add(key)


def _row_mistakes(name: str, row: Mapping[str, Any]) -> Iterator[str]:
    yield from _unknown(name, row, {"model", "from", "long", *CLASSES, *LIMITS})
    if not isinstance(row.get("model"), str) or not row["model"]:
        yield f"{name}: model is missing"
    if type(row.get("from")) is not date:
        yield f"{name}: from must be a date such as 2026-11-25"
    yield from _numbers(name, row, CLASSES)
    yield from _numbers(name, row, [limit for limit in LIMITS if limit in row], least=1)
    if "long" in row:
        yield from _unknown(f"{name}, long", row["long"], LONG)
        yield from _numbers(f"{name}, long", row["long"], sorted(LONG))


def _unknown(name: str, table: Mapping[str, Any], known: set[str]) -> Iterator[str]:
    yield from (f"{name}: there is no key {key}" for key in sorted(set(table) - known))


def _numbers(
    name: str, table: Mapping[str, Any], keys: "tuple[str, ...] | list[str]", least: int = 0
) -> Iterator[str]:
    for key in keys:
        value = table.get(key)
        if type(value) is not int:
            yield f"{name}: {key} must be a whole number"
        elif value < least:
            yield f"{name}: {key} is {value}; the least is {least}"
