"""The HTTP API: `POST /api/actions/{name}`, for reads also `GET`. One operation per action, derived
from the registry; no rule lives here.
"""

import math
import re
from collections.abc import Callable
from typing import Any

from csp.decorators import csp_update
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError
from ninja.openapi.schema import OpenAPISchema
from ninja.security import HttpBearer
from pydantic import BaseModel, TypeAdapter
from pydantic_core import from_json, to_json

from hub import identify, registry
from hub.actor import Actor
from hub.errors import HubError, Invalid, TooLarge, Unavailable, Unidentified
from hub.registry import ACTIONS, Action

MAX_BODY_BYTES = 1024 * 1024
RETRY_AFTER_S = 1
REF = "#/components/schemas/{model}"
PROBLEM_TYPE = "application/problem+json"

Schema = dict[str, Any]


class Problem(BaseModel):
    """Why a call was refused (RFC 9457): `code` is stable, `detail` says what to do."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    facts: dict[str, Any]


# -- Requests and answers -------------------------------------------------------------------------
class Bearer(HttpBearer):
    """`Authorization: Bearer prl_…`: the token of a member."""

    def authenticate(self, request: HttpRequest, token: str) -> Actor:  # noqa: ARG002 - ninja's
        """Give the token's Actor. Raises Forbidden."""
        return identify.of_token(token)


def body(request: HttpRequest) -> dict[str, Any]:
    """Read the JSON object of a request; no body is an empty one.

    Raises TooLarge over 1 MiB, Invalid for what is not a JSON object of whole characters.
    """
    raw = request.read(MAX_BODY_BYTES + 1)
    if len(raw) > MAX_BODY_BYTES:
        raise TooLarge(f"A call has at most {MAX_BODY_BYTES} bytes.", limit_bytes=MAX_BODY_BYTES)
    try:
        found = from_json(raw or b"{}", allow_inf_nan=False)
    except ValueError as error:
        raise Invalid(f"The body is not JSON: {error}.", code="body.not_json") from error
    if not isinstance(found, dict):
        raise Invalid("The body must be a JSON object.", code="body.not_object")
    return found


def query(request: HttpRequest, lists: frozenset[str]) -> dict[str, Any]:
    """Read the arguments of a GET; those named in `lists` may be repeated."""
    return {
        name: request.GET.getlist(name) if name in lists else request.GET[name]
        for name in request.GET
    }


def problem(error: HubError) -> HttpResponse:
    """Turn a refusal into problem details, with the headers that belong to its status."""
    told = Problem(
        type=f"urn:parley:error:{error.code}",
        title=re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(error).__name__).capitalize(),
        status=error.status,
        code=error.code,
        detail=error.message,
        facts=error.detail,
    )
    answer = HttpResponse(to_json(told), status=error.status, content_type=PROBLEM_TYPE)
    if error.status in {429, 503}:
        wait_s = error.detail.get("retry_after_s", RETRY_AFTER_S)
        answer["Retry-After"] = math.ceil(wait_s) if isinstance(wait_s, int | float) else 1
    if error.status == Unidentified.status:
        answer["WWW-Authenticate"] = "Bearer"
    return answer


def _call(request: HttpRequest, name: str, payload: dict[str, Any]) -> HttpResponse:
    actor = request.auth  # type: ignore[attr-defined]
    answer = registry.call(actor, name, payload, request.headers.get("Idempotency-Key", ""))
    return HttpResponse(to_json(answer), content_type="application/json")


# -- OpenAPI --------------------------------------------------------------------------------------
class ActionsAPI(NinjaAPI):
    """Ninja with the schemas of the registry: payloads and answers are not checked twice."""

    components: Schema = {}

    def get_openapi_schema(self, **kwargs: Any) -> OpenAPISchema:
        """Describe the API as OpenAPI 3.1."""
        described = super().get_openapi_schema(**kwargs)
        described["components"]["schemas"].update(self.components)
        return described


