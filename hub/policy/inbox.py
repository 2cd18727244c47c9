"""How near a piece of news is to a member, and which of it fits a budget. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hub.text import estimate_tokens

ADDRESSED, MY_TASK, MY_PROJECT, REST = 1, 2, 3, 4
QUIET = frozenset(
    {
        "channel.created",
        "channel.archived",
        "member.joined",
        "member.retired",
        "message.reacted",
        "project.opened",
        "session.turn",
        "workspace.ready",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Whose inbox: ids of the member, and the tasks, objectives and channels that are theirs.

    What is addressed to one of the `forebears`, whose work the member took over, counts as theirs.
    """

    member_id: int
    subjects: frozenset[str]
    channels: frozenset[int]
    home_channels: frozenset[int]
    forebears: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """One event with the text to show for it."""

    seq: int
    name: str
    actor_id: int
    actor: str
    subject: str
    channel_id: int | None
    where: str
    text: str
    facts: Mapping[str, Any]
    is_direct: bool = False
    is_told: bool = False


def rank(reader: Reader, news: News) -> int:
    """Rank news from 1, addressed to the reader, to 4, the rest."""
    mine = {reader.member_id, *reader.forebears}
    if news.is_direct or mine.intersection(news.facts.get("mentions", ())):
        return ADDRESSED
    about = {news.subject} | {
        f"{kind}:{news.facts[kind]}" for kind in ("task", "objective") if kind in news.facts
    }
    if about & reader.subjects or news.channel_id in reader.channels:
        return MY_TASK
    common = news.channel_id is None or news.channel_id in reader.home_channels
    return MY_PROJECT if common and news.name not in QUIET else REST


@dataclass(frozen=True, slots=True)
class Packed:
    """What fits, by nearness and then age, and the ranges of what does not."""

    items: list[tuple[int, News]]
    left_out: dict[str, list[int]]


def pack(reader: Reader, news: Iterable[News], max_tokens: int) -> Packed:
    """Choose the nearest news that fit into a number of tokens; name all the rest.

    The nearest item is always given, clipped by the caller if need be.
    """
    ranked = sorted(
        ((rank(reader, item), item) for item in news), key=lambda pair: (pair[0], pair[1].seq)
    )
    items: list[tuple[int, News]] = []
    left_out: dict[str, list[int]] = {}
    spent = 0
    for nearness, item in ranked:
        cost = estimate_tokens(item.text) + 12
        if items and (spent + cost > max_tokens or nearness == REST):
            left_out.setdefault(item.where, []).append(item.seq)
            continue
        spent += cost
        items.append((nearness, item))
    items.sort(key=lambda pair: (pair[0], pair[1].seq))
    return Packed(items, left_out)
