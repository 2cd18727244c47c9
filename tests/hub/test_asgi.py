"""The way of a request through one thread of the pool, and back as ASGI messages."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path
from pytest_django.fixtures import Settings

from hub.asgi import Pages
from hub.models import Project

ORIGIN = [(b"host", b"127.0.0.1:8000")]


def named(request: HttpRequest) -> HttpResponse:
    answer = HttpResponse(threading.current_thread().name)
    answer.set_cookie("taste", "sweet", httponly=True)
    return answer


def counted(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"{len(request.body)} bytes, {Project.objects.count()} projects")


def streamed(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(str(number) for number in range(5))


def broken(request: HttpRequest) -> HttpResponse:
    raise ZeroDivisionError


urlpatterns = [
    path("named", named),
    path("counted", counted),
    path("streamed", streamed),
    path("broken", broken),
]


@pytest.fixture
def pages(settings: Settings) -> Iterator[Pages]:
    settings.ROOT_URLCONF = __name__
    settings.MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
    made = Pages()
    yield made
    made.threads.shutdown()


async def ask(pages: Pages, where: str, *parts: bytes, gone: bool = False) -> list[Any]:
    """Send a request in pieces; `gone` is a client that leaves before the end."""
    waiting: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    for part in parts:
        waiting.put_nowait({"type": "http.request", "body": part, "more_body": True})
    last = "http.disconnect" if gone else "http.request"
    waiting.put_nowait({"type": last, "body": b"", "more_body": False})
    said: list[Any] = []

    async def send(message: Any) -> None:
        said.append(message)

    scope = {
        "type": "http",
        "method": "POST" if parts else "GET",
        "path": where,
        "query_string": b"",
        "headers": ORIGIN,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000),
    }
    await pages(scope, waiting.get, send)
    return said


async def test_a_request_runs_in_a_thread_of_the_pool(pages: Pages) -> None:
    start, content = await ask(pages, "/named")

    assert start["status"] == 200
    assert content["body"].startswith(b"web_")


async def test_headers_and_cookies_are_bytes(pages: Pages) -> None:
    start, _ = await ask(pages, "/named")

    assert (b"Content-Type", b"text/html; charset=utf-8") in start["headers"]
    assert (b"Set-Cookie", b"taste=sweet; HttpOnly; Path=/") in start["headers"]


async def test_a_body_in_pieces_is_read_whole(pages: Pages, db: None) -> None:
    _, content = await ask(pages, "/counted", b"x" * 70_000, b"y")

    assert content["body"] == b"70001 bytes, 1 projects"


async def test_many_requests_at_once_share_the_pool_of_connections(pages: Pages, db: None) -> None:
    answers = await asyncio.gather(*(ask(pages, "/counted") for _ in range(100)))

    assert {content["body"] for _, content in answers} == {b"0 bytes, 1 projects"}


async def test_a_streamed_answer_is_sent_whole(pages: Pages) -> None:
    _, content = await ask(pages, "/streamed")

    assert content["body"] == b"01234"


async def test_an_unknown_address_is_told_so(pages: Pages) -> None:
    start, _ = await ask(pages, "/nowhere")

    assert start["status"] == 404


async def test_an_error_of_a_view_is_answered(pages: Pages) -> None:
    start, _ = await ask(pages, "/broken")

    assert start["status"] == 500


async def test_a_client_that_left_is_not_answered(pages: Pages) -> None:
    assert await ask(pages, "/counted", b"half", gone=True) == []
