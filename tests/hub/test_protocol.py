"""The protocol: which lines are commands, and which are chat."""

from dataclasses import replace

import pytest

from hub.errors import Invalid
from hub.protocol import VERBS, Command, describe, parse, render


def command(text):
    """Give the one command of a text that is nothing else."""
    parsed = parse(text)
    assert parsed.hints == ()
    assert len(parsed.commands) == 1, parsed
    return parsed.commands[0]


def is_chat(text):
    parsed = parse(text)
    return not parsed.commands and not parsed.hints


VALID = [
    "STARTED task=a priority=high",
    'COMPLETED task=a summary="all green"',
    "BLOCKED task=a waiting-for=b,c #blocked-by-d",
    "ACKNOWLEDGED task=a unblocked-by=b #auto-unblock",
    "HELP-NEEDED task=a expertise=sql,css",
    "CONTEXT component=auth project=x status=done files=a.py,b.py",
    "REQUEST-CONTEXT component=auth",
    "SHARING-CONTEXT the tokens live in the session table",
    "DISCOVER expertise=db",
    "CAPABILITIES expertise=db,go channels=#a,#b active-tasks=1,2 current-task=1 role=em load=1",
    "OFFER task=a title=T brief=B priority=2 scope=backend",
    "CLAIM task=a load=2",
    "ASSIGN task=a to=Ada",
    "ACCEPT task=a",
    'DECLINE task=a reason="no time"',
    "YIELD task=a reason=sick",
    "CHECKPOINT task=a progress=60 summary=half",
    "HANDOFF task=a to=Bob context-id=c-1",
    "REVIEW-REQUEST task=a pr=7 review-type=security",
    "REVIEW-COMPLETE task=a verdict=changes-requested pr=7 details=tests",
    "GATE-CHECK task=a gate=coverage status=passed details=91",
    "VOTE topic=tabs choice=no",
    "ESCALATE task=a to=operator reason=stuck severity=high",
    "COST-REPORT task=a model=m provider=p input-tokens=1 output-tokens=2 cost-usd=0.01",
]


@pytest.mark.parametrize("line", VALID, ids=[line.split()[0] for line in VALID])
def test_each_verb_is_read_with_its_keys(line):
    found = command(line)

    assert found.verb == line.split()[0]
    assert set(found.fields) <= set(VERBS[found.verb].keys)
    assert command(render(found)) == found


def test_there_are_twenty_four_verbs_and_each_was_tried():
    assert len(VERBS) == 24
    assert [line.split()[0] for line in VALID] == list(VERBS)


def test_fields_and_tags_come_in_any_order_and_are_written_sorted():
    found = command("STARTED #u task=a priority=high #f")

    assert found.fields == {"task": "a", "priority": "high"}
    assert found.tags == ("u", "f")
    assert render(found) == "STARTED priority=high task=a #u #f"


# Every row of the reference's table of edge cases, with what is decided here.
@pytest.mark.parametrize(
    "line",
    [
        "",
        " \t ",
        "FOO task=x",
        "COMPLETED",
        "COMPLETED  ",
        "SHARING-CONTEXT",
        "SHARING-CONTEXT  \t",
        "started task=x",
        "Started task=x",
        "STARTEDX task=x",
        "STARTED: task=x",
        "CONTEXT-X component=a",
        "- CLAIM task=1",
        "**CLAIM task=1**",
        "so CLAIM task=1",
        "OFFER foo=bar",
        'ACCEPT "that',
        "ACCEPT # that",
    ],
)
def test_lines_without_a_known_key_are_chat(line):
    assert is_chat(line)


@pytest.mark.parametrize(
    "line",
    [
        "ACCEPT that one please",
        "ACCEPT that",
        "OFFER ends today",
        "VOTE now",
        "COMPLETED everything",
        "BLOCKED again, sorry",
        "CLAIM task-12 is mine",
        "COST-REPORT in general",
        "CONTEXT matters",
        'ESCALATE "politely"',
        "YIELD 12 percent",
    ],
)
def test_prose_that_begins_like_a_verb_is_chat(line):
    assert is_chat(line)


