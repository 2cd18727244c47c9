"""The one view that writes: forms in, actions done, refusals in words."""

import pytest
from django.http import QueryDict
from django.test import Client

from hub import registry
from hub.actor import Actor
from hub.models import Message, Project, Task, Token
from hub.web import forms
from tests.cast import act
from tests.hub.browsers import browser, browser_of, hazel

__all__ = ["browser", "hazel"]

POST = "/p/moon/do/message.post/"
HTMX = {"HX-Request": "true"}


def test_a_plain_form_acts_and_goes_on(browser: Client, ada: Actor) -> None:
    answer = browser.post(POST, {"channel": "1", "text": "hello", "next": "/p/moon/c/1/"})

    assert (answer.status_code, answer["Location"]) == (303, "/p/moon/c/1/")
    assert Message.objects.get(author_id=ada.member_id).text == "hello"


def test_an_htmx_form_acts_and_waits_for_the_socket(browser: Client) -> None:
    answer = browser.post(POST, {"channel": "1", "text": "hello"}, headers=HTMX)

    assert (answer.status_code, answer.content) == (204, b"")


def test_an_htmx_refusal_is_a_fragment_with_its_place(browser: Client) -> None:
    answer = browser.post("/p/moon/do/task.claim/", {"task": "9"}, headers=HTMX)

    assert answer.status_code == 404
    assert answer["HX-Retarget"] == "#refusals"
    assert answer["HX-Reswap"] == "beforeend"
    assert 'role="alert"' in answer.content.decode()
    assert "There is no task 9 here." in answer.content.decode()


def test_a_plain_refusal_keeps_what_was_typed(browser: Client) -> None:
    sent = {"title": "Fly <b>high</b>", "to": "Nobody", "waits_for": "7\r\n8", "next": "/p/moon/"}

    answer = browser.post("/p/moon/do/task.open/", sent)
    page = answer.content.decode()

    assert answer.status_code == 404
    assert "Nobody here is called Nobody." in page
    assert 'value="Fly &lt;b&gt;high&lt;/b&gt;"' in page
    assert "7\n8</textarea>" in page
    assert '<input type="hidden" name="next" value="/p/moon/">' in page
    assert not Task.objects.exists()


@pytest.mark.parametrize(
    ("role", "status"), [("joan", 403), ("eve", 404)], ids=["no right", "another project"]
)
def test_who_may_not_is_refused(role: str, status: int, request: pytest.FixtureRequest) -> None:
    client = browser_of(request.getfixturevalue(role))
    request.getfixturevalue("ada")

    answer = client.post("/p/moon/do/task.open/", {"title": "Mine"}, headers=HTMX)

    assert answer.status_code == status
    assert not Task.objects.exists()


def test_the_same_key_posts_once(browser: Client) -> None:
    sent = {"channel": "1", "text": "once", "key": "abc"}

    answers = [browser.post(POST, sent, headers=HTMX).status_code for _ in range(2)]

    assert answers == [204, 204]
    assert Message.objects.filter(text="once").count() == 1


def test_the_same_key_with_another_text_is_refused(browser: Client) -> None:
    browser.post(POST, {"channel": "1", "text": "one", "key": "abc"}, headers=HTMX)

    answer = browser.post(POST, {"channel": "1", "text": "two", "key": "abc"}, headers=HTMX)

    assert answer.status_code == 422
    assert Message.objects.filter(text="two").count() == 0


@pytest.mark.parametrize(
    "after", ["https://elsewhere.example/", "//elsewhere.example/", "javascript:alert(1)"]
)
def test_nobody_is_sent_elsewhere(browser: Client, after: str) -> None:
    answer = browser.post(POST, {"channel": "1", "text": "hello", "next": after})

    assert answer.status_code == 200
    assert "elsewhere" not in answer.get("Location", "")


def test_without_a_next_the_answer_is_shown(browser: Client) -> None:
    answer = browser.post("/p/moon/do/token.create/", {"label": "laptop"})

    assert answer.status_code == 200
    assert "prl_" in answer.content.decode()
    assert Token.objects.filter(label="laptop").exists()


def test_an_unknown_action_is_refused(browser: Client) -> None:
    assert browser.post("/p/moon/do/moon.eat/", {}).status_code == 404


def test_an_unknown_field_is_refused_by_name(browser: Client) -> None:
    answer = browser.post(POST, {"channel": "1", "text": "x", "author": "bob"}, headers=HTMX)

    assert answer.status_code == 422
    assert "author" in answer.content.decode()


def test_a_form_without_its_token_is_refused(ada: Actor) -> None:
    client = Client(enforce_csrf_checks=True)
    client.cookies.update(browser_of(ada).cookies)

    answer = client.post(POST, {"channel": "1", "text": "forged"})

    assert answer.status_code == 403
    assert not Message.objects.filter(text="forged").exists()


def test_every_action_has_a_form(browser: Client) -> None:
    for name in registry.ACTIONS:
        answer = browser.get(f"/p/moon/do/{name}/")

        assert answer.status_code == 200, name
        assert f'action="/p/moon/do/{name}/"' in answer.content.decode()


def test_a_form_shows_each_kind_of_input(browser: Client) -> None:
    page = browser.get("/p/moon/do/member.invite/?username=zoe").content.decode()

    assert 'name="username" value="zoe" required' in page
    assert "<option selected>person</option>" in page


def test_reading_an_action_writes_nothing(browser: Client) -> None:
    browser.get("/p/moon/do/message.post/?channel=1&text=hello&next=/p/moon/")

    assert not Message.objects.exists()


def test_the_house_makes_a_project(hazel: Client) -> None:
    answer = hazel.post("/p/house/do/project.create/", {"name": "Venus", "next": "/"})

    assert answer.status_code == 303
    assert Project.objects.filter(slug="venus").exists()
    assert hazel.get("/p/venus/").status_code == 200


def payload(name: str, text: str) -> dict[str, object]:
    return forms.payload(registry.find(name), QueryDict(text))


def test_lists_are_read_by_line_and_by_field() -> None:
    assert payload("task.open", "waits_for=1%0D%0A%0D%0A2&waits_for=3") == {
        "waits_for": ["1", "2", "3"]
    }


def test_empty_optional_fields_are_left_out_and_empty_required_ones_stay() -> None:
    assert payload("message.post", "text=&reply_to=&channel=1") == {"text": "", "channel": "1"}


def test_rows_of_fields_become_a_list_and_half_empty_ones_are_left_out() -> None:
    sent = "pull=1&notes.3.path=a&notes.3.line=2&notes.3.text=b&notes.7.path=c&notes.7.text=+"

    assert payload("pull.review", sent) == {
        "pull": "1",
        "notes": [{"path": "a", "line": "2", "text": "b"}],
    }


def test_a_reading_action_shows_its_answer(browser: Client, ada: Actor) -> None:
    act(ada, "task.open", title="Build a rocket")

    answer = browser.post("/p/moon/do/task.list/", {"finished": "true", "limit": "5"})

    assert answer.status_code == 200
    assert "Build a rocket" in answer.content.decode()
