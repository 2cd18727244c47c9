"""The generated pages of docs/ say what the code does."""

import re
from pathlib import Path

import pytest
from django.conf import settings

from hub.management.documents import machines, pages
from hub.management.refusals import CLASSES, refusals
from hub.registry import ACTIONS

DOCS = Path(settings.BASE_DIR, "docs")


@pytest.mark.parametrize("name", ["actions.md", "errors.md", "states.md", "settings.md"])
def test_a_generated_page_is_what_write_docs_writes(name):
    assert (DOCS / name).read_text() == pages()[name], "run manage.py write_docs"


def test_every_action_has_a_chapter():
    assert re.findall(r"^### (.+)$", pages()["actions.md"], re.MULTILINE) == sorted(ACTIONS)


def test_every_class_of_refusal_is_in_use_or_a_base():
    used = {one.kind for one in refusals(machines())}

    assert set(CLASSES) - used <= {"HubError", "OverBudget", "RateLimited"}


def test_one_code_has_one_status():
    statuses: dict[str, set[int]] = {}
    for one in refusals(machines()):
        statuses.setdefault(one.code, set()).add(one.status)

    assert {code: found for code, found in statuses.items() if len(found) > 1} == {}


def test_codes_are_dotted_and_sentences_are_sentences():
    for one in refusals(machines()):
        assert re.fullmatch(r"[a-z_]+(\.[a-z_]+)*", one.code), one
        assert one.sentence == "" or one.sentence[-1] in ".}!", one


def test_refusals_are_found_wherever_they_are_written():
    found = {one.code for one in refusals(machines())}

    known = {"key.reused", "message.not_yours", "house.only", "task.claimed", "body.too_large"}
    assert known <= found
