"""Batches, answers and what they mean: plain lines in, verdicts out."""

import pytest

from transports.base import Rejected, Result, Retry, Sent
from transports.irc.client.answers import Answers
from transports.irc.client.batches import MAX_OPEN, Batch, Collector
from transports.irc.client.connection import LostError
from transports.irc.client.verdict import verdict
from transports.irc.wire import Line, parse


def line(text: str) -> Line:
    found = parse(text.encode())
    assert found is not None
    return found


def test_batches_inside_batches_come_out_whole():
    collector = Collector()
    texts = [
        "@label=p1 BATCH +a labeled-response",
        "@batch=a BATCH +b chathistory #project",
        "@batch=b;msgid=1 :ada!a@h PRIVMSG #project one",
        "@batch=b;msgid=2 :ada!a@h BATCH +c draft/multiline #project",
        "@batch=c :ada!a@h PRIVMSG #project two",
        "@batch=c :ada!a@h PRIVMSG #project three",
        "BATCH -c",
        "BATCH -b",
    ]

    assert [collector.take(line(text)) for text in texts] == [None] * 8
    whole = collector.take(line("BATCH -a"))

    assert isinstance(whole, Batch)
    history = whole.find("chathistory")
    assert history is not None
    found = [(one.tags["msgid"], one.param(1)) for one in history.lines()]
    assert found == [("1", "one"), ("2", "two\nthree")]
    assert whole.find("netsplit") is None


def test_batches_without_an_end_are_forgotten():
    collector = Collector()

    for number in range(MAX_OPEN + 1):
        collector.take(line(f"BATCH +{number} x"))

    assert collector.take(line("BATCH -0")) is None
    assert isinstance(collector.take(line(f"BATCH -{MAX_OPEN}")), Batch)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("ACK", Sent("")),
        ("@msgid=7 :parley!p@h PRIVMSG #project hello", Sent("7")),
        ("404 parley #project :Cannot send", Rejected("404", "Cannot send", "channel")),
        ("403 parley #project :No such channel", Rejected("403", "No such channel", "channel")),
        ("417 parley :Too long", Rejected("417", "Too long", "op")),
        ("263 parley PRIVMSG :Try again", Retry(5.0, "Try again")),
        ("FAIL PRIVMSG BUSY :Later", Retry(5.0, "Later")),
        ("FAIL BATCH MULTILINE_MAX_BYTES :Long", Rejected("MULTILINE_MAX_BYTES", "Long", "op")),
        ("FAIL * ACCOUNT_REQUIRED :Log in", Rejected("ACCOUNT_REQUIRED", "Log in", "account")),
    ],
)
def test_an_answer_means_one_thing(text: str, result: Result):
    assert verdict([line(text)]) == result


async def test_an_error_counts_for_the_first_fence_that_it_names():
    answers = Answers()
    _, first = answers.fenced([Line("PRIVMSG", ("#one", "x"))])
    _, second = answers.fenced([Line("PRIVMSG", ("#two", "x"))])

    assert not answers.take(line("404 parley #else :No"))
    assert answers.take(line("404 parley #one :No"))
    assert answers.take(line("PONG irc.test F2"))

    assert [one.command for one in await first if isinstance(one, Line)] == ["404"]
    assert await second == []
    assert not answers.take(line("PONG irc.test F2"))


async def test_who_waits_is_told_that_no_answer_comes():
    answers = Answers()
    _, labelled = answers.labelled([Line("PRIVMSG", ("#one", "x"))])
    _, fenced = answers.fenced([Line("PRIVMSG", ("#one", "x"))])

    answers.lose("cut")

    for waiting in (labelled, fenced):
        with pytest.raises(LostError, match="cut"):
            await waiting
