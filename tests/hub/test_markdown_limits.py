"""Markdown's limits on cells and marks, secrets, and what counts as a mention."""

import time

import pytest
from pydantic import BaseModel

from hub.errors import Invalid
from hub.markdown import RichText, mentions, render
from hub.markdown.parser import MAX_CELLS, MAX_MARKS


def test_rich_text_masks_secrets_in_text_and_html():
    text = RichText.of("key sk-ant-api03-AbC123def456ghi789 end")

    assert text.text == "key [masked] end"
    assert text.html == "<p>key [masked] end</p>\n"


@pytest.mark.parametrize("digits", [40, 64])
def test_rich_text_keeps_the_hash_of_a_commit(digits):
    assert RichText.of("commit " + "a1" * (digits // 2)).text == "commit " + "a1" * (digits // 2)


@pytest.mark.parametrize("text", ["\u200b", "\u202e \u2066", "\u00a0\n\u3000", "\ufeff"])
def test_a_text_that_shows_nothing_is_empty(text):
    with pytest.raises(Invalid) as caught:
        RichText.of(text)

    assert caught.value.code == "message.empty"


def table(columns, rows):
    return "a|" * columns + "\n" + "-|" * columns + "\n" + "x\n" * rows


@pytest.mark.parametrize(("columns", "rows"), [(800, 30_000), (1_000, 5), (2, 2_500)])
def test_a_table_with_more_cells_than_a_page_shows_is_refused(columns, rows):
    started = time.thread_time()

    with pytest.raises(Invalid) as caught:
        render(table(columns, rows))

    assert caught.value.code == "message.too_many_cells"
    assert caught.value.detail == {"limit": MAX_CELLS}
    assert time.thread_time() - started < 3


def test_a_table_with_as_many_cells_as_the_limit_is_shown():
    html = render(table(2, MAX_CELLS // 2 - 1))

    assert html.count("<td>") + html.count("<th>") == MAX_CELLS


def test_only_the_first_marks_of_a_text_count():
    text = " ".join(f"@a{number}" for number in range(MAX_MARKS + 50))

    assert len(mentions(text)) == MAX_MARKS
    assert render(text).count('class="mention"') == MAX_MARKS
    assert f"@a{MAX_MARKS}" in render(text)


def test_names_are_listed_in_order_each_once_outside_code_and_links():
    text = "@Jules, `@Code` [@Link](https://a.example) @Ramona @Jules\n\n```\n@Fence\n```"

    assert mentions(text) == ("Jules", "Ramona")


@pytest.mark.parametrize("text", [r"\@Ramona \#12", "&#64;Ramona &#35;12"])
def test_an_escaped_mark_stays_text(text):
    assert render(text) == "<p>@Ramona #12</p>\n"


@pytest.mark.parametrize("text", ["@Zoë", "é@Bob", "#12é"])
def test_a_letter_of_another_script_is_part_of_the_word(text):
    assert render(text) == f"<p>{text}</p>\n"


def test_a_name_with_underscores_is_one_mention():
    assert mentions("@snake_case_name and *@Bob*") == ("snake_case_name", "Bob")


def test_a_refusal_leaves_a_payload_as_it_is():
    class Payload(BaseModel):
        text: RichText

    with pytest.raises(Invalid) as caught:
        Payload.model_validate_json('{"text": " "}')

    assert caught.value.code == "message.empty"
