"""Decisions about money: what usage to believe, when a budget warns, how long it lasts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from .prices import MILLION, Priced, Tokens

WARN_SHARE = 0.8
CENT, TENTH_OF_A_MILL = 10_000, 100
DAY = timedelta(days=1)
SHORTEST_PACE = timedelta(hours=1)  # a pace is not told from less
FIELDS = {
    "input": "input_tokens",
    "output": "output_tokens",
    "cache_write": "cache_write_tokens",
    "cache_read": "cache_read_tokens",
}
REPLAY_MUCH = 20.0
REPLAY_SOME = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What a call is booked with, and what is odd about it."""

    tokens: Tokens
    micro_usd: int
    lacks_usage: bool = False
    is_absurd: bool = False


def bill(usage: Mapping[str, int] | None, priced: Priced, reserved_micro_usd: int) -> Bill:
    """Price an answer by its usage, or at its reservation when that is missing or unbelievable.

    Negative numbers and more than the model can hold are not believed; their tokens do not count.
    """
    if usage is None:
        return Bill(tokens=Tokens(), micro_usd=reserved_micro_usd, lacks_usage=True)
    tokens = Tokens(**{name: usage.get(field, 0) for name, field in FIELDS.items()})
    low = min(tokens.input, tokens.output, tokens.cache_write, tokens.cache_read)
    if low < 0 or tokens.total > priced.price.window_tokens:
        return Bill(tokens=Tokens(), micro_usd=reserved_micro_usd, is_absurd=True)
    return Bill(tokens=tokens, micro_usd=priced.price.cost(tokens))


def warns(spent_micro_usd: int, cap_micro_usd: int) -> bool:
    """Tell whether so much of a budget is spent that a person should hear of it."""
    return spent_micro_usd >= cap_micro_usd * WARN_SHARE


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Where spending leads at its present pace; `lasts` is None when nothing is being spent."""

    a_day_micro_usd: int
    lasts: timedelta | None


def forecast(recent_micro_usd: int, age: timedelta, left_micro_usd: int) -> Forecast:
    """Tell a budget's future from what the last 24 hours cost.

    `age` is how long ago the first call was made: a younger project's pace is told from that.
    """
    window = min(max(age, SHORTEST_PACE), DAY)
    a_day = round(recent_micro_usd * (DAY / window))
    if a_day <= 0:
        return Forecast(a_day_micro_usd=0, lasts=None)
    return Forecast(a_day_micro_usd=a_day, lasts=DAY * (max(left_micro_usd, 0) / a_day))


def replay(tokens: Tokens) -> float:
    """Tell how often, on average, each token was read again: cache reads by unique tokens."""
    unique = tokens.input + tokens.cache_write
    return tokens.cache_read / unique if unique else 0.0


def advice(factor: float) -> str:
    """Say what a replay factor means and what to do about it."""
    if factor >= REPLAY_MUCH:
        return (
            "Conversations are long: most of the bill is reading them again. Lower the context"
            " limit of the role, so that its sessions hand over sooner, or make tasks smaller."
        )
    if factor >= REPLAY_SOME:
        return "That is usual for agents that use tools: each step reads the conversation again."
    return "Little is read again. There is nothing to save here."


def usd(micro_usd: int) -> str:
    """Write money for people: cents, or four digits below a cent."""
    sign, size = ("-" if micro_usd < 0 else ""), abs(micro_usd)
    if 0 < size < CENT:
        return f"{sign}${size / MILLION:.4f}" if size >= TENTH_OF_A_MILL else f"{sign}<$0.0001"
    return f"{sign}${size / MILLION:,.2f}"
