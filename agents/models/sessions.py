"""Sessions, their turns, and the tool calls of each turn."""

from datetime import datetime

from django.db import models
from django.db.models import Exists, OuterRef, Q

from hub.models import HOUSE, Budget, Member, Objective, Project, Run, Task
from hub.states import Machine

from .breakers import ProviderBreaker
from .targets import Target, TargetState
from .workspaces import Workspace

REHEARSAL = "rehearsal"  # the provider whose agents follow a script


class SessionState(models.TextChoices):
    QUEUED = "queued", "queued"
    STARTING = "starting", "starting"
    RUNNING = "running", "running"
    WAITING_USER = "waiting_user", "waiting for a person"
    WAITING_CAPACITY = "waiting_capacity", "waiting for room"
    SUCCEEDED = "succeeded", "succeeded"
    FAILED = "failed", "failed"
    CANCELED = "canceled", "canceled"


_ENDS = {SessionState.SUCCEEDED, SessionState.FAILED, SessionState.CANCELED}

SESSION_STATES = Machine(
    SessionState,
    {
        SessionState.QUEUED: {SessionState.STARTING, SessionState.WAITING_CAPACITY, *_ENDS},
        SessionState.STARTING: {SessionState.RUNNING, SessionState.WAITING_CAPACITY, *_ENDS},
        SessionState.RUNNING: {
            SessionState.WAITING_USER,
            SessionState.WAITING_CAPACITY,
            *_ENDS,
        },
        SessionState.WAITING_USER: {SessionState.RUNNING, *_ENDS},
        SessionState.WAITING_CAPACITY: {SessionState.STARTING, SessionState.RUNNING, *_ENDS},
        SessionState.SUCCEEDED: set(),
        SessionState.FAILED: set(),
        SessionState.CANCELED: set(),
    },
)


class SessionQuerySet(models.QuerySet["Session"]):
    def live(self) -> "SessionQuerySet":
        """Keep the sessions that are not over."""
        return self.filter(state__in=SESSION_STATES.live)

    def due(self, now: datetime) -> "SessionQuerySet":
        """Keep what may take a turn now: due, not leased, not paused by anybody."""
        everything = Project.objects.filter(pk=HOUSE, paused_at__isnull=False)
        broken = ProviderBreaker.objects.filter(
            provider=OuterRef("provider"), opened_at__isnull=False
        )
        return (
            self.live()
            .filter(Q(due_at__lte=now) | Q(run__lease_until__lte=now))
            .filter(Q(run__lease_until=None) | Q(run__lease_until__lte=now))
            .filter(Q(parked_until=None) | Q(parked_until__lte=now), over_budget=None)
            .filter(paused_at=None, project__paused_at=None, run__ended_at=None, relieved_at=None)
            .filter(~Exists(everything), ~Exists(broken), project__archived_at=None)
        )

    def due_on(self, target: str, now: datetime) -> "SessionQuerySet":
        """Keep what a target may take now: nothing when disabled, nothing new while it drains."""
        rows = self.due(now).filter(target__name=target).exclude(target__state=TargetState.DISABLED)
        return rows.exclude(target__state=TargetState.DRAINING, state=SessionState.QUEUED)