@pytest.mark.parametrize(
    ("line", "fields", "tags"),
    [
        ("  STARTED   task=x \t ", {"task": "x"}, ()),
        ("STARTED task=x a=b#c", {"task": "x", "a": "b#c"}, ()),
        ("STARTED task=x #x=1", {"task": "x"}, ("x=1",)),
        ("STARTED task=x #a #a", {"task": "x"}, ("a", "a")),
        ("STARTED task=x ##a", {"task": "x"}, ("#a",)),
        ('STARTED task=x #"two words"', {"task": "x"}, ("two words",)),
        ('STARTED task=x note=""', {"task": "x", "note": ""}, ()),
        ("STARTED task=x path=C:\\new", {"task": "x", "path": "C:\\new"}, ()),
        ("STARTED task=x unknown=kept", {"task": "x", "unknown": "kept"}, ()),
        ("STARTED task=x k=a=b", {"task": "x", "k": "a=b"}, ()),
        ("CLAIM task=#12", {"task": "12"}, ()),
        ("ASSIGN task=12 to=@Ada", {"task": "12", "to": "Ada"}, ()),
        ("STARTED\ttask=x\r", {"task": "x"}, ()),
    ],
)
def test_edge_cases_that_are_commands(line, fields, tags):
    found = command(line + "\n" if line.endswith("\r") else line)

    assert found.fields == fields
    assert found.tags == tags


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ("COMPLETED task-auth-refactor", {"task": "task-auth-refactor"}),
        ("COMPLETED 12", {"task": "12"}),
        ("CLAIM #12", {"task": "12"}),
        ("CLAIM #12 #urgent", {"task": "12"}),
        ("CLAIM step2 load=1", {"task": "step2", "load": "1"}),
        ("HANDOFF login to=Bob", {"task": "login", "to": "Bob"}),
    ],
)
def test_a_bare_task_right_after_the_verb_is_the_task(line, fields):
    assert command(line).fields == fields


def test_a_number_tag_beside_a_task_is_a_tag():
    assert command("CLAIM #3 task=x").tags == ("3",)


def test_a_bare_task_still_needs_the_other_keys():
    assert [hint.code for hint in parse("ASSIGN login-page").hints] == ["key.missing"]


def test_a_long_line_of_prose_is_chat():
    assert is_chat("ACCEPT that " * 5_000)


def test_escapes_are_read_and_written_back():
    line = r'CHECKPOINT summary="say \"a\\b\"\n\r\tend\u{7}" task=x'

    found = command(line)

    assert found.fields["summary"] == 'say "a\\b"\n\r\tend\x07'
    assert render(found) == line


def test_a_payload_is_taken_word_for_word():
    found = command('SHARING-CONTEXT  a="b  #c \\ "d  ')

    assert found.payload == 'a="b  #c \\ "d'
    assert command(render(found)) == found


@pytest.mark.parametrize(
    ("line", "args"),
    [
        ("!help", ()),
        ("!ans 17 2", ("17", "2")),
        ('!ans 17 "use tabs"', ("17", "use tabs")),
        ("!ans 17 don't 5\" key=v #3", ("17", "don't", '5"', "key=v", "#3")),
        ("  !claim\t12 ", ("12",)),
        ('!say ""', ("",)),
    ],
)
def test_bang_commands_are_cut_into_words(line, args):
    found = command(line)

    assert found.verb == line.split()[0]
    assert found.args == args
    assert command(render(found)) == found


@pytest.mark.parametrize(
    "line",
    ["! help", "!!", "!!help", "!Help", "!1", "!", "wow !help", "![cat](x.png)", "!a_b", "!=x"],
)
def test_exclamations_are_chat(line):
    assert is_chat(line)


def test_render_refuses_what_no_line_means():
    for odd in (
        Command(verb="SHARING-CONTEXT", payload="two\nlines"),
        Command(verb="CLAIM", fields={"task": "x", "Bad Key": "v"}),
        Command(verb="CLAIM", fields={}),
        Command(verb="TASK:", fields={"title": "x", "brief": "a\n\nb"}),
        Command(verb="CHECKPOINT", fields={"task": "x", "summary": '"' * 2_000 + "x" * 200}),
        Command(verb="NOTHING"),
    ):
        with pytest.raises(Invalid) as caught:
            render(odd)
        assert caught.value.code == "command.unwritable"


@pytest.mark.parametrize("line", VALID)
def test_every_verb_is_described_in_words(line):
    words = describe(command(line))

    assert words[0].islower()
    assert "?" not in words
    assert "{" not in words


def test_descriptions_name_the_values():
    assert describe(command("CLAIM #12")) == "claims task 12"
    assert describe(command("ASSIGN task=12 to=Ada")) == "assigns task 12 to Ada"
    assert describe(command("TASK: @Ada Fix it")) == "opens a task for Ada: Fix it"
    assert describe(command("TASK? Fix it")) == "asks what task would open: Fix it"
    assert describe(command("!ans 17 2")) == "types !ans 17 2"


def test_where_a_command_stood_does_not_make_it_another():
    found = command("CLAIM task=1")

    assert replace(found, line=9, raw="elsewhere") == found
    assert (found.line, found.raw) == (1, "CLAIM task=1")
