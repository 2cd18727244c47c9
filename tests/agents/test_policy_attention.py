"""Attention as pure decisions: what wakes a session, and how long the rest may lie."""

from dataclasses import replace

import pytest

from agents.policy.attention import BAND_S, Band, Sleeper, band, is_ack, waits_s, wakes
from hub.policy.inbox import News, Reader

ME, MATE, PERSON = 1, 2, 9
MINE, PROJECT, LOBBY = 20, 10, 30
SLEEPER = Sleeper(
    role="implementer",
    reader=Reader(
        member_id=ME,
        subjects=frozenset({"task:4"}),
        channels=frozenset({MINE}),
        home_channels=frozenset({PROJECT}),
    ),
    project_channel=PROJECT,
    band=Band.HOT,
)
EM = replace(SLEEPER, role="em", reader=replace(SLEEPER.reader, channels=frozenset()))


def news(name: str = "message.posted", text: str = "Look.", **facts) -> News:
    place = facts.pop("channel", LOBBY)
    return News(
        seq=1,
        name=name,
        actor_id=facts.pop("by", MATE),
        actor="mate",
        subject=facts.pop("subject", "channel:1"),
        channel_id=place,
        where="somewhere",
        text=text,
        is_direct=facts.pop("direct", False),
        facts=facts,
    )


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (news(mentions=[ME]), True),
        (news(direct=True), True),
        (news("decision.answered", mentions=[ME]), True),
        (news("task.assigned", mentions=[ME]), True),
        (news("task.unblocked", subject="task:4"), True),
        (news("task.dropped", subject="task:4"), True),
        (news(channel=MINE, by=PERSON), True),
        (news(channel=MINE), False),
        (news("task.advanced", subject="task:4"), False),
        (news("task.dropped", subject="task:5"), False),
        (news(by=PERSON), False),
        (news(by=ME, mentions=[ME]), False),
        (news(mentions=[MATE]), False),
        (news(text="@ivo ack", mentions=[ME]), False),
        (news(text="ok", by=PERSON, mentions=[ME]), True),
        (news("message.reacted", direct=True), False),
        (news("message.reacted", channel=MINE, by=PERSON), False),
    ],
)
def test_what_wakes_at_once(item: News, expected: bool) -> None:
    assert wakes(SLEEPER, item, by_person=item.actor_id == PERSON) is expected


def test_a_person_in_the_project_channel_wakes_the_engineering_manager_only() -> None:
    item = news(channel=PROJECT, by=PERSON)

    assert wakes(EM, item, by_person=True)
    assert not wakes(SLEEPER, item, by_person=True)


@pytest.mark.parametrize(
    ("sleeper", "item", "expected"),
    [
        (SLEEPER, news(channel=MINE), 30),
        (SLEEPER, news("task.advanced", subject="task:4"), 30),
        (replace(SLEEPER, band=Band.WARM), news(channel=MINE), 120),
        (replace(SLEEPER, band=Band.COOL), news(channel=MINE), 300),
        (replace(SLEEPER, band=Band.IDLE), news(channel=MINE), 600),
        (replace(SLEEPER, band=Band.PARKED), news(channel=MINE), None),
        (SLEEPER, news(channel=PROJECT), None),
        (EM, news(channel=PROJECT), 30),
        (EM, news("task.opened", channel=None, subject="task:9"), None),
        (SLEEPER, news(), None),
        (SLEEPER, news(channel=MINE, by=ME), None),
        (SLEEPER, news(channel=MINE, text="Thanks!"), None),
        (SLEEPER, news("message.reacted", channel=MINE), None),
    ],
)
def test_the_rest_waits_for_the_band_or_for_nothing(sleeper, item, expected) -> None:
    assert waits_s(sleeper, item) == expected


@pytest.mark.parametrize(
    ("is_parked", "has_work", "quiet_s", "expected"),
    [
        (False, True, 0, Band.HOT),
        (False, True, 119, Band.HOT),
        (False, True, 120, Band.WARM),
        (False, True, 600, Band.COOL),
        (False, False, 0, Band.COOL),
        (False, False, 599, Band.COOL),
        (False, False, 600, Band.IDLE),
        (True, True, 0, Band.PARKED),
        (True, False, 9_999, Band.PARKED),
    ],
)
def test_a_band_comes_from_what_is_outstanding_and_how_long_it_did_nothing(
    is_parked, has_work, quiet_s, expected
) -> None:
    assert band(is_parked=is_parked, has_work=has_work, quiet_s=quiet_s) == expected


def test_the_bands_have_their_numbers() -> None:
    assert dict(BAND_S) == {Band.HOT: 30, Band.WARM: 120, Band.COOL: 300, Band.IDLE: 600}


@pytest.mark.parametrize(
    "text",
    [
        "ack",
        "@ivo ok",
        "@Mina, thanks!",
        "👍",
        "Got it, thank you.",
        "ACKNOWLEDGED task=4",
        "OK. 👍",
    ],
)
def test_words_that_only_say_that_one_has_read(text: str) -> None:
    assert is_ack(text)


@pytest.mark.parametrize(
    "text",
    ["ok, but why?", "Thanks, now the tests", "token", "", "CLAIM task=4", "acknowledge it"],
)
def test_words_that_say_more(text: str) -> None:
    assert not is_ack(text)


def test_a_long_text_is_not_looked_through() -> None:
    assert not is_ack("@a" + " " * 60_000 + "?")  # would take minutes
    assert not is_ack("ok " * 100)
