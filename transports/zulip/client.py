"""Calls to a Zulip server by its own library, in threads, each at most once.

The library would repeat a POST whose answer was lost, which doubles messages, so it never
retries here. It is the only module that knows the library.
"""

import asyncio
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import requests
import zulip
from urllib3.exceptions import MaxRetryError, NewConnectionError

from transports.base import Rejected, Result, Retry, Scope, Unknown

RETRY_S = 10.0
TOO_MANY, FAILED, REFUSED = 429, 500, 400
KEY_CODES = frozenset({"INVALID_API_KEY", "UNAUTHORIZED", "USER_DEACTIVATED", "REALM_DEACTIVATED"})
_CHANNEL_CODES = frozenset({"STREAM_DOES_NOT_EXIST"})
_DONE_CODES = frozenset({"REACTION_ALREADY_EXISTS", "REACTION_DOES_NOT_EXIST"})

Outcome = Literal["answer", "odd", "lost", "late", "unsent"]
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came of a call.

    `outcome`: "answer" is JSON of Zulip's, "odd" is none, "lost" broke off after it may have
    left, "late" had no answer in time, "unsent" surely did not leave.
    """

    outcome: Outcome
    status: int = 0
    body: Mapping[str, Any] = field(default_factory=dict)
    retry_after_s: float = RETRY_S
    why: str = ""

    @property
    def ok(self) -> bool:
        """Tell whether it was done."""
        done = self.body.get("result") == "success" or self.code in _DONE_CODES
        return self.outcome == "answer" and done

    @property
    def code(self) -> str:
        """Name Zulip's error."""
        return str(self.body.get("code", ""))

    @property
    def is_refused_key(self) -> bool:
        """Tell whether the bot's key or account is what is refused."""
        return self.status == 401 or self.code in KEY_CODES

    @property
    def is_limited(self) -> bool:
        """Tell whether it was asked too often."""
        return self.status == TOO_MANY or self.code == "RATE_LIMIT_HIT"


class _Silent(zulip.Client):
    """The library's client, made without a call of its own to the server."""

    def get_server_settings(self) -> dict[str, Any]:
        """Tell nothing: what is needed of the server comes with `register`."""
        return {"zulip_version": "", "zulip_feature_level": 0}


class Bot:
    """One bot's way to its server; calls may run at once."""

    def __init__(self, site: str, email: str, key: str, *, timeout_s: float) -> None:
        self.email = email
        self._timeout_s = timeout_s
        self._site, self._key = site, key
        self._client: _Silent | None = None
        self._making = threading.Lock()
        self._here = threading.local()

    async def call(
        self, method: str, url: str, request: Mapping[str, Any], *, timeout_s: float | None = None
    ) -> Reply:
        """Ask once; never raises for what the network does."""
        wait_s = timeout_s or self._timeout_s
        return await in_thread(lambda: self._call(method, url, dict(request), wait_s))

    def close(self) -> None:
        """Let go of its connections; a later call opens new ones."""
        if self._client and self._client.session:
            self._client.session.close()

    def _call(self, method: str, url: str, request: dict[str, Any], wait_s: float) -> Reply:
        self._here.status, self._here.after = 0, None
        try:
            client = self._made()
            body = client.call_endpoint(url, method=method, request=request, timeout=wait_s)
        except zulip.UnrecoverableNetworkError as trouble:
            return _broken(trouble.__cause__ or trouble)
        except (requests.RequestException, zulip.ZulipError) as trouble:
            return _broken(trouble)
        return self._read(body)

    def _made(self) -> _Silent:
        with self._making:
            if self._client is None:
                # Every argument: what is left out, the library takes from a file or a variable.
                self._client = _Silent(
                    email=self.email,
                    api_key=self._key,
                    site=self._site,
                    client="Parley",
                    config_file=os.devnull,
                    insecure=False,
                    retry_on_errors=False,
                )
                self._client.ensure_session()
                assert self._client.session is not None, "it was made in the line before"
                self._client.session.hooks["response"].append(self._note)
            return self._client

    def _note(self, response: requests.Response, *_: Any, **__: Any) -> None:
        """Keep what the library drops of an answer: its status and when to ask again."""
        self._here.status = response.status_code
        self._here.after = response.headers.get("Retry-After")

    def _read(self, body: object) -> Reply:
        status: int = self._here.status
        if not isinstance(body, dict) or body.get("result") not in {"success", "error"}:
            after_s = _seconds(None, self._here.after)
            return Reply(outcome="odd", status=status, retry_after_s=after_s, why=f"HTTP {status}")
        after_s = _seconds(body.get("retry-after"), self._here.after)
        return Reply(outcome="answer", status=status, body=body, retry_after_s=after_s)


def _seconds(*values: object) -> float:
    for value in values:
        try:
            return max(float(str(value)), 0.0)
        except ValueError:
            continue
    return RETRY_S


def _broken(trouble: BaseException) -> Reply:
    """Tell apart what never left, what got no answer in time, and what broke off."""
    why = type(trouble).__name__
    if isinstance(trouble, requests.ConnectTimeout):
        return Reply(outcome="unsent", why=why)
    if isinstance(trouble, requests.Timeout):
        return Reply(outcome="late", why=why)
    cause = trouble.args[0] if trouble.args else None
    if isinstance(cause, MaxRetryError) and isinstance(cause.reason, NewConnectionError):
        return Reply(outcome="unsent", why="no connection")
    return Reply(outcome="lost", why=why)


def result_of(reply: Reply, *, is_main: bool) -> Result | None:
    """Read a reply to a sending as its result; None when it was done.

    `is_main` tells whether the account's own bot spoke: a refused key then stops all.
    """
    if reply.ok:
        return None
    if reply.outcome == "unsent":
        return Retry(RETRY_S, reply.why)
    if reply.is_limited:
        return Retry(reply.retry_after_s, "asked too often")
    if reply.status < REFUSED or reply.status >= FAILED:
        return Unknown(reply.why or f"HTTP {reply.status}")
    if reply.outcome == "odd" and not reply.is_refused_key:
        return Retry(reply.retry_after_s, reply.why)  # of something before Zulip
    detail = str(reply.body.get("msg", ""))[:300]
    return Rejected(reply.code or f"HTTP {reply.status}", detail, _scope(reply, is_main=is_main))


def _scope(reply: Reply, *, is_main: bool) -> Scope:
    if reply.code == "REALM_DEACTIVATED":
        return "account"
    if reply.is_refused_key:
        return "account" if is_main else "actor"
    return "channel" if reply.code in _CHANNEL_CODES else "op"


async def in_thread(work: Callable[[], Answer]) -> Answer:
    """Run blocking work in a thread of its own, which does not hold up the end of the process.

    The pools of `asyncio` have few threads, and a waiting poll would hold one of them.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Answer] = loop.create_future()

    def settle(answer: Answer | None, trouble: BaseException | None) -> None:
        if done.done():
            return
        if trouble is not None:
            done.set_exception(trouble)
        else:
            done.set_result(answer)  # type: ignore[arg-type]

    def run() -> None:
        answer, trouble = None, None
        try:
            answer = work()
        except BaseException as raised:  # noqa: BLE001 - it is raised again where it is waited for
            trouble = raised
        try:
            loop.call_soon_threadsafe(settle, answer, trouble)
        except RuntimeError:
            return  # the loop has ended, and nobody waits

    threading.Thread(target=run, name="zulip", daemon=True).start()
    return await done
