"""The page for users says what the code does."""

import re
from pathlib import Path

import pytest

from hub.protocol import SENTENCES, hint_table, parse, verb_table

PAGE = Path(__file__).parents[2] / "docs" / "protocol.md"


@pytest.mark.parametrize(("name", "table"), [("verbs", verb_table), ("hints", hint_table)])
def test_the_tables_of_the_page_are_those_of_the_code(name, table):
    found = re.search(rf"<!-- {name} -->\n(.*)<!-- /{name} -->", PAGE.read_text(), re.DOTALL)

    assert found
    assert found[1] == table()


def test_every_code_stands_in_the_table():
    assert hint_table().count("\n") == len(SENTENCES) + 2


def test_the_examples_of_the_page_are_read_as_it_says():
    first, assignment = re.findall(r"```\n(.*?)```", PAGE.read_text(), re.DOTALL)[:2]

    verbs = [command.verb for command in parse(first).commands]
    (task,) = parse(assignment).commands

    assert verbs == ["TASK:", "!ans", "CLAIM"]
    assert task.fields["to"] == "Ramona"
    assert task.fields["brief"].count("\n") == 1