def _schemas(actions: list[Action]) -> tuple[dict[str, Schema], dict[str, Schema], Schema]:
    """Describe payloads and answers; returns both by action's name, and what they refer to."""
    adapters: list[tuple[str, Any, TypeAdapter[Any]]] = [
        ("problem", "serialization", TypeAdapter(Problem))
    ]
    for found in actions:
        adapters.append((found.name, "validation", TypeAdapter(found.payload)))
        adapters.append((found.name, "serialization", found.returns))
    described, shared = TypeAdapter.json_schemas(adapters, by_alias=False, ref_template=REF)
    payloads = {name: schema for (name, mode), schema in described.items() if mode == "validation"}
    answers = {name: schema for (name, mode), schema in described.items() if mode != "validation"}
    return payloads, answers, shared["$defs"]


def _extra(answer: Schema, more: Schema) -> Schema:
    refusal = {PROBLEM_TYPE: {"schema": {"$ref": REF.format(model="Problem")}}}
    return more | {
        "responses": {
            200: {"description": "Done", "content": {"application/json": {"schema": answer}}},
            "default": {"description": "Refused", "content": refusal},
        }
    }


def _body_of(payload: Schema) -> Schema:
    return {"content": {"application/json": {"schema": payload}}, "required": True}


def _key_of(found: Action) -> list[Schema]:
    words = "The same key with the same body gives the stored answer and does nothing twice."
    key = {
        "name": "Idempotency-Key",
        "in": "header",
        "description": words,
        "schema": {"type": "string", "maxLength": registry.MAX_KEY_CHARS},
    }
    return [key] if found.writes else []


def _arguments_of(model: Schema) -> list[Schema]:
    required = model.get("required", ())
    return [
        {"name": name, "in": "query", "required": name in required, "schema": schema}
        for name, schema in model.get("properties", {}).items()
    ]


# -- Operations -----------------------------------------------------------------------------------
def _post(name: str) -> Callable[[HttpRequest], HttpResponse]:
    def run(request: HttpRequest) -> HttpResponse:
        return _call(request, name, body(request))

    return run


def _get(name: str, model: Schema) -> Callable[[HttpRequest], HttpResponse]:
    properties = model.get("properties", {})
    lists = frozenset(key for key, schema in properties.items() if schema.get("type") == "array")

    def run(request: HttpRequest) -> HttpResponse:
        return _call(request, name, query(request, lists))

    return run


def _unknown(request: HttpRequest, name: str) -> HttpResponse:
    return _call(request, name, {})


def make() -> NinjaAPI:
    """Make the API with an operation for each action that is registered by now."""
    api = ActionsAPI(
        title="Parley",
        version="1",
        description="What a member can do, as HTTP. Every action is documented where it is made.",
        auth=Bearer(),
        urls_namespace="api",
        docs_decorator=csp_update({"style-src": ["'unsafe-inline'"]}),
    )
    actions = [found for _, found in sorted(ACTIONS.items())]
    payloads, answers, api.components = _schemas(actions)
    for found in actions:
        payload, answer = payloads[found.name], answers[found.name]
        common: Schema = {
            "summary": found.summary,
            "description": f"{found.help}\n\nNeeds the right to {found.needs}.",
            "tags": [found.name.partition(".")[0]],
        }
        shape = {"requestBody": _body_of(payload), "parameters": _key_of(found)}
        api.post(
            f"/actions/{found.name}",
            operation_id=found.name,
            openapi_extra=_extra(answer, shape),
            **common,
        )(_post(found.name))
        if not (found.writes or found.marks):
            model = api.components[found.payload.__name__]
            api.get(
                f"/actions/{found.name}",
                operation_id=f"{found.name}.get",
                openapi_extra=_extra(answer, {"parameters": _arguments_of(model)}),
                **common,
            )(_get(found.name, model))
    api.api_operation(["GET", "POST"], "/actions/{name}", include_in_schema=False)(_unknown)
    _translate(api)
    return api


def _translate(api: NinjaAPI) -> None:
    @api.exception_handler(HubError)
    def refused(_: HttpRequest, error: HubError) -> HttpResponse:
        return problem(error)

    @api.exception_handler(AuthenticationError)
    def unidentified(_: HttpRequest, __: AuthenticationError) -> HttpResponse:
        return problem(Unidentified("Send the header Authorization: Bearer <token>."))

    @api.exception_handler(OperationalError)
    def down(_: HttpRequest, __: OperationalError) -> HttpResponse:
        return problem(
            Unavailable("The database does not answer; try again.", code="database.unavailable")
        )
