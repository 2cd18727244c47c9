"""Lines that look like a command and are none: each gets a code and a sentence."""

import pytest

from hub.protocol import SENTENCES, parse


def hint(text):
    """Give the one hint of a text without commands."""
    parsed = parse(text)
    assert parsed.commands == ()
    assert len(parsed.hints) == 1, parsed
    return parsed.hints[0]


@pytest.mark.parametrize(
    ("line", "code", "says"),
    [
        ('STARTED task="x', "quote.unclosed", "`task`"),
        ('STARTED task=x note="never closed', "quote.unclosed", "`note`"),
        ('STARTED task=x k="a"b=c', "quote.glued", "`k`"),
        ('STARTED task=x k=a"b c"', "quote.misplaced", "`k`"),
        (r'STARTED task=x k="\q"', "escape.unknown", r"`\q`"),
        (r'STARTED task=x k="\u{}"', "escape.unknown", r"`\u`"),
        (r'STARTED task=x k="\u{0}"', "escape.character", "no character"),
        (r'STARTED task=x k="\u{d800}"', "escape.character", "no character"),
        (r'STARTED task=x k="\u{110000}"', "escape.character", "no character"),
        ("STARTED task=x please", "word.stray", "`please`"),
        ('STARTED task=x "two words"', "word.stray", "`two words`"),
        ("STARTED task=x #", "tag.empty", "after #"),
        ("STARTED task=x k=", "value.empty", 'k=""'),
        ("STARTED task=", "value.empty", "`task=`"),
        ('STARTED task=""', "value.empty", "`task=`"),
        ('VOTE topic=" " choice=a', "value.empty", "`topic=`"),
        ("STARTED task=x =v", "key.invalid", "lower-case"),
        ("STARTED task=x Key=v", "key.invalid", "`Key`"),
        ("STARTED task=x 1k=v", "key.invalid", "`1k`"),
        ("STARTED task=x task=y", "key.twice", "`task`"),
        ("OFFER priority=high", "key.missing", "`task=…`"),
        ("VOTE topic=x", "key.missing", "`choice=…`"),
        ("STARTED task=x k=a\x07", "line.control", "escapes"),
        ("STARTED task=x\rQUIT", "line.control", "escapes"),
        ("STARTED task=x k=\ud800", "line.control", "escapes"),
        ("SHARING-CONTEXT a\x1b[31m", "line.control", "escapes"),
        ("!ans 1 a\x07", "line.control", "escapes"),
        ("TASK: a\x07", "line.control", "escapes"),
        ('CLAIM task="a b"', "value.name", "`task`"),
        ('ASSIGN task=x to="a b"', "value.name", "`to`"),
        ("CLAIM task=x load=much", "value.integer", "0 to 1000"),
        ("CHECKPOINT task=x progress=150", "value.integer", "0 to 100"),
        ("CHECKPOINT task=x progress=-1", "value.integer", "0 to 100"),
        ("CHECKPOINT task=x progress=٣", "value.integer", "0 to 100"),
        ("COST-REPORT cost-usd=-1", "value.decimal", "0.25"),
        ("COST-REPORT cost-usd=NaN", "value.decimal", "0.25"),
        ("COST-REPORT total-tokens=1e9", "value.integer", "whole number"),
        ("REVIEW-COMPLETE task=x verdict=fine", "value.choice", "changes-requested"),
        ("ESCALATE task=x to=y reason=z severity=urgent", "value.choice", "critical"),
        ("BLOCKED task=x waiting-for=a,,b", "value.list", "commas"),
        ('!ans 17 "use tabs', "quote.unclosed", "never closed"),
        ('!ans 17 "use" "tabs".', "quote.glued", "space"),
        ("TASK:", "task.no_title", "TASK: @Name"),
        ("TASK: @Ada", "task.no_title", "TASK: @Name"),
        ("TASK? ", "task.no_title", "TASK: @Name"),
    ],
)
def test_what_looks_like_a_command_and_is_none_gets_a_hint(line, code, says):
    found = hint(line)

    assert found.code == code
    assert says in found.sentence
    assert found.line == 1


LONG = "é" * 2_001
LIMITS = [
    ("line.too_long", f"STARTED task=x {'k=v ' * 10_000}", "STARTED task=x" + " " * 4_082),
    ("line.too_long", "!steer " + "x" * 4_090, "!steer " + "x" * 4_089),
    ("line.too_long", "SHARING-CONTEXT " + "é" * 2_041, "SHARING-CONTEXT " + "é" * 2_040),
    ("line.too_long", "TASK: x" + " " * 4_090, "TASK: x" + " " * 4_089),
    (
        "fields.too_many",
        "STARTED task=x " + " ".join(f"k{number}=v" for number in range(32)),
        "STARTED task=x " + " ".join(f"k{number}=v" for number in range(31)),
    ),
    ("tags.too_many", "STARTED task=x" + " #t" * 33, "STARTED task=x" + " #t" * 32),
    ("key.invalid", f"STARTED task=x {'k' * 33}=v", f"STARTED task=x {'k' * 32}=v"),
    ("value.too_long", f"STARTED task=x k={LONG}", f"STARTED task=x k={LONG[1:]}"),
    ("value.name", "STARTED task=" + "x" * 61, "STARTED task=" + "x" * 60),
    ("task.title_too_long", "TASK: " + "x" * 161, "TASK: " + "x" * 160),
    ("task.brief_too_long", "TASK: x\n" + "y" * 20_001, "TASK: x\n" + "y" * 20_000),
]


@pytest.mark.parametrize(("code", "over", "within"), LIMITS)
def test_each_limit_has_a_code_and_allows_what_is_just_within(code, over, within):
    assert hint(over).code == code

    parsed = parse(within)
    assert len(parsed.commands) == 1
    assert parsed.hints == ()


def test_every_hint_has_a_sentence_with_nothing_left_to_fill():
    assert all(sentence.endswith((".", "`.", "…`: {help}")) for sentence in SENTENCES.values())
