"""Actions: named functions that every entry point calls through one door.

`@action` derives the payload's model from the signature; `call` is the only way in from outside.
"""

import functools
import hashlib
import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ParamSpec, TypeVar, get_type_hints

from django.db import connection
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, create_model

from hub import clock
from hub.actor import Actor
from hub.errors import Conflict, Forbidden, Invalid, KeyReused, NotFound
from hub.models import Run, StoredCall
from hub.models.events import canonical
from hub.models.projects import held, project_lock
from hub.schemas import Line, Paragraph
from hub.text import clean, storable

MAX_KEY_CHARS = 200
# Parley's own workers report what programs print: that is taken with its control characters.
REPORTS = frozenset({"run", "hub"})
# Every write with a key asks first: through the ORM that took 0.3 ms more.
KEPT_SQL = "SELECT action, digest, answer FROM hub_storedcall WHERE member_id = %s AND key = %s"
PROSE = (str, Line, Paragraph)

Parameters = ParamSpec("Parameters")
Answer = TypeVar("Answer")


class Payload(BaseModel):
    """The arguments of one action, checked; unknown names are refused."""

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One thing a member can do, as the entry points see it.

    `chat` lists the verbs and `!commands` that mean it; `chat_fields` renames a verb's keys, and
    `words` names the parameters that a `!command`'s words fill in order, the last takes the rest.
    `marks` means that it changes a mark that is not logged (a cursor, presence), so it is no read.
    """

    name: str
    needs: str
    writes: bool
    marks: bool
    chat: tuple[str, ...]
    chat_fields: Mapping[str, str]
    words: tuple[str, ...]
    summary: str
    help: str
    payload: type[Payload]
    returns: TypeAdapter[Any]
    function: Callable[..., Any]


ACTIONS: dict[str, Action] = {}


def action(  # noqa: PLR0913 - what an action is, in one place
    name: str,
    *,
    needs: str,
    returns: Any,
    chat: str = "",
    chat_fields: Mapping[str, str] | None = None,
    writes: bool = True,
    marks: bool = False,
) -> Callable[[Callable[Parameters, Answer]], Callable[Parameters, Answer]]:
    """Register a function as an action.

    The first parameter is the Actor, the rest become the payload. The registered function may be
    called directly only while the project's lock is held; rows are then still checked.
    """

    def register(function: Callable[Parameters, Answer]) -> Callable[Parameters, Answer]:
        ACTIONS[name] = Action(
            name=name,
            needs=needs,
            writes=writes,
            marks=marks,
            chat=tuple(chat.split()),
            chat_fields=chat_fields or {},
            words=_words(function),
            summary=(inspect.getdoc(function) or "").partition("\n")[0],
            help=inspect.getdoc(function) or "",
            payload=_payload_model(name, function),
            returns=TypeAdapter(returns),
            function=function,
        )

        @functools.wraps(function)
        def direct(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Answer:
            if not writes:
                return function(*args, **kwargs)
            actor, *rest = args
            assert isinstance(actor, Actor), f"{name} takes an actor first"
            timed = replace(actor, clock=held(actor.project_id).now)
            return function(timed, *rest, **kwargs)  # type: ignore[arg-type]

        return direct

    return register


def _words(function: Callable[..., Any]) -> tuple[str, ...]:
    """Name what is said without keys: the positional parameters, and one that takes prose."""
    hints = get_type_hints(function, include_extras=True)
    parameters = list(inspect.signature(function).parameters.values())[1:]
    said = [one.name for one in parameters if one.kind is not one.KEYWORD_ONLY]
    if said and hints[said[-1]] in PROSE:
        return tuple(said)
    prose = [one.name for one in parameters if one.name not in said and hints[one.name] in PROSE]
    return (*said, *prose[:1])


def _payload_model(name: str, function: Callable[..., Any]) -> type[Payload]:
    hints = get_type_hints(function, include_extras=True)
    fields: dict[str, Any] = {}
    for parameter in list(inspect.signature(function).parameters.values())[1:]:
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[parameter.name] = (hints[parameter.name], default)
    title = name.replace(".", " ").title().replace(" ", "")
    return create_model(f"{title}In", __base__=Payload, **fields)


def find(name: str) -> Action:
    """Give an action by name. Raises NotFound."""
    found = ACTIONS.get(name)
    if found is None:
        raise NotFound(f"There is no action called {name}.", code="action.unknown")
    return found


def allowed(actor: Actor) -> list[Action]:
    """List what a member may do, by name."""
    return [found for _, found in sorted(ACTIONS.items()) if actor.may(found.needs)]


def call(actor: Actor, name: str, payload: Mapping[str, object], key: str = "") -> Any:
    """Do one action for a member: the only door from any entry point. Returns plain JSON values.

    Checks the payload, the capability, and for writes, under the project's lock, the idempotency
    key and the run's fence. The same key with the same payload gives the stored answer.
    All text of the payload is cleaned (hub.text.clean). Raises any HubError; nothing is written
    then.
    """
    found = find(name)
    arguments = _checked(found, payload)
    if not actor.may(found.needs):
        raise Forbidden(
            f"{name} needs the right to {found.needs}, which your role does not have.",
            code="capability.missing",
            needs=found.needs,
        )
    if not found.writes:
        timed = replace(actor, clock=clock.now())
        return _answer(found, found.function(timed, **arguments))
    digest = _digest(name, payload) if key else ""
    with project_lock(actor.project_id) as lock:
        return _write(replace(actor, clock=lock.now), found, arguments, _Key(key, digest))


@dataclass(frozen=True, slots=True)
class _Key:
    key: str
    digest: str


def _write(actor: Actor, found: Action, arguments: dict[str, Any], once: _Key) -> Any:
    if once.key:
        stored = _stored(actor, once)
        if stored is not None:
            return stored
    check_fence(actor)
    answer = _answer(found, found.function(actor, **arguments))
    if once.key:
        kept = json.dumps(_forgetful(answer))
        call = StoredCall(
            member_id=actor.member_id,
            key=once.key,
            action=found.name,
            digest=once.digest,
            answer=kept,
            at=actor.now,
        )
        held(actor.project_id).write(call)
    return answer


def _checked(found: Action, payload: Mapping[str, object]) -> dict[str, Any]:
    given = _washed(dict(payload), storable if found.needs in REPORTS else clean)
    try:
        model = found.payload.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)
        problems = [
            {"field": ".".join(map(str, item["loc"])), "problem": item["msg"]} for item in first
        ]
        words = "; ".join(f"{item['field']}: {item['problem']}" for item in problems)
        raise Invalid(
            f"{found.name}: {words}", code="arguments.invalid", problems=problems
        ) from error
    return {name: getattr(model, name) for name in type(model).model_fields}


def _washed(value: Any, wash: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return wash(value)
    if isinstance(value, list):
        return [_washed(item, wash) for item in value]
    if isinstance(value, dict):
        return {wash(str(name)): _washed(item, wash) for name, item in value.items()}
    return value


def _answer(found: Action, value: Any) -> Any:
    checked = found.returns.validate_python(value, from_attributes=True)
    return found.returns.dump_python(checked, mode="json")


def _forgetful(answer: Any) -> Any:
    """Leave a secret out of what is kept: it is shown once, and a repeat finds it empty."""
    return {**answer, "secret": ""} if isinstance(answer, dict) and "secret" in answer else answer


def _digest(name: str, payload: Mapping[str, object]) -> str:
    text = canonical({"action": name, "payload": dict(payload)})
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _stored(actor: Actor, once: _Key) -> Any | None:
    if len(once.key) > MAX_KEY_CHARS:
        raise Invalid(
            f"An idempotency key has at most {MAX_KEY_CHARS} characters.", code="key.too_long"
        )
    with connection.cursor() as cursor:
        cursor.execute(KEPT_SQL, [actor.member_id, once.key])
        row: tuple[str, str, str] | None = cursor.fetchone()
    if row is None:
        return None
    action_name, digest, answer = row
    if digest != once.digest:
        raise KeyReused(
            "This idempotency key was used with another body; use a new key for a new call.",
            action=action_name,
        )
    return json.loads(answer)


def check_fence(actor: Actor) -> None:
    """Refuse a run that has been taken over, has ended, or whose lease is over."""
    if actor.run_id is None:
        return
    run = Run.fenced(actor.run_id)
    if run.epoch != actor.epoch or run.ended_at is not None:
        raise Conflict(
            "This session was taken over or has ended; stop and write nothing.",
            code="run.stale",
            epoch=run.epoch,
        )
    if run.lease_until is not None and run.lease_until <= actor.now:
        raise Conflict(
            "This session's lease is over; stop and write nothing.", code="run.lease_over"
        )
