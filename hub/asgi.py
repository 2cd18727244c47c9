"""The ASGI application: pages over HTTP, parts over the live socket, and the process's life."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any

import django
from django.conf import settings
from django.core import signals
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.core.handlers.base import BaseHandler
from django.http.response import HttpResponseBase
from django.urls import set_script_prefix

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hub.settings")
django.setup(set_prefix=False)

from channels.auth import AuthMiddlewareStack  # noqa: E402 - needs the applications loaded
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402

from transports.web import consumers, routing  # noqa: E402

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

# Threads beyond the pool's connections serve what needs none, such as /healthz.
SPARE_THREADS = 8


class Pages(ASGIHandler):
    """Django's handler for sync code: a request runs whole in one thread of a fixed pool.

    Django's own starts a thread for every request and crosses between it and the loop for each
    async middleware and for the view: 7 of the 13 ms of processor time of a small call. An answer
    is read whole before it is sent, also a streamed one: here those are static files only.
    """

    def __init__(self) -> None:
        BaseHandler.__init__(self)
        self.load_middleware(is_async=False)
        self.threads = ThreadPoolExecutor(settings.DATABASE_POOL + SPARE_THREADS, "web")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; a client that goes away does not stop what it began."""
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        loop = asyncio.get_running_loop()
        answer = await loop.run_in_executor(self.threads, self._answer, scope, body)
        for message in answer:
            await send(message)

    def _answer(self, scope: Scope, body: IO[bytes]) -> list[MutableMapping[str, Any]]:
        with body:
            set_script_prefix(get_script_prefix(scope))
            signals.request_started.send(sender=type(self), scope=scope)
            request, refusal = self.create_request(scope, body)
            response = refusal if request is None else self.get_response(request)
            assert response is not None, "a request is either made or refused"
            try:
                content = b"".join(response)
            finally:
                response.close()
        return [
            {
                "type": "http.response.start",
                "status": response.status_code,
                "headers": _headers(response),
            },
            {"type": "http.response.body", "body": content},
        ]


def _headers(response: HttpResponseBase) -> list[tuple[bytes, bytes]]:
    found = [(name.encode("ascii"), value.encode("latin-1")) for name, value in response.items()]
    cookies = (cookie.output(header="").strip() for cookie in response.cookies.values())
    return [*found, *((b"Set-Cookie", cookie.encode("ascii")) for cookie in cookies)]


async def lifespan(_: Scope, receive: Receive, send: Send) -> None:
    """Answer the server's start and stop; at the stop the feed's threads end."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        else:
            consumers.feed.close()
            await send({"type": "lifespan.shutdown.complete"})
            return


application = ProtocolTypeRouter(
    {
        "http": Pages(),
        "websocket": AllowedHostsOriginValidator(
            AuthMiddlewareStack(URLRouter(routing.urlpatterns))  # type: ignore[arg-type]
        ),
        "lifespan": lifespan,
    }
)
