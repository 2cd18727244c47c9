"""The transport as an application service, with a homeserver that fails when it is told to."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from transports.base import KINDS, Idem, Landed, Missing, Rejected, Retry, Sent, Speaker, Unknown
from transports.kinds import FORMS
from transports.matrix import adapter

from .fake import OWN, Fake
from .helping import Running, account, op, quoted

ADA = "@parley_ada:localhost"


async def test_a_puppet_is_registered_named_and_joined_once(fake: Fake) -> None:
    async with Running(account(fake.url)) as running:
        await running.up()
        results = [(await running.say(op(f"number {n}")))[0] for n in range(3)]

    assert all(isinstance(result, Sent) for result in results)
    assert fake.users == {OWN: "Parley", ADA: "Ada"}
    assert fake.devices == {f"{OWN} PARLEY", f"{ADA} PARLEY"}
    assert fake.rooms["!r:localhost"].members == {OWN: "join", ADA: "join"}
    assert fake.calls["register"] == fake.calls["join"] == 2
    assert [one["sender"] for one in fake.events] == [ADA] * 3
    assert running.sink.states == [("connecting", ""), ("connected", "")]


async def test_a_new_process_makes_nothing_anew(fake: Fake) -> None:
    for _ in range(2):
        async with Running(account(fake.url)) as running:
            await running.up()
            await running.say(op())

    assert fake.calls["register"] == fake.calls["login"] == fake.calls["join"] == 2


async def test_the_same_op_of_two_speakers_is_two_messages(fake: Fake) -> None:
    ada, bea = (op("same", speaker=Speaker(name=name, is_bot=True)) for name in ("ada", "bea"))
    async with Running(account(fake.url)) as running:
        await running.up()

        await running.say(ada)
        await running.say(bea)

    assert [one["sender"] for one in fake.events] == [ADA, "@parley_bea:localhost"]
    ids = [txn for _, _, txn in fake.transactions]
    assert ids == [f"{ada.id}.0", f"{bea.id}.0"]


@pytest.mark.parametrize(
    ("faults", "result"),
    [
        (["500 before"], Unknown("the homeserver answered 500 M_UNKNOWN")),
        (["500 after"], Unknown("the homeserver answered 502 M_UNKNOWN")),
        # aiohttp itself repeats a PUT once, when a connection that it kept was closed
        (["reset after"] * 2, Unknown("ServerDisconnectedError")),
    ],
)
async def test_an_unknown_sending_is_probed_and_is_there_once(
    fake: Fake, faults: list[str], result: Unknown
) -> None:
    one = op("once")
    async with Running(account(fake.url)) as running:
        await running.up()
        await running.say(op("first"))
        fake.faults.extend(faults)

        (unknown,) = await running.say(one)
        found = await running.matrix.probe(one, running.part(one))

    assert unknown == result
    assert found == Landed("$e1")
    assert fake.bodies() == ["first", "once"]


async def test_a_probe_asks_a_homeserver_in_trouble_more_and_more_rarely(fake: Fake) -> None:
    one = op("once")
    async with Running(account(fake.url)) as running:
        await running.up()
        fake.faults.extend(["500 after", "500 before", "500 before", "500 before"])
        await running.say(one)

        found = await running.matrix.probe(one, running.part(one))

    assert found == Landed("$e0")
    assert fake.bodies() == ["once"]
    assert len(running.wait.slept) == 3
    assert running.wait.slept == sorted(running.wait.slept)


async def test_a_probe_without_an_answer_says_absent_since_again_is_safe(fake: Fake) -> None:
    one = op("once")
    async with Running(account(fake.url)) as running:
        await running.up()
        fake.faults.extend(["500 after", *["500 before"] * 9])
        await running.say(one)

        assert await running.matrix.probe(one, running.part(one)) is Missing.ABSENT
        (again,) = await running.say(one)

    assert again == Sent("$e0")
    assert fake.bodies() == ["once"]


async def test_after_a_day_the_room_is_read_instead_of_asking_again(fake: Fake) -> None:
    old = datetime.now(UTC) - timedelta(hours=30)
    there, gone = op("there", said_at=old), op("gone", said_at=old)
    async with Running(account(fake.url)) as running:
        await running.up()
        await running.say(there)
        for number in range(120):
            fake.say(f"number {number}")
        fake.transactions.clear()

        found = await running.matrix.probe(there, running.part(there))
        missing = await running.matrix.probe(gone, running.part(gone))

    assert found == Landed("$e0")
    assert missing is Missing.ABSENT
    assert fake.calls["send"] == 1


async def test_nothing_goes_into_an_encrypted_room_nor_by_a_probe(fake: Fake) -> None:
    one = op("secret")
    async with Running(account(fake.url)) as running:
        await running.up()
        await running.say(op("open"))
        fake.faults.append("500 before")
        await running.say(one)
        fake.encrypt()

        (result,) = await running.say(op("another"))
        probed = await running.matrix.probe(one, running.part(one))

    assert isinstance(result, Rejected)
    assert (result.code, result.scope) == ("parley.encrypted", "channel")
    assert probed is Missing.ABSENT
    assert fake.bodies() == ["open"]


async def test_what_landed_before_the_room_was_encrypted_is_found_by_reading(fake: Fake) -> None:
    one = op("landed")
    async with Running(account(fake.url)) as running:
        await running.up()
        fake.faults.append("500 after")
        await running.say(one)
        fake.encrypt()

        assert await running.matrix.probe(one, running.part(one)) == Landed("$e0")


async def test_a_room_encrypted_between_a_sending_and_its_probe_gets_no_text(fake: Fake) -> None:
    one = op("secret")
    async with Running(account(fake.url)) as running:
        await running.up()
        fake.faults.append("500 before")
        await running.say(one)
        fake.encrypt()

        probed = await running.matrix.probe(one, running.part(one))

    assert probed is Missing.ABSENT
    assert fake.bodies() == []


async def test_a_limit_says_when_to_come_back(fake: Fake) -> None:
    fake.slot_s = 30.0
    async with Running(account(fake.url)) as running:
        await running.up()
        await running.say(op())

        (result,) = await running.say(op())

    assert isinstance(result, Retry)
    assert 29.0 < result.after_s <= 30.1


async def test_edits_reactions_and_deletions_are_by_the_speakers_puppet(fake: Fake) -> None:
    bob = fake.say("shall we?")
    async with Running(account(fake.url)) as running:
        await running.up()
        (posted,) = await running.say(op("first"))
        assert isinstance(posted, Sent)
        mine = quoted(posted.remote_id)
        await running.say(op("second", kind="edit", target=mine))
        facts = {"target": quoted(bob), "emoji": "👍"}
        assert isinstance((await running.say(op("", kind="react", **facts)))[0], Sent)
        assert await running.say(op("", kind="react", **facts)) == [Sent("")]
        assert isinstance((await running.say(op("", kind="unreact", **facts)))[0], Sent)
        assert await running.say(op("", kind="unreact", **facts)) == [Sent("")]
        assert isinstance((await running.say(op("", kind="delete", target=mine)))[0], Sent)
        gone = quoted("$nowhere")
        assert await running.say(op("", kind="delete", target=gone)) == [Sent("")]
        (refused,) = await running.say(op("", kind="delete", target=quoted(bob)))

    assert refused == Rejected("M_FORBIDDEN", "it may not delete this", "op")
    kinds = [one["type"] for one in fake.events[1:]]
    message, redaction = "m.room.message", "m.room.redaction"
    assert kinds == [message, message, "m.reaction", redaction, redaction]
    assert {one["sender"] for one in fake.events[1:]} == {ADA}
    assert fake.events[1]["content"] == {}


async def test_an_alias_is_resolved_and_a_room_can_be_bound_later(fake: Fake) -> None:
    fake.rooms["!later:localhost"] = fake.rooms["!r:localhost"]
    async with Running(account(fake.url, rooms=("#moon:localhost", "#none:localhost"))) as running:
        await running.up()
        assert isinstance((await running.say(op(room="#moon:localhost")))[0], Sent)
        (missing,) = await running.say(op(room="#none:localhost"))
        await running.matrix.join("!later:localhost")
        await running.matrix.join("!later:localhost")
        assert isinstance((await running.say(op(room="!later:localhost")))[0], Sent)

    assert isinstance(missing, Rejected)
    assert missing.scope == "channel"


@pytest.mark.parametrize(
    ("config", "secrets"),
    [
        ({"mode": "other"}, {}),
        ({"homeserver": "matrix.org"}, {}),
        ({"server_name": ""}, {}),
        ({}, {"as_token": ""}),
        ({}, {"hs_token": ""}),
        ({"mode": "bot"}, {"access_token": ""}),
    ],
)
def test_settings_that_cannot_work_are_refused(
    config: dict[str, str], secrets: dict[str, str]
) -> None:
    good = account(mode=config.get("mode", "appservice"))
    bad = replace(good, config={**good.config, **config}, secrets={**good.secrets, **secrets})

    with pytest.raises(ValueError, match=r"mode|homeserver|missing"):
        KINDS["matrix"](bad)


def test_the_kind_is_registered_and_a_txn_makes_it_strong() -> None:
    made = KINDS["matrix"](account())

    assert made.kind == "matrix"
    assert KINDS["matrix"] is adapter.make
    assert {ask.name for ask in FORMS["matrix"].asks if ask.is_secret} == {
        "as_token",
        "hs_token",
        "access_token",
    }
    assert made.caps().idem is Idem.STRONG
