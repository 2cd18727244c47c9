"""One call of a homeserver's client API: asked once, answered, refused or lost.

nio only names the paths: its client repeats by itself, for ever. aiohttp repeats a GET or PUT once,
where a connection that it kept was closed; a PUT has a transaction id, so that does nothing.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

import aiohttp

from hub.text import clip
from transports.base import Rejected, Result, Retry, Scope, Sent, Unknown

from .markup import plain

TIMEOUT_S = 15.0
MAX_ANSWER_BYTES = 67_108_864
RETRY_S = 5.0

_SCOPES: dict[str, Scope] = {
    "M_UNKNOWN_TOKEN": "account",
    "M_MISSING_TOKEN": "account",
    "M_USER_DEACTIVATED": "actor",
    "M_USER_LOCKED": "actor",
    "M_EXCLUSIVE": "account",
    "M_FORBIDDEN": "channel",
    "M_GUEST_ACCESS_FORBIDDEN": "channel",
    "M_INCOMPATIBLE_ROOM_VERSION": "channel",
    "M_NOT_FOUND": "channel",
    "M_RESOURCE_LIMIT_EXCEEDED": "account",
    "M_UNABLE_TO_AUTHORISE_JOIN": "channel",
    "M_CONSENT_NOT_GIVEN": "account",
}

Call = Sequence[str]  # method, path, and the body if it has one: as nio.Api gives it


@dataclass(frozen=True, slots=True)
class Answer:
    """What a homeserver said."""

    status: int
    body: Mapping[str, Any]

    @property
    def is_good(self) -> bool:
        """Tell whether it did what was asked."""
        return 200 <= self.status < 300

    @property
    def code(self) -> str:
        """Name the error; empty where no homeserver named one."""
        return str(self.body.get("errcode", ""))[:100]

    @property
    def retry_after_s(self) -> float:
        """Say how long it wants to be left alone."""
        ms = self.body.get("retry_after_ms")
        return max(ms, 1) / 1000 if isinstance(ms, int | float) else RETRY_S

    def result(self) -> Result:
        """Tell what became of a sending that was answered so."""
        if self.is_good:
            event_id = self.body.get("event_id")
            return Sent(event_id) if isinstance(event_id, str) else Sent("")
        why = clip(plain(str(self.body.get("error", ""))), 300)
        if self.status == 429 or self.code == "M_LIMIT_EXCEEDED":
            return Retry(self.retry_after_s, "the homeserver limits the rate")
        if self.status >= 500:
            return Unknown(f"the homeserver answered {self.status} {self.code}".strip())
        if self.code == "M_DUPLICATE_ANNOTATION":  # it stands there already
            return Sent("")
        if self.code in {"", "M_UNKNOWN_DEVICE"}:  # some proxy's answer; or it is made anew
            return Retry(RETRY_S, f"it was answered {self.status} {self.code}".strip())
        return Rejected(self.code, why, _SCOPES.get(self.code, "op"))


class LostError(Exception):
    """No whole answer came; the call may have been heard."""


class DownError(Exception):
    """A sending found that the account does not work."""


class RefusedError(Exception):
    """Something that must be done first was not; `result` is what it means for a sending."""

    def __init__(self, result: Result) -> None:
        super().__init__(str(result))
        self.result = result


class Calls:
    """Calls of one homeserver with one token, which is never in an address or an error.

    `gone` is called when the homeserver cannot be reached.
    """

    def __init__(self, homeserver: str, token: str, *, gone: Callable[[], None]) -> None:
        self._gone = gone
        self._homeserver = homeserver.rstrip("/")
        self._token = token
        self._session: aiohttp.ClientSession | None = None

    async def ask(
        self, call: Call, who: Mapping[str, str] | None = None, *, timeout_s: float = TIMEOUT_S
    ) -> Answer:
        """Call once, as the user `who` names. Raises LostError when there is no whole answer."""
        method, path, *content = call
        if self._session is None:
            self._session = aiohttp.ClientSession(
                headers={"Authorization": f"Bearer {self._token}"},
                connector=aiohttp.TCPConnector(limit=64),
            )
        try:
            async with self._session.request(
                method,
                self._homeserver + _addressed(path, who or {}),
                data=content[0].encode() if content else None,
                headers={"Content-Type": "application/json"} if content else None,
                timeout=aiohttp.ClientTimeout(total=timeout_s),
                allow_redirects=False,
            ) as response:
                raw = await _read(response)
                return Answer(response.status, _parsed(raw))
        except aiohttp.ClientConnectorError as error:
            self._gone()
            raise LostError(type(error).__name__) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise LostError(type(error).__name__) from None

    async def need(self, call: Call, who: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        """Call for what a sending needs first. Raises RefusedError; nothing was sent then."""
        try:
            answer = await self.ask(call, who)
        except LostError as error:
            raise RefusedError(Retry(RETRY_S, str(error))) from None
        if answer.is_good:
            return answer.body
        raise RefusedError(before(answer))

    async def close(self) -> None:
        """End all connections; the next call opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()


def before(answer: Answer) -> Result:
    """Tell what an answer means for a sending that it was asked for, and that was not tried yet."""
    result = answer.result()
    return Retry(RETRY_S, result.why) if isinstance(result, Unknown) else result


def call(method: str, path: str, content: Mapping[str, object]) -> Call:
    """Make a call with a body that nio knows no name for."""
    return method, path, json.dumps(content)


def _addressed(path: str, who: Mapping[str, str]) -> str:
    """Take the token from the address, where nio writes it, and add whom the call is made as."""
    bare, _, query = path.partition("?")
    pairs = [(key, value) for key, value in parse_qsl(query) if key != "access_token"]
    query = urlencode([*pairs, *who.items()])
    return f"{bare}?{query}" if query else bare


async def _read(response: aiohttp.ClientResponse) -> bytes:
    raw = bytearray()
    async for chunk in response.content.iter_chunked(65_536):
        raw += chunk
        if len(raw) > MAX_ANSWER_BYTES:
            raise LostError("the answer is too long")
    return bytes(raw)


def _parsed(raw: bytes) -> Mapping[str, Any]:
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}
