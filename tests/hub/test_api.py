"""The HTTP API: who calls, what comes back, and how a refusal looks."""

import json

import pytest
from django.contrib.staticfiles import finders
from django.db import OperationalError
from django.test import Client

from hub import registry
from hub.errors import RateLimited, Unavailable
from hub.models import Message, Task, Token, User
from hub.registry import ACTIONS
from tests.cast import act, log_end, logged


@pytest.fixture
def secret(ada):
    return act(ada, "token.create", label="test")["secret"]


@pytest.fixture
def call(client, secret):
    """POST an action with a JSON body, as Ada's token."""

    def post(name, body=None, *, token=secret, **headers):
        raw = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
        return client.post(
            f"/api/actions/{name}",
            raw,
            content_type="application/json",
            headers={"Authorization": f"Bearer {token}"} | headers,
        )

    return post


def refusal(answer, status, code):
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    told = answer.json()
    assert set(told) == {"type", "title", "status", "code", "detail", "facts"}
    assert (told["status"], told["code"]) == (status, code)
    assert told["type"] == f"urn:parley:error:{code}"
    return told


# -- Answers --------------------------------------------------------------------------------------
def test_a_write_is_done_and_answered_as_the_registry_answers(call, ada):
    before = log_end(ada)

    answer = call("task.open", {"title": "Land"})

    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
    assert answer.json()["name"] == "land"
    assert logged(ada, before) == ["task.opened"]
    assert Task.objects.get().opened_by_id == ada.member_id


def test_a_read_is_answered_by_post_and_by_get_alike(call, client, secret):
    for title in ("Land", "Walk"):
        call("task.open", {"title": title})

    posted = call("task.list", {"limit": 1})
    got = client.get(
        "/api/actions/task.list?limit=1&finished=true",
        headers={"Authorization": f"Bearer {secret}"},
    )

    assert posted.json() == got.json()
    assert [row["name"] for row in got.json()] == ["land"]


@pytest.mark.parametrize("call", ["task.open?title=Land", "presence.set?state=here"])
def test_what_changes_something_is_not_done_by_get(client, secret, call):
    answer = client.get(f"/api/actions/{call}", headers={"Authorization": f"Bearer {secret}"})

    assert answer.status_code == 405
    assert not Task.objects.exists()


def test_no_body_is_an_empty_one(call):
    assert call("task.list", b"").json() == []


def test_the_same_idempotency_key_does_nothing_twice(call):
    first = call("task.open", {"title": "Land"}, **{"Idempotency-Key": "k1"})

    again = call("task.open", {"title": "Land"}, **{"Idempotency-Key": "k1"})

    assert again.json() == first.json()
    assert Task.objects.count() == 1


def test_the_same_key_with_another_body_is_refused(call):
    call("task.open", {"title": "Land"}, **{"Idempotency-Key": "k1"})

    answer = call("task.open", {"title": "Walk"}, **{"Idempotency-Key": "k1"})

    told = refusal(answer, 422, "key.reused")

    assert told["title"] == "Key reused"
    assert told["facts"] == {"action": "task.open"}


