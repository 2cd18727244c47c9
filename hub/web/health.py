"""Whether the process lives (/healthz) and whether everything Parley needs works (/readyz)."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache, partial

import psycopg
from django.conf import settings
from django.db import Error, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from hub import clock
from hub.actions import events
from hub.models import HOUSE

CONNECT_TIMEOUT_S = 2
SWEEPS_MISSED_MAX = 3
# Name of the part, and of the cursor that its heartbeat moves in the house.
HEARTBEATS = {
    "jobs": "beat",
    "sessions": "sessions",
    "doorbell": "bell",
    "transports": "transports",
}


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that must work; the note says what was seen."""

    ok: bool
    note: str


@never_cache
@require_safe
def healthz(_: HttpRequest) -> HttpResponse:
    """Answer that this process lives; asks nothing else."""
    return HttpResponse("ok\n", content_type="text/plain")


@never_cache
@require_safe
def readyz(_: HttpRequest) -> JsonResponse:
    """Name each part and whether it works; 503 when one does not."""
    parts = look()
    ready = all(part.ok for part in parts.values())
    body = {"ready": ready, "parts": {name: asdict(part) for name, part in parts.items()}}
    return JsonResponse(body, status=200 if ready else 503)


def look() -> dict[str, Part]:
    """Look at every part: the database first, since the others are read from it."""
    found = {"database": database()}
    rest: dict[str, Callable[[], Part]] = {"migrations": migrations}
    rest |= {name: partial(heartbeat, reader) for name, reader in HEARTBEATS.items()}
    for name, check in rest.items():
        if not found["database"].ok:
            found[name] = Part(ok=False, note="unknown without the database")
            continue
        try:
            found[name] = check()
        except Error as error:
            found[name] = Part(ok=False, note=str(error).partition("\n")[0])
    return found


def database() -> Part:
    """Open a connection of its own: the pool would wait 10 s for a server that is gone."""
    parameters = connection.get_connection_params()
    for ours in ("cursor_factory", "context", "prepare_threshold", "pool"):
        parameters.pop(ours, None)
    try:
        with psycopg.connect(**{**parameters, "connect_timeout": CONNECT_TIMEOUT_S}) as direct:
            direct.execute("SELECT 1")
    except psycopg.OperationalError as error:
        return Part(ok=False, note=str(error).partition("\n")[0])
    return Part(ok=True, note="answers")


def migrations() -> Part:
    """Compare the migrations of this program with those that the database has seen."""
    missing = known_migrations() - set(MigrationRecorder(connection).applied_migrations())
    if missing:
        return Part(ok=False, note=f"{len(missing)} wait: run manage.py migrate")
    return Part(ok=True, note="applied")


@cache
def known_migrations() -> frozenset[tuple[str, str]]:
    """Read the names of all migrations from disk, once."""
    return frozenset(MigrationLoader(None).disk_migrations)


def heartbeat(reader: str) -> Part:
    """Tell how old a heartbeat is: a cursor of the house that holds seconds since 1970."""
    seen = events.cursor_of(HOUSE, reader)
    if not seen:
        return Part(ok=False, note="not seen yet")
    age_s = max(0.0, clock.now().timestamp() - seen)
    return Part(ok=age_s <= settings.SWEEP_S * SWEEPS_MISSED_MAX + 1, note=f"{age_s:.0f} s ago")
