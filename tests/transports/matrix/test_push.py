"""What a homeserver pushes, and the registration by which it knows us."""

import json
import re
from typing import Any

import pytest
import yaml

from transports.matrix import push
from transports.matrix.names import Names
from transports.matrix.registration import registration, registration_yaml

from .helping import AS_TOKEN, HS_TOKEN, NAMES, Kept, account
from .test_events import event

TRANSACTION = "_matrix/app/v1/transactions/1"


async def ask(
    sink: Kept,
    body: object = None,
    *,
    method: str = "PUT",
    path: str = TRANSACTION,
    authorization: str = f"Bearer {HS_TOKEN}",
    rooms: dict[str, str] | None = None,
) -> push.Reply:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = push.Request(method=method, path=path, authorization=authorization, body=raw)
    return await push.answer(request, account(), sink, rooms)


def events(*found: dict[str, Any]) -> dict[str, Any]:
    return {"events": list(found)}


async def test_events_are_stored_before_the_answer() -> None:
    sink = Kept()

    reply = await ask(sink, events(event(), event(event_id="$f")), rooms={"!r:localhost": "#r:x"})

    assert reply.status == 200
    assert [(one.remote_id, one.room) for one in sink.events] == [("$e", "#r:x"), ("$f", "#r:x")]
    assert sink.cursors == [None]


async def test_a_sink_that_fails_is_no_success() -> None:
    sink = Kept()
    sink.fails = 1

    with pytest.raises(ConnectionError):
        await ask(sink, events(event()))
    reply = await ask(sink, events(event()))

    assert reply.status == 200
    assert [one.remote_id for one in sink.events] == ["$e"]


async def test_the_same_number_with_other_events_is_read() -> None:
    sink = Kept()
    for name in ("$1", "$2", "$2"):
        await ask(sink, events(event(event_id=name)))

    assert [one.remote_id for one in sink.events] == ["$1", "$2"]


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        ("", 401),
        ("Bearer ", 403),
        ("Bearer wrong", 403),
        (HS_TOKEN, 403),
        (f"Bearer {HS_TOKEN}x", 403),
        (f"Bearer {AS_TOKEN}", 403),
        ("Bearer \ud800é", 403),
    ],
)
async def test_only_the_homeserver_may_push(authorization: str, status: int) -> None:
    sink = Kept()

    reply = await ask(sink, events(event()), authorization=authorization)

    assert reply.status == status
    assert sink.events == []


async def test_an_account_without_a_token_takes_nothing() -> None:
    empty = account()
    empty.secrets["hs_token"] = ""  # type: ignore[index]
    request = push.Request(method="PUT", path=TRANSACTION, authorization="Bearer ", body=b"{}")

    assert (await push.answer(request, empty, Kept())).status == 403


@pytest.mark.parametrize(
    "body",
    [b"", b"x", b"[]", b"{}", b'{"events": 7}', b"[" * 200_000, b" " * (2**24 + 1)],
    ids=["empty", "no JSON", "list", "no events", "number", "deep", "long"],
)
async def test_what_is_no_transaction_is_refused(body: bytes) -> None:
    assert (await ask(Kept(), body)).status == 400


async def test_one_bad_event_does_not_stop_the_others() -> None:
    sink = Kept()

    reply = await ask(sink, events({"x": 1}, event(sender=7), event()))

    assert reply.status == 200
    assert [one.remote_id for one in sink.events] == ["$e"]


async def test_encryption_is_noted_as_a_gap() -> None:
    sink = Kept()

    await ask(sink, events(event({}, type="m.room.encryption", state_key="")))

    assert [room for room, _ in sink.gaps] == ["!r:localhost"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "_matrix/app/v1/ping", 200),
        ("POST", "/_matrix/app/v1/ping", 200),
        ("GET", "_matrix/app/v1/users/%40parley_ada%3Alocalhost", 200),
        ("GET", "_matrix/app/v1/users/%40bob%3Alocalhost", 404),
        ("GET", "_matrix/app/v1/rooms/%23x%3Alocalhost", 404),
        ("GET", TRANSACTION, 404),
        ("PUT", "_matrix/app/v1/transactions/1/2", 404),
        ("GET", "elsewhere", 404),
    ],
)
async def test_other_questions_are_answered(method: str, path: str, status: int) -> None:
    assert (await ask(Kept(), {}, method=method, path=path)).status == status


def test_no_secret_is_shown() -> None:
    request = push.Request(method="PUT", path=TRANSACTION, authorization=f"Bearer {HS_TOKEN}")

    assert HS_TOKEN not in repr(request)
    assert HS_TOKEN not in repr(account())


def test_the_registration_takes_our_names_and_no_others() -> None:
    made = yaml.safe_load(registration_yaml(account(prefix="p.arley_"), "http://127.0.0.1/m/"))

    assert made == registration(account(prefix="p.arley_"), "http://127.0.0.1/m")
    assert (made["id"], made["url"], made["rate_limited"]) == (
        "parley",
        "http://127.0.0.1/m",
        False,
    )
    assert (made["as_token"], made["hs_token"]) == (AS_TOKEN, HS_TOKEN)
    assert made["sender_localpart"] == "parley"
    patterns = [one["regex"] for one in made["namespaces"]["users"]]

    def is_ours(user: str) -> bool:
        return any(re.match(pattern, user) for pattern in patterns)

    assert is_ours("@p.arley_ada:localhost")
    assert is_ours("@parley:localhost")
    assert not is_ours("@pxarley_ada:localhost")
    assert not is_ours("@p.arley_ada:localhost.evil")
    assert not is_ours("@parley2:localhost")


@pytest.mark.parametrize(
    ("name", "user"),
    [
        ("ada", "@parley_ada:localhost"),
        ("Ada-2_x", "@parley_ada-2_x:localhost"),
        ("Émile", "@parley_=c3=a9mile:localhost"),
        ("a=b c", "@parley_a=3db=20c:localhost"),
    ],
)
def test_a_name_becomes_a_puppet_and_is_known_again(name: str, user: str) -> None:
    assert NAMES.puppet(name) == user
    assert NAMES.member(user) == name.lower()


def test_a_bot_has_no_puppets() -> None:
    bot = Names(server_name="localhost", user="@robot:localhost", prefix="")

    assert bot.puppet("ada") == "@robot:localhost"
    assert bot.is_ours("@robot:localhost")
    assert not bot.is_ours("@bob:localhost")
