"""Whole messages: several commands, briefs, code, quotes, and how many are too many."""

import time

import pytest

from hub.protocol import parse


def verbs(text):
    parsed = parse(text)
    assert parsed.hints == ()
    return [command.verb for command in parsed.commands]


def test_commands_stand_between_lines_of_chat_and_keep_their_order():
    parsed = parse("hello\nCLAIM task=1\nthen I go\n!help\n\nSTARTED task=1")

    assert [(command.verb, command.line) for command in parsed.commands] == [
        ("CLAIM", 2),
        ("!help", 4),
        ("STARTED", 6),
    ]


def test_one_bad_line_does_not_stop_the_others():
    parsed = parse('CLAIM task=1\nSTARTED task="x\n!help')

    assert [command.verb for command in parsed.commands] == ["CLAIM", "!help"]
    assert [(hint.code, hint.line) for hint in parsed.hints] == [("quote.unclosed", 2)]


@pytest.mark.parametrize(
    "text",
    [
        "```\nCLAIM task=1\n```",
        "~~~ py\nCLAIM task=1\n~~~",
        "````\n```\nCLAIM task=1\n```\n````",
        "```\nCLAIM task=1",
        "- ```\n  CLAIM task=1\n  ```",
        "1. ~~~\n   CLAIM task=1\n   ~~~",
        "```\n      ```\nCLAIM task=1\n```",
        "```\nCLAIM task=1\n``` py\nCLAIM task=2\n```",
        "    CLAIM task=1",
        "\tCLAIM task=1",
        "> CLAIM task=1",
        " > TASK: x",
        ">CLAIM task=1",
        "- > !help",
    ],
)
def test_code_and_quotes_hold_no_commands(text):
    assert verbs(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "```\ncode\n```\nCLAIM task=1",
        "- ```\n  code\n  ```\nCLAIM task=1",
        "```inline``` code\nCLAIM task=1",
        "> quoted\nCLAIM task=1",
        "   CLAIM task=1",
    ],
)
def test_a_command_after_code_or_a_quote_counts(text):
    assert verbs(text) == ["CLAIM"]


def brief_of(text):
    return parse(text).commands[0].fields.get("brief")


def test_a_task_has_a_title_a_member_and_a_brief():
    parsed = parse("TASK: @Ramona Fix the login\nIt fails on Safari.\n  - see #12\n\nThanks!")

    (found,) = parsed.commands
    assert found.verb == "TASK:"
    assert found.fields == {
        "to": "Ramona",
        "title": "Fix the login",
        "brief": "It fails on Safari.\n  - see #12",
    }
    assert found.raw.endswith("- see #12")


@pytest.mark.parametrize(
    ("line", "to", "title"),
    [
        ("TASK: Fix it", None, "Fix it"),
        ("TASK:Fix it", None, "Fix it"),
        ("TASK: @Ada: fix it", "Ada", "fix it"),
        ("TASK: @Ada, fix it", "Ada", "fix it"),
        ("TASK: fix @Ada's thing", None, "fix @Ada's thing"),
        ("TASK: @Ada's thing", None, "@Ada's thing"),
        ("  TASK: fix it  ", None, "fix it"),
    ],
)
def test_the_member_comes_first_or_not_at_all(line, to, title):
    (found,) = parse(line).commands

    assert found.fields.get("to") == to
    assert found.fields["title"] == title


@pytest.mark.parametrize("line", ["TASK? Fix it", "TASK?: Fix it"])
def test_a_dry_run_is_a_verb_of_its_own(line):
    (found,) = parse(line).commands

    assert found.verb == "TASK?"
    assert found.fields == {"title": "Fix it"}


@pytest.mark.parametrize(
    "text", ["task: x", "TASK x", "a TASK: x", "TASKS: x", "TASK?x", "> TASK: x"]
)
def test_other_talk_of_tasks_is_chat(text):
    assert verbs(text) == []


def test_a_brief_ends_at_a_blank_line_or_at_the_next_command():
    assert brief_of("TASK: x\na\nb\n \nc") == "a\nb"
    assert brief_of("TASK: x\na\n!help") == "a"
    assert brief_of("TASK: x\na\nTASK: y\nb") == "a"
    assert brief_of("TASK: x\n\na") is None
    assert verbs("TASK: x\na\nTASK: y\nb\nCLAIM task=1") == ["TASK:", "TASK:", "CLAIM"]


def test_a_brief_keeps_its_code_whole_with_blank_lines_and_commands():
    code = "See:\n```\nCLAIM task=1\n\n!help\n```\n> quoted"

    assert brief_of(f"TASK: x\n{code}\n\nchat") == code
    assert verbs(f"TASK: x\n{code}") == ["TASK:"]


def test_a_broken_command_ends_a_brief_and_is_answered():
    parsed = parse('TASK: x\na\nSTARTED task="y\nb')

    assert parsed.commands[0].fields["brief"] == "a"
    assert [hint.code for hint in parsed.hints] == ["quote.unclosed"]


def test_a_brief_after_a_refused_title_is_chat():
    parsed = parse("TASK: @Ada\nbrief")

    assert parsed.commands == ()
    assert [hint.code for hint in parsed.hints] == ["task.no_title"]


def test_lines_may_end_with_crlf():
    assert verbs("CLAIM task=1\r\nTASK: x\r\nbrief\r\n\r\nCLAIM task=2") == [
        "CLAIM",
        "TASK:",
        "CLAIM",
    ]
    assert brief_of("TASK: x\r\nbrief\r\n\r\nchat") == "brief"


def test_other_line_ends_do_not_smuggle_a_command_in():
    assert verbs("chat\u2028CLAIM task=1\x0bCLAIM task=2\x85!help") == []


def test_twenty_commands_are_carried_out_and_of_more_none():
    assert len(parse("!help\n" * 20).commands) == 20

    parsed = parse("!help\n" * 21)

    assert parsed.commands == ()
    assert [(hint.code, hint.line) for hint in parsed.hints] == [("commands.too_many", 21)]


def test_hints_past_the_tenth_are_counted():
    assert len(parse("TASK:\n" * 10).hints) == 10

    hints = parse("TASK:\n" * 500).hints

    assert len(hints) == 10
    assert hints[-1].code == "hints.too_many"
    assert hints[-1].sentence.startswith("491 more")


UNITS = [
    "\n",
    "!a\n",
    'STARTED task="x\n',
    "TASK: x\n",
    "- ",
    "```\n",
    "STARTED ",
    "\\",
    '"',
    "#a ",
]


@pytest.mark.parametrize("unit", [*UNITS, "k=v ", ">", "x"])
def test_the_longest_message_of_anything_is_read_fast(unit):
    for start in ("", "TASK: x\n", "STARTED task=x ", '!a "', 'STARTED task="'):
        started = time.thread_time()

        parse((start + unit * 65_536)[:65_536])

        assert time.thread_time() - started < 1
