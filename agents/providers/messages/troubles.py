"""The errors of the SDK and the network, translated once into what a session does about them."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from json import JSONDecodeError

import anthropic
import httpx2
from django.conf import settings

from agents.providers.base import ContextFull, LimitReached, RequestRefused, TryAgain
from hub import clock
from hub.text import clip, mask

SHORT_S = 60  # a pause that is waited out; a longer one parks the session until it is over
MAX_WORDS = 600
STATUS_OF: Mapping[str, int] = {  # an error in the middle of a stream has no status of its own
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
AGAIN = frozenset({408, 409})
# Source: anthropic 2.14, types/shared/*_spend_limit_reached_error_details.py
SPENT = re.compile(r"spend_limit_reached$")
TOO_LONG = re.compile(r"prompt is too long|exceeds? (?:the |your )?context (?:window|limit)", re.I)
USED_UP = re.compile(r"usage limits|spend(?:ing)? limit", re.I)
REGAIN = re.compile(r"regain access on (\d{4}-\d\d-\d\d)(?: at (\d\d:\d\d))?", re.I)
LIMIT = re.compile(r"anthropic-ratelimit-([a-z-]+)-(remaining|reset)")

Trouble = TryAgain | LimitReached | RequestRefused | ContextFull
CUT_OFF = (
    *(anthropic.APIConnectionError, httpx2.HTTPError, httpx2.StreamError),
    *(JSONDecodeError, UnicodeDecodeError, TimeoutError),
)


def of(error: BaseException, *, is_billed: bool) -> Trouble | None:
    """Say what an error of a request means; None for what is no trouble of the provider's."""
    if isinstance(error, anthropic.APIStatusError):
        found = _of_status(error, is_billed=is_billed)
    elif isinstance(error, CUT_OFF):
        words = clip(f"{type(error).__name__}: {error}", MAX_WORDS)
        found = TryAgain(_safe(f"The provider's answer broke off: {words}"), is_billed=is_billed)
    else:
        return None
    if isinstance(found, RequestRefused | ContextFull):
        found.is_billed = is_billed
    return found


def cut_short() -> TryAgain:
    """Say that an answer ended without its end."""
    return TryAgain("The provider's answer broke off before its end.", is_billed=True)


def _of_status(error: anthropic.APIStatusError, *, is_billed: bool) -> Trouble:
    status = error.status_code
    if status < 400:
        status = STATUS_OF.get(str(error.type), 500)
    words = _words(error, status)
    if status == 429 or _is_spent(error):
        return _limited(error, words, is_billed=is_billed)
    if status in AGAIN or status >= 500:
        pause = _pause_s(error.response.headers)
        return TryAgain(words, retry_after_s=pause, is_billed=is_billed)
    if status == 400 and TOO_LONG.search(error.api_message or error.message):
        return ContextFull(words)
    return RequestRefused(words)


def _is_spent(error: anthropic.APIStatusError) -> bool:
    code, text = error.error_code or "", error.api_message or ""
    return bool(SPENT.search(code) or (USED_UP.search(text) and REGAIN.search(text)))


def _limited(
    error: anthropic.APIStatusError, words: str, *, is_billed: bool
) -> LimitReached | TryAgain:
    now = clock.now()
    regain = REGAIN.search(error.api_message or "")
    pause = _pause_s(error.response.headers)
    if regain:
        day, time = regain[1], regain[2] or "00:00"
        return LimitReached(words, resets_at=datetime.fromisoformat(f"{day}T{time}:00+00:00"))
    if pause is not None:
        resets_at: datetime | None = now + timedelta(seconds=pause)
    else:
        resets_at = _reset_of(error.response.headers)
    if resets_at is None:
        if _is_spent(error):
            return LimitReached(words, resets_at=None)
        return TryAgain(words, is_billed=is_billed)
    left_s = (resets_at - now).total_seconds()
    if left_s < SHORT_S and not _is_spent(error):
        return TryAgain(words, retry_after_s=max(left_s, 0), is_billed=is_billed)
    return LimitReached(words, resets_at=resets_at)


def _reset_of(headers: httpx2.Headers) -> datetime | None:
    """Give when the last of the limits that are used up is full again.

    Source: Messages API, headers anthropic-ratelimit-{requests,tokens,…}-{remaining,reset}.
    """
    found: dict[str, dict[str, str]] = {}
    for name, value in headers.items():
        match = LIMIT.fullmatch(name.lower())
        if match:
            found.setdefault(match[1], {})[match[2]] = value
    resets = [
        _moment(limit["reset"])
        for limit in found.values()
        if "reset" in limit and limit.get("remaining", "0") == "0"
    ]
    return max(filter(None, resets), default=None)


def _moment(text: str) -> datetime | None:
    """Read RFC 3339 or seconds since 1970."""
    try:
        if text.isdigit():
            return datetime.fromtimestamp(int(text), UTC)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _pause_s(headers: httpx2.Headers) -> float | None:
    """Read `retry-after`: seconds, or an HTTP date."""
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    try:
        return max(float(text), 0)
    except ValueError:
        pass
    try:
        return max((parsedate_to_datetime(text) - clock.now()).total_seconds(), 0)
    except (ValueError, TypeError):
        return None


def _words(error: anthropic.APIStatusError, status: int) -> str:
    kind = f" ({error.type})" if error.type else ""
    said = clip((error.api_message or error.message).strip(), MAX_WORDS)
    hint = " Check ANTHROPIC_API_KEY." if status == 401 else ""
    number = f" Request {error.request_id}." if error.request_id else ""
    return _safe(f"The provider answered {status}{kind}: {said}{hint}{number}")


def _safe(text: str) -> str:
    return mask(text, [settings.ANTHROPIC_API_KEY])
