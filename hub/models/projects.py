"""Projects, their clock rows, and the lock that makes each project's writers take turns."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime

from django.db import OperationalError, connection, models, transaction
from psycopg import errors as psycopg_errors

from hub import bell, clock, fast
from hub.errors import NotFound, Unavailable

HOUSE = 0
MAX_WAITING = 20


class Project(models.Model):
    """One team, one repository, one log. Number 0 is the house."""

    slug = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=80)
    purpose = models.TextField(blank=True)
    repository = models.CharField(
        max_length=500, blank=True, help_text="path or URL of a git repository"
    )
    base_branch = models.CharField(max_length=120, default="main")
    check_command = models.CharField(max_length=500, blank=True)
    provider = models.CharField(max_length=40, default="rehearsal")
    script = models.CharField(max_length=80, blank=True, help_text="the rehearsal's script")
    merge_needs_person = models.BooleanField(default=True)
    requires_plan = models.BooleanField(
        default=True, help_text="a task's plan is posted in its work channel before it is built"
    )
    allows_network = models.BooleanField(
        default=False, help_text="agents' commands may reach the network"
    )
    session_calls_per_hour = models.PositiveIntegerField(default=120)
    objective_calls_per_hour = models.PositiveIntegerField(default=300)
    paused_at = models.DateTimeField(null=True, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = "project"

    def __str__(self) -> str:
        return self.name


class RoleSettings(models.Model):
    """What a project has chosen for one role; empty means the default of its tier.

    `fallback_models` are tried in order while a limit holds the model back. From
    `context_limit_tokens` on the hand-over of a session is measured; None means the model's own.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="role_settings")
    role = models.CharField(max_length=24)
    model = models.CharField(max_length=80, blank=True)
    fallback_models = models.JSONField(default=list)
    context_limit_tokens = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        verbose_name = "role settings"
        verbose_name_plural = "role settings"
        constraints = [
            models.UniqueConstraint(fields=["project", "role"], name="role_settings_once"),
        ]

    def __str__(self) -> str:
        return f"{self.role} of project {self.project_id}"


class ProjectClock(models.Model):
    """The narrow row that a project's writers lock: the last sequence number and hash."""

    project = models.OneToOneField(
        Project, on_delete=models.CASCADE, primary_key=True, related_name="clock"
    )
    seq = models.BigIntegerField(default=0)
    head_hash = models.CharField(max_length=64, blank=True)

    class Meta:
        verbose_name = "project clock"

    def __str__(self) -> str:
        return f"project {self.project_id} at {self.seq}"


@dataclass(slots=True)
class Held:
    """A project's lock while it is held: its log's end and the moment of the transaction."""

    project_id: int
    seq: int
    head_hash: str
    now: datetime
    stored_seq: int
    waiting: list[models.Model] = field(default_factory=list)

    def write(self, row: models.Model) -> None:
        """Let a row that nobody reads under this lock be inserted with the others at its end."""
        self.waiting.append(row)
        if len(self.waiting) >= MAX_WAITING:
            self.flush()

    def flush(self) -> None:
        """Insert now what waits."""
        if self.waiting:
            fast.together([*self.steps(), ("SELECT 1", [])])

    def steps(self) -> list[fast.Step]:
        """Take the statements of what waits."""
        rows, self.waiting = self.waiting, []
        return [fast.inserting(row) for row in rows]


_held: ContextVar[dict[int, Held] | None] = ContextVar("parley_held_locks", default=None)

LOCK_SQL = (
    "SELECT seq, head_hash, clock_timestamp() FROM hub_projectclock"
    " WHERE project_id = %s FOR NO KEY UPDATE"
)
ADVANCE_SQL = "UPDATE hub_projectclock SET seq = %s, head_hash = %s WHERE project_id = %s"


def held(project_id: int) -> Held:
    """Give the lock that this thread holds on a project; holding none is a programming error."""
    lock = (_held.get() or {}).get(project_id)
    assert lock is not None, f"project {project_id} is not locked: call this through registry.call"
    return lock


def is_held(project_id: int) -> bool:
    """Tell whether this thread holds the project's lock."""
    return project_id in (_held.get() or {})


@contextmanager
def project_lock(project_id: int) -> Iterator[Held]:
    """Open a transaction that makes this thread the project's only writer.

    Inside another hold of the same project it is a savepoint: what fails there is undone and the
    rest stays. The sequence that the events took is stored, and the doorbell rung, once at the end.
    Raises NotFound for an unknown project, Unavailable when others hold the lock for over 2 s.
    """
    if is_held(project_id):
        with _savepoint(held(project_id)) as lock:
            yield lock
        return
    try:
        with transaction.atomic():
            lock = _take(project_id)
            before = _held.get() or {}
            token = _held.set({**before, project_id: lock})
            try:
                yield lock
                _advance(lock)
            finally:
                _held.reset(token)
    except OperationalError as error:
        raise _translated(error) from error


@contextmanager
def _savepoint(lock: Held) -> Iterator[Held]:
    lock.flush()  # what waits belongs to the caller, whose work stays when this is undone
    seq, head_hash = lock.seq, lock.head_hash
    try:
        with transaction.atomic():
            yield lock
            lock.flush()
    except BaseException:
        lock.seq, lock.head_hash = seq, head_hash
        lock.waiting.clear()
        raise


def _take(project_id: int) -> Held:
    with connection.cursor() as cursor:
        cursor.execute(LOCK_SQL, [project_id])
        row = cursor.fetchone()
    if row is None:
        raise NotFound("There is no such project.", code="project.unknown")
    return Held(
        project_id=project_id,
        seq=row[0],
        head_hash=row[1],
        now=clock.now(row[2]),
        stored_seq=row[0],
    )


def _advance(lock: Held) -> None:
    if lock.seq == lock.stored_seq:
        lock.flush()
        return
    advance = ADVANCE_SQL, [lock.seq, lock.head_hash, lock.project_id]
    fast.together([*lock.steps(), advance, bell.ringing(f"{lock.project_id}:{lock.seq}")])


def _translated(error: OperationalError) -> Exception:
    if isinstance(error.__cause__, psycopg_errors.LockNotAvailable | psycopg_errors.QueryCanceled):
        return Unavailable("The project is busy; try again in a moment.", code="project.busy")
    return error


def after_commit(call: Callable[[], object]) -> None:
    """Run something after the outermost commit; it may be lost, a sweep must find what it left."""
    transaction.on_commit(call, robust=True)
