"""A real homeserver, what it pushes to, and who talks there."""

from aiohttp import web

from transports.matrix import push

from .helping import Kept, Running, account
from .synapse import Person, Synapse, free_port


class Hub:
    """The endpoint that Synapse pushes to; it can fail some times first."""

    def __init__(self) -> None:
        self.sink = Kept()
        self.port = free_port()
        self.fails = 0
        self.pushed: list[str] = []
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/matrix/moon/{rest:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()

    async def stop(self) -> None:
        assert self._runner
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        if self.fails and "transactions" in request.path:
            self.fails -= 1
            return web.json_response({}, status=500)
        asked = push.Request(
            method=request.method,
            path=request.match_info["rest"],
            authorization=request.headers.get("Authorization", ""),
            body=await request.read(),
        )
        self.pushed.append(request.match_info["rest"])
        reply = await push.answer(asked, account(), self.sink)
        return web.json_response(dict(reply.body), status=reply.status)


class World:
    """A homeserver with our application service, a person, and a room that invited the service."""

    def __init__(self, synapse: Synapse, hub: Hub) -> None:
        self.synapse = synapse
        self.hub = hub
        self.person = Person("", "")
        self.room = ""
        self.bot_token = ""

    def running(self, *, room: str = "") -> Running:
        return Running(account(self.synapse.url, rooms=(room or self.room,)))
