"""The live socket: what comes, in which order, and what happens after a break."""

import re

import pytest
from channels.db import database_sync_to_async
from pytest_django.fixtures import Settings

from agents.models import Entry, Session
from hub import fanout, registry
from hub.actor import Actor
from hub.models import Event
from hub.parts import live
from transports.web import consumers, feed

from .sockets import WAIT_S, Sockets, do, log_end, texts

pytestmark = pytest.mark.usefixtures("running_feed")


async def test_a_message_comes_to_who_watches_its_channel(
    ada: Actor, grace: Actor, sockets: Sockets
) -> None:
    socket = await sockets.of(grace, "project,channel:1", after=await log_end(ada))

    number = (await do(ada, "message.post", channel=1, text="**hello**"))["number"]
    read = await texts(socket, number)

    assert 'hx-swap-oob="beforeend:#messages-1"' in read
    assert f'id="message-{number}"' in read
    assert "<strong>hello</strong>" in read


async def test_who_watches_another_page_gets_the_mark_but_not_the_message(
    ada: Actor, grace: Actor, sockets: Sockets
) -> None:
    socket = await sockets.of(grace, "project", after=await log_end(ada))

    number = (await do(ada, "message.post", channel=1, text="hello"))["number"]
    read = await texts(socket, number)

    assert 'id="unread-1"' in read
    assert "hello" not in read


async def test_a_socket_goes_on_where_its_page_ended(ada: Actor, sockets: Sockets) -> None:
    after = await log_end(ada)
    numbers = [(await do(ada, "message.post", channel=1, text=f"n{i}"))["number"] for i in range(5)]
    socket = await sockets.of(ada, "channel:1", after=after)
    numbers.append((await do(ada, "message.post", channel=1, text="n5"))["number"])

    read = await texts(socket, numbers[-1])

    marks = [int(found) for found in re.findall(r'data-seq="(\d+)" hx-swap-oob', read)]
    assert marks == sorted(set(marks))
    assert [f"n{i}" in read for i in range(6)] == [True] * 6


async def test_a_socket_that_is_far_behind_is_told_to_reload(
    ada: Actor, sockets: Sockets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "MAX_BEHIND", 3)
    for number in range(5):
        await do(ada, "message.post", channel=1, text=f"n{number}")

    socket = await sockets.of(ada, "channel:1", after=1)
    read = await texts(socket, await log_end(ada))

    assert "Much has happened" in read
    assert "n4" not in read


async def test_a_part_is_rendered_once_for_all_sockets(
    ada: Actor, grace: Actor, sockets: Sockets, monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered: list[int] = []
    parts_of = live.parts_of

    def counted(event: Event) -> list[live.Part]:
        rendered.append(event.seq)
        return parts_of(event)

    monkeypatch.setattr(live, "parts_of", counted)
    after = await log_end(ada)
    first = await sockets.of(ada, "project,channel:1", after=after)
    second = await sockets.of(grace, "project,channel:1", after=after)

    number = (await do(ada, "message.post", channel=1, text="hello"))["number"]

    assert await texts(first, number) == await texts(second, number)
    third = await sockets.of(grace, "channel:1", after=after)
    assert "hello" in await texts(third, number)
    assert rendered.count(number) == 1


async def test_a_lost_ring_costs_one_sweep(
    ada: Actor, sockets: Sockets, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SWEEP_S = 0.2
    monkeypatch.setattr(fanout, "listen", lambda on_ring, stop: stop.wait())
    consumers.feed.close()
    socket = await sockets.of(ada, "channel:1", after=await log_end(ada))

    number = (await do(ada, "message.post", channel=1, text="unheard"))["number"]

    assert "unheard" in await texts(socket, number)


async def test_one_bad_event_does_not_stop_the_feed(
    ada: Actor, sockets: Sockets, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hub.errors import NotFound

    bad: list[int] = []
    parts_of = live.parts_of

    def fails_once(event: Event) -> list[live.Part]:
        if not bad:
            bad.append(event.seq)
            raise NotFound("gone")
        return parts_of(event)

    socket = await sockets.of(ada, "channel:1", after=await log_end(ada))
    monkeypatch.setattr(live, "parts_of", fails_once)
    await do(ada, "message.post", channel=1, text="first")

    number = (await do(ada, "message.post", channel=1, text="second"))["number"]

    assert "second" in await texts(socket, number)


@database_sync_to_async
def started(ada: Actor) -> Session:
    made = registry.call(ada, "session.start", {"role": "em"})
    return Session.objects.get(project_id=ada.project_id, number=made["number"])


@database_sync_to_async
def write_entry(session: Session, text: str) -> None:
    Entry.objects.create(session=session, seq=1, kind="said", text=text, at=session.created_at)


@database_sync_to_async
def ring(session: Session) -> None:
    fanout.wake(session.project_id, 1, f"session:{session.number}")


async def test_a_transcript_comes_live_though_it_is_no_event(ada: Actor, sockets: Sockets) -> None:
    session = await started(ada)
    socket = await sockets.of(ada, f"session:{session.number}", after=await log_end(ada))
    await do(ada, "message.post", channel=1, text="now it is watched")
    await texts(socket, await log_end(ada))

    await write_entry(session, "I begin.")
    while await socket.receive_nothing(timeout=0.2):
        await ring(session)
    read = await socket.receive_from(timeout=WAIT_S)

    assert f'hx-swap-oob="beforeend:#turns-{session.number}"' in read
    assert "I begin." in read


async def test_every_event_of_a_project_can_be_shown(
    ada: Actor, mina: Actor, sockets: Sockets
) -> None:
    after = await log_end(ada)
    topics = f"project,board,log,decisions,team,home,channel:1,member:{ada.member_id}"
    socket = await sockets.of(ada, topics, after=after)
    story = [
        (ada, "objective.open", {"text": "Land on the moon"}),
        (ada, "task.open", {"title": "Build a rocket", "objective": 1}),
        (mina, "task.claim", {"task": 1}),
        (mina, "decision.ask", {"text": "Which fuel?", "choices": ["A", "B"], "task": 1}),
        (ada, "decision.answer", {"decision": 1, "answer": "2"}),
        (mina, "task.finish", {"task": 1, "outcome": "It flies."}),
        (ada, "channel.create", {"name": "stars"}),
        (ada, "session.start", {"role": "em"}),
    ]
    read = ""

    for actor, action, payload in story:
        await do(actor, action, **payload)
        read += await texts(socket, await log_end(ada))

    for place in (
        'beforeend:#column-ready"',
        'beforeend:#column-working"',
        'beforeend:#column-needs"',
        'beforeend:#column-done"',
        'afterbegin:#objectives"',
        'beforeend:#asked"',
        'beforeend:#asked-first"',
        'beforeend:#rail-lobby"',
        'beforeend:#rail-team"',
        'afterbegin:#events"',
        'id="needs-you" class="clip" data-count="1" hx-swap-oob="true"',
        'id="needs-you" class="clip" data-count="0" hx-swap-oob="true"',
    ):
        assert place in read, place
    assert "chose <strong>2, B</strong>" in read
