"""How near a piece of news is, and what of it fits, by table and by property."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.policy.inbox import News, Reader, pack, rank

READER = Reader(
    member_id=7,
    subjects=frozenset({"task:3"}),
    channels=frozenset({30}),
    home_channels=frozenset({1, 2}),
)


def news(seq=1, **changes):
    values = {
        "name": "message.posted",
        "actor_id": 8,
        "actor": "ada",
        "subject": "channel:1",
        "channel_id": None,
        "where": "project",
        "text": "",
        "facts": {},
    }
    return News(seq=seq, **{**values, **changes})


@pytest.mark.parametrize(
    ("expected", "changes"),
    [
        (1, {"facts": {"mentions": [6, 7]}, "channel_id": 99}),
        (1, {"is_direct": True, "channel_id": 99}),
        (2, {"subject": "task:3"}),
        (2, {"subject": "session:1", "facts": {"task": 3}}),
        (2, {"channel_id": 30}),
        (3, {"channel_id": 1}),
        (3, {"name": "task.opened", "subject": "task:4"}),
        (3, {"facts": {"mentions": [8]}, "channel_id": 2}),
        (4, {"channel_id": 99}),
        (4, {"name": "member.joined", "subject": "member:9"}),
        (4, {"name": "message.reacted", "channel_id": 1}),
    ],
)
def test_news_is_ranked_by_how_near_it_is(expected, changes):
    assert rank(READER, news(**changes)) == expected


def test_the_nearest_fit_first_and_the_rest_is_named_by_place():
    far = [news(seq, channel_id=99, where="lobby") for seq in (1, 2)]
    near = news(3, facts={"mentions": [7]}, text="x" * 40)
    own = news(4, channel_id=30, where="work", text="x" * 4_000)

    packed = pack(READER, [*far, near, own], max_tokens=100)

    assert packed.items == [(1, near)]
    assert packed.left_out == {"lobby": [1, 2], "work": [4]}


def test_what_is_far_is_given_when_there_is_nothing_else():
    packed = pack(READER, [news(1, channel_id=99, where="lobby")], max_tokens=100)

    assert [item.seq for _, item in packed.items] == [1]


CHANNELS = st.sampled_from([None, 1, 2, 30, 99])
MENTIONS = st.sampled_from([{}, {"mentions": [7]}, {"task": 3}])


@given(
    st.lists(st.tuples(CHANNELS, MENTIONS, st.integers(0, 2_000)), max_size=30),
    st.integers(100, 2_000),
)
def test_every_piece_of_news_is_given_or_named_and_none_twice(rows, max_tokens):
    items = [
        news(seq, channel_id=channel, facts=facts, text="x" * size, where=str(channel))
        for seq, (channel, facts, size) in enumerate(rows, 1)
    ]

    packed = pack(READER, items, max_tokens)

    given_seqs = [item.seq for _, item in packed.items]
    named = [seq for seqs in packed.left_out.values() for seq in seqs]
    assert sorted(given_seqs + named) == list(range(1, len(items) + 1))
    assert [nearness for nearness, _ in packed.items] == sorted(
        nearness for nearness, _ in packed.items
    )
