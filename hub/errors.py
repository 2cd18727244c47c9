"""The one family of refusals: what an action may answer instead of doing its work.

    HubError
    ├── Invalid       422  the arguments are wrong; fix them
    ├── TooLarge      413  the request is over a limit of bytes
    ├── Unidentified  401  nobody knows who asks
    ├── Forbidden     403  the member may not do this
    ├── NotFound      404  no such thing in this project
    ├── Conflict      409  the state does not allow it now
    ├── KeyReused     422  the idempotency key was used with another body
    ├── OverBudget    402  the money is spent
    ├── RateLimited   429  too many, try later
    └── Unavailable   503  busy or down, try again

Entry points translate them; actions only raise them.
"""

from typing import ClassVar


class HubError(Exception):
    """A refusal: a stable code, a sentence that says what to do, and small facts.

    `code` is dotted and stable (`task.held`); `detail` holds plain JSON values only.
    """

    status: ClassVar[int] = 400
    default_code: ClassVar[str] = "refused"

    def __init__(self, message: str, *, code: str = "", **detail: object) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.detail = detail


class Invalid(HubError):
    """The arguments are wrong; the sentence says which and why."""

    status = 422
    default_code = "invalid"


class TooLarge(HubError):
    """The request has more bytes than an entry point takes."""

    status = 413
    default_code = "body.too_large"


class Unidentified(HubError):
    """The request does not say who sends it; the sentence says how to."""

    status = 401
    default_code = "token.missing"


class Forbidden(HubError):
    """The member lacks the right; the sentence names it."""

    status = 403
    default_code = "forbidden"


class NotFound(HubError):
    """There is no such thing within the member's reach."""

    status = 404
    default_code = "not_found"


class Conflict(HubError):
    """The thing is in a state that does not allow this now."""

    status = 409
    default_code = "conflict"


class KeyReused(HubError):
    """The idempotency key belongs to a call with another body."""

    status = 422
    default_code = "key.reused"


class OverBudget(HubError):
    """The budget does not cover this call."""

    status = 402
    default_code = "over_budget"


class RateLimited(HubError):
    """Too many calls; `detail["retry_after_s"]` says when to come back."""

    status = 429
    default_code = "rate_limited"


class Unavailable(HubError):
    """Something Parley needs is busy or down; try again soon."""

    status = 503
    default_code = "unavailable"
