"""One Zulip account with a bot for each agent that has one, as the contract wants it."""

import asyncio

from transports.base import (
    Account,
    Caps,
    Idem,
    Landed,
    Missing,
    OutOp,
    Part,
    Result,
    Sink,
    Wait,
    kind,
)

from .client import Bot
from .inbox import Inbox
from .parts import parts_of
from .reading import Reader
from .rooms import Rooms, read_cursor
from .sending import Outbox, Waits

# 200 calls in a minute for each bot, some of which are polls and probes.
RATE_PER_S, BURST = 2.5, 30
MAIN = "key"
OWN = "bot:"


@kind("zulip")
class Zulip:
    """An account at a Zulip server.

    Config: `site`, `email` of the main bot, and `bot:NAME` with the address of a member's own bot.
    Secrets: `key` of the main bot, and those of the others by NAME. Raises ValueError when one of
    them is missing.
    """

    kind = "zulip"

    def __init__(
        self, account: Account, waits: Waits | None = None, wait: Wait = asyncio.sleep
    ) -> None:
        waits = waits or Waits()
        site, emails = _site_and_emails(account)

        def bot(name: str) -> Bot:
            return Bot(site, emails[name], account.secrets[name or MAIN], timeout_s=waits.call_s)

        self._wait = wait
        self._site = site
        self._bots = {name: bot(name) for name in emails if name}
        main, poller = bot(""), bot("")
        self._all = (main, poller, *self._bots.values())
        last, floor, moved = read_cursor(account.cursor)
        reader = Reader(site, Rooms(account.rooms, moved), {emails[name]: name for name in emails})
        self._outbox = Outbox(main, self._bots, reader, waits)
        self._inbox = Inbox(main, poller, reader, self._outbox, waits, wait)
        self._inbox.resume(last, floor)

    def caps(self) -> Caps:
        """Tell what Zulip can do."""
        return Caps(
            idem=Idem.PROBE,
            history=True,
            edits=True,
            deletes=True,
            reactions=True,
            multiline=True,
            rate_per_s=RATE_PER_S,
            burst=BURST,
        )

    async def run(self, sink: Sink) -> None:
        """Connect and read on from the cursor, until cancelled."""
        try:
            await self._inbox.run(sink)
        finally:
            for bot in self._all:
                bot.close()

    async def ready(self) -> None:
        """Wait until the account is connected."""
        await self._inbox.ready.wait()

    async def join(self, room: str) -> None:
        """Read a room too that was bound while it runs."""
        await self._inbox.join(room)

    def render(self, op: OutOp) -> list[Part]:
        """Make the parts of an op."""
        return parts_of(op, bots=self._bots, site=self._site)

    async def send(self, op: OutOp, part: Part) -> Result:
        """Give one part to the server, once."""
        return await self._outbox.send(op, part)

    async def probe(self, op: OutOp, part: Part) -> Landed | Missing:
        """Wait for its echo, then look for it in the topic's history."""
        return await self._outbox.probe(op, part, ready=self.ready, wait=self._wait)


def _site_and_emails(account: Account) -> tuple[str, dict[str, str]]:
    """Read an account's config: the site, and the bots' addresses by name, "" for the main one."""
    config = {name: str(value) for name, value in account.config.items()}
    site = config.get("site", "").rstrip("/")
    if not site.startswith(("http://", "https://")):
        raise ValueError("A Zulip account needs the address of its site, with http:// or https://.")
    bots = {name[len(OWN) :]: email for name, email in config.items() if name.startswith(OWN)}
    emails = {"": config.get("email", ""), **bots}
    for name, email in emails.items():
        if not email or not account.secrets.get(name or MAIN):
            raise ValueError(f"Zulip's bot {name or 'of the account'} needs an email and a key.")
    return site, emails