class Session(models.Model):
    """One run of an agent. `due_at` is when it next takes a turn; None lets it sleep until woken.

    `provider_state` is what the provider needs to go on (a conversation id, a script's position).
    No turn begins before `parked_until`, whatever happens: a limit of the provider, or a pause
    before it is asked again (`retries` counts those). `context_tokens` is the size of the
    conversation after the last answer. `forgiven_at` is when a person last let it go on: guards
    count from then. `report` is what whoever started it is told of its end, with the artifacts that
    it `cites` (numbers) and, if it `shows_change`, the diff. `predecessor` is the session whose
    work it took over in a shift change. From `relieved_at` on it takes no turn: it waits for its
    successor to acknowledge the hand-off. No turn begins while it is `over_budget`: the budget
    that did not cover its next call. `worker` is the process that held the last lease
    (agents.workers).
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="sessions")
    number = models.PositiveIntegerField()
    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="sessions")
    run = models.OneToOneField(Run, on_delete=models.PROTECT, related_name="session")
    role = models.CharField(max_length=24)
    provider = models.CharField(max_length=40)
    model = models.CharField(max_length=80, blank=True)
    state = models.CharField(
        max_length=20, choices=SessionState.choices, default=SessionState.QUEUED
    )
    activity = models.CharField(max_length=200, blank=True)
    brief = models.TextField(blank=True)
    summary = models.TextField(blank=True)
    report = models.TextField(blank=True)
    cites = models.JSONField(default=list)
    shows_change = models.BooleanField(default=False)
    objective = models.ForeignKey(
        Objective, null=True, blank=True, on_delete=models.SET_NULL, related_name="sessions"
    )
    task = models.ForeignKey(
        Task, null=True, blank=True, on_delete=models.SET_NULL, related_name="sessions"
    )
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="children"
    )
    target = models.ForeignKey(Target, on_delete=models.PROTECT, related_name="sessions")
    workspace = models.ForeignKey(
        Workspace, null=True, blank=True, on_delete=models.SET_NULL, related_name="sessions"
    )
    provider_state = models.JSONField(default=dict)
    predecessor = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="successor"
    )
    context_tokens = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(null=True, blank=True)
    parked_until = models.DateTimeField(null=True, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    forgiven_at = models.DateTimeField(null=True, blank=True)
    over_budget = models.ForeignKey(
        Budget, null=True, blank=True, on_delete=models.SET_NULL, related_name="sessions"
    )
    retries = models.PositiveSmallIntegerField(default=0)
    failures = models.PositiveSmallIntegerField(default=0)
    worker = models.CharField(max_length=120, blank=True)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    relieved_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = SessionQuerySet.as_manager()

    class Meta:
        verbose_name = "session"
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="session_number_unique"),
            models.UniqueConstraint(
                fields=["member"],
                condition=Q(ended_at=None, relieved_at=None),
                name="session_one_live_per_member",
            ),
        ]
        indexes = [
            models.Index(
                fields=["target", "due_at"], condition=Q(ended_at=None), name="session_by_due"
            ),
        ]

    def __str__(self) -> str:
        return f"session {self.number}"

    @property
    def member_name(self) -> str:
        """Name of the agent."""
        return self.member.name

    @property
    def task_number(self) -> int | None:
        """Number of its task."""
        return self.task.number if self.task else None

    @property
    def is_rehearsal(self) -> bool:
        """Tell whether a script plays the agent."""
        return self.provider == REHEARSAL


class TurnState(models.TextChoices):
    RUNNING = "running", "running"
    DONE = "done", "done"
    FAILED = "failed", "failed"


class Turn(models.Model):
    """One step of a session's life: what it read, what was answered, what was done.

    `upto` is how far it read the inbox; that is acknowledged when the turn is done.
    """

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="turns")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=TurnState.choices, default=TurnState.RUNNING)
    prompt = models.TextField(blank=True)
    news = models.JSONField(default=list)
    upto = models.BigIntegerField(default=0)
    input_tokens = models.PositiveIntegerField(default=0)
    output_tokens = models.PositiveIntegerField(default=0)
    cache_write_tokens = models.PositiveIntegerField(default=0)
    cache_read_tokens = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "turn"
        constraints = [
            models.UniqueConstraint(fields=["session", "number"], name="turn_number_unique"),
            models.UniqueConstraint(
                fields=["session"], condition=Q(state="running"), name="turn_one_running"
            ),
        ]

    def __str__(self) -> str:
        return f"turn {self.number}"

    @property
    def prompt_tokens(self) -> int:
        """What its calls were given: new, written to a cache, and read from one."""
        return self.input_tokens + self.cache_write_tokens + self.cache_read_tokens


class Step(models.Model):
    """One stored answer of the provider: written before any of its tool calls runs.

    `content` is the answer as the provider gave it, to be given back; `stop_reason`
    is its own word for the end. `heard` are the inbox items that came in while its calls ran and
    that the model is told with their results, `heard_text` the words for them.
    """

    turn = models.ForeignKey(Turn, on_delete=models.CASCADE, related_name="steps")
    number = models.PositiveSmallIntegerField()
    text = models.TextField(blank=True)
    content = models.JSONField(default=list)
    model = models.CharField(max_length=80, blank=True)
    stop_reason = models.CharField(max_length=40, blank=True)
    is_last = models.BooleanField()
    heard = models.JSONField(default=list)
    heard_text = models.TextField(blank=True)
    at = models.DateTimeField()

    class Meta:
        verbose_name = "step"
        constraints = [
            models.UniqueConstraint(fields=["turn", "number"], name="step_number_unique"),
        ]

    def __str__(self) -> str:
        return f"step {self.number}"


class CallState(models.TextChoices):
    PLANNED = "planned", "planned"
    BEGUN = "begun", "begun"
    DONE = "done", "done"
    INTERRUPTED = "interrupted", "interrupted"


class ToolCall(models.Model):
    """One tool call. `begun` without a result means that a crash came in between.

    `child_pid` and `child_ticks` (its start, in clock ticks since boot) name the program that it
    started on the session's target, until somebody has seen its end.
    """

    step = models.ForeignKey(Step, on_delete=models.CASCADE, related_name="calls")
    number = models.PositiveSmallIntegerField()
    use_id = models.CharField(max_length=80)
    name = models.CharField(max_length=48)
    arguments = models.JSONField(default=dict)
    state = models.CharField(max_length=12, choices=CallState.choices, default=CallState.PLANNED)
    result = models.TextField(blank=True)
    is_error = models.BooleanField(default=False)
    exit_code = models.SmallIntegerField(null=True, blank=True)
    seconds = models.FloatField(null=True, blank=True)
    child_pid = models.IntegerField(null=True, blank=True)
    child_ticks = models.BigIntegerField(null=True, blank=True)

    class Meta:
        verbose_name = "tool call"
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["step", "number"], name="tool_call_number_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.state})"