# -- Who calls ------------------------------------------------------------------------------------
@pytest.mark.parametrize("given", [{}, {"Authorization": "Basic YWRhOng="}, {"Authorization": ""}])
def test_without_a_token_nobody_is_known(client, secret, given):
    answer = client.post("/api/actions/task.list", headers=given)

    refusal(answer, 401, "token.missing")
    assert answer["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("token", ["prl_guessed", "", "x" * 5_000, "prl_ü"])
def test_a_wrong_token_is_refused(call, token):
    refusal(call("task.list", token=token), 403, "token.invalid")


def test_a_revoked_token_is_refused(call, ada):
    act(ada, "token.revoke", token=Token.objects.get().pk)

    refusal(call("task.list"), 403, "token.invalid")


def test_a_cookie_opens_nothing_here(ada, secret):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(User.objects.get(username="ada"))

    refusal(browser.post("/api/actions/task.list"), 401, "token.missing")


def test_a_bearer_needs_no_csrf_token(ada, secret):
    program = Client(enforce_csrf_checks=True)

    answer = program.post(
        "/api/actions/task.list",
        content_type="application/json",
        headers={"Authorization": f"Bearer {secret}"},
    )

    assert answer.status_code == 200


def test_the_scopes_of_a_token_bind(call, ada):
    narrow = act(ada, "token.create", label="bot", scopes=["read"])["secret"]

    told = refusal(call("task.open", {"title": "Land"}, token=narrow), 403, "capability.missing")

    assert told["facts"] == {"needs": "plan"}


# -- Refusals -------------------------------------------------------------------------------------
def test_an_unknown_action_is_not_found(call):
    refusal(call("task.levitate"), 404, "action.unknown")


def test_a_missing_row_is_not_found(call):
    told = refusal(call("task.claim", {"task": 7}), 404, "task.unknown")

    assert told["detail"] == "There is no task 7 here."


def test_wrong_arguments_are_named(call):
    told = refusal(call("task.open", {"title": "x" * 161}), 422, "arguments.invalid")

    assert told["facts"]["problems"][0]["field"] == "title"


def test_a_wrong_state_is_a_conflict_with_its_facts(call):
    call("task.open", {"title": "Land"})
    call("task.drop", {"task": 1})

    told = refusal(call("task.drop", {"task": 1}), 409, "task.dropped")

    assert told["facts"] == {"state": "dropped", "wanted": "dropped"}


@pytest.mark.parametrize(
    ("error", "status", "code", "after"),
    [
        (Unavailable("busy", code="project.busy"), 503, "project.busy", "1"),
        (RateLimited("slow down", retry_after_s=2.5), 429, "rate_limited", "3"),
        (OperationalError("gone"), 503, "database.unavailable", "1"),
    ],
)
def test_what_passes_says_when_to_come_back(call, monkeypatch, error, status, code, after):
    def fail(*_):
        raise error

    monkeypatch.setattr(registry, "call", fail)

    answer = call("task.list")

    refusal(answer, status, code)
    assert answer["Retry-After"] == after


# -- Hostile bodies -------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b'{"text": "' + b"x" * 1024 * 1024 + b'"}', 413, "body.too_large"),
        (b"[" * 500_000, 422, "body.not_json"),
        (b"\xff\xfe", 422, "body.not_json"),
        (b'{"title": NaN}', 422, "body.not_json"),
        (b'{"title": "\\ud83d"}', 422, "body.not_json"),
        (b'{"title": "a\\u0000b"}', 422, "text.control"),
        (b'{"title": "a\\u001bb"}', 422, "text.control"),
        (b'["title"]', 422, "body.not_object"),
        (b'{"title": {"a": 1}}', 422, "arguments.invalid"),
        (b'{"title": ' + b"9" * 5_000 + b"}", 422, "body.not_json"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_a_hostile_body_is_refused_and_changes_nothing(call, ada, body, status, code):
    before = log_end(ada)

    refusal(call("task.open", body), status, code)

    assert logged(ada, before) == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("x" * 1_000_000, "message.too_long"),
        ("<b>" * 21_000, ""),
        ("> " * 30_000, "message.too_deep"),
        ("**" * 32_000, ""),
        ("[" * 60_000, ""),
        ("[moon](javascript:alert(1))", ""),
        ("<img src=x onerror=alert(1)><script>alert(1)</script>", ""),
        ("a\u202eb", ""),
    ],
    ids=lambda value: str(value)[:16],
)
def test_a_hostile_message_is_refused_or_made_harmless(call, ada, text, code):
    answer = call("message.post", {"channel": "lobby", "text": text})

    if code:
        refusal(answer, 422, code)
        return
    html = Message.objects.get(seq=answer.json()["number"]).html
    for poison in ("<script", "<img", "<b>", 'href="javascript', "\u202e"):
        assert poison not in html


# -- Description ----------------------------------------------------------------------------------
@pytest.fixture
def described(client, db):
    return client.get("/api/openapi.json").json()


def test_every_action_is_one_operation(described):
    assert described["openapi"].startswith("3.1")
    paths = {path.removeprefix("/api/actions/"): ways for path, ways in described["paths"].items()}
    assert set(paths) == set(ACTIONS)
    for name, ways in paths.items():
        is_read = not (ACTIONS[name].writes or ACTIONS[name].marks)
        assert set(ways) == ({"get", "post"} if is_read else {"post"})
        assert ways["post"]["operationId"] == name
        assert ways["post"]["summary"] == ACTIONS[name].summary != ""


def test_operations_say_what_they_take_and_give(described):
    way = described["paths"]["/api/actions/task.claim"]["post"]
    schemas = described["components"]["schemas"]

    taken = way["requestBody"]["content"]["application/json"]["schema"]
    given = way["responses"]["200"]["content"]["application/json"]["schema"]
    refused = way["responses"]["default"]["content"]["application/problem+json"]["schema"]

    assert taken == {"$ref": "#/components/schemas/TaskClaimIn"}
    assert given == {"$ref": "#/components/schemas/TaskOut"}
    assert refused == {"$ref": "#/components/schemas/Problem"}
    assert schemas["TaskClaimIn"]["required"] == ["task"]
    assert [one["name"] for one in way["parameters"]] == ["Idempotency-Key"]
    assert way["security"] == [{"Bearer": []}]


def test_every_reference_leads_somewhere(described):
    text = json.dumps(described)
    named = {piece.partition('"')[0] for piece in text.split("#/components/schemas/")[1:]}

    assert named <= set(described["components"]["schemas"])
    assert "$defs" not in text


def test_the_docs_page_loads_nothing_from_elsewhere(client, db):
    answer = client.get("/api/docs")
    page = answer.content.decode()

    assert "//" not in page
    assert "unsafe-inline" in answer["Content-Security-Policy"]
    assert "script-src 'self'" in answer["Content-Security-Policy"]
    for part in ("swagger-ui.css", "swagger-ui-bundle.js", "swagger-ui-init.js"):
        assert f"/static/ninja/{part}" in page
        assert finders.find(f"ninja/{part}")
