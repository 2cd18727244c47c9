"""Money: one row for each call of a model, and the budgets that calls are reserved against."""

from datetime import datetime

from django.db import models
from django.db.models import F, Q

from hub.states import Machine

from .decisions import Decision
from .members import Member
from .objectives import Objective
from .projects import Project
from .runs import Run
from .tasks import Task


class ChargeState(models.TextChoices):
    RESERVED = "reserved", "reserved"
    SETTLED = "settled", "settled"
    RELEASED = "released", "given back"
    LOST = "lost", "booked without an answer"


CHARGE_STATES = Machine(
    ChargeState,
    {
        ChargeState.RESERVED: {ChargeState.SETTLED, ChargeState.RELEASED, ChargeState.LOST},
        ChargeState.SETTLED: set(),
        ChargeState.RELEASED: set(),
        ChargeState.LOST: set(),
    },
)


class ChargeQuerySet(models.QuerySet["Charge"]):
    def booked(self) -> "ChargeQuerySet":
        """Keep what is paid for: neither open reservations nor what was given back."""
        return self.filter(state__in=[ChargeState.SETTLED, ChargeState.LOST])

    def orphaned(self, now: datetime) -> "ChargeQuerySet":
        """Keep open reservations whose worker lost its run, or whose own time is over."""
        gone = Q(run__lease_until=None) | Q(run__lease_until__lte=now)
        over = gone | Q(run__ended_at__isnull=False) | ~Q(run__epoch=F("epoch"))
        lapsed = Q(held_until__lte=now) | (Q(held_until=None) & over)
        return self.filter(lapsed, state=ChargeState.RESERVED)


class Charge(models.Model):
    """One call of a model: what was reserved for it, and what it was booked with.

    `key` is `session:turn:step:try`, so that no call is booked twice. `micro_usd` is what counts;
    it is 0 while the call is only reserved, and after it was given back. `price_from` is the date
    of the price row, None for a provider that costs nothing. `held_until` is set for a call beside
    the turns (turn 0), which no lease of the run stands for.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="charges")
    number = models.PositiveIntegerField()
    key = models.CharField(max_length=60)
    state = models.CharField(
        max_length=10, choices=ChargeState.choices, default=ChargeState.RESERVED
    )
    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="charges")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="charges")
    epoch = models.IntegerField()
    objective = models.ForeignKey(
        Objective, null=True, blank=True, on_delete=models.SET_NULL, related_name="charges"
    )
    task = models.ForeignKey(
        Task, null=True, blank=True, on_delete=models.SET_NULL, related_name="charges"
    )
    session = models.PositiveIntegerField(help_text="number of the session")
    turn = models.PositiveIntegerField(help_text="number of the turn in it")
    provider = models.CharField(max_length=40)
    model = models.CharField(max_length=80, blank=True)
    input_tokens = models.PositiveIntegerField(default=0)
    output_tokens = models.PositiveIntegerField(default=0)
    cache_write_tokens = models.PositiveIntegerField(default=0)
    cache_read_tokens = models.PositiveIntegerField(default=0)
    reserved_micro_usd = models.BigIntegerField(default=0)
    micro_usd = models.BigIntegerField(default=0)
    price_from = models.DateField(null=True, blank=True)
    is_unknown_model = models.BooleanField(default=False)
    lacks_usage = models.BooleanField(default=False)
    is_absurd = models.BooleanField(default=False, help_text="its usage could not be believed")
    held_until = models.DateTimeField(null=True, blank=True)
    at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = ChargeQuerySet.as_manager()

    class Meta:
        verbose_name = "charge"
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="charge_number_unique"),
            models.UniqueConstraint(fields=["project", "key"], name="charge_once"),
            models.CheckConstraint(
                condition=Q(micro_usd__gte=0, reserved_micro_usd__gte=0), name="charge_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(state="reserved", ended_at=None)
                | (~Q(state="reserved") & Q(ended_at__isnull=False)),
                name="charge_ended_has_time",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["settled", "lost"]) | Q(micro_usd=0),
                name="charge_counts_when_booked",
            ),
        ]
        indexes = [
            models.Index(fields=["run"], condition=Q(state="reserved"), name="charge_open"),
            models.Index(fields=["project", "session", "turn"], name="charge_by_turn"),
            models.Index(fields=["project", "at"], name="charge_by_time"),
        ]

    def __str__(self) -> str:
        return f"charge {self.number}"

    @property
    def agent_name(self) -> str:
        """Name of the agent that asked."""
        return self.member.name

    @property
    def task_number(self) -> int | None:
        """Number of the task it was for."""
        return self.task.number if self.task else None

    @property
    def objective_number(self) -> int | None:
        """Number of the objective it was for."""
        return self.objective.number if self.objective else None


class BudgetScope(models.TextChoices):
    PROJECT = "project", "the project"
    OBJECTIVE = "objective", "objective"
    TASK = "task", "task"
    AGENT = "agent", "agent"


class BudgetQuerySet(models.QuerySet["Budget"]):
    def over(self, charge: Charge) -> "BudgetQuerySet":
        """Keep the budgets that a charge counts in."""
        mine = Q(scope=BudgetScope.PROJECT) | Q(member_id=charge.member_id)
        if charge.objective_id:
            mine |= Q(objective_id=charge.objective_id)
        if charge.task_id:
            mine |= Q(task_id=charge.task_id)
        return self.filter(mine, project_id=charge.project_id)

    def spent(self) -> "BudgetQuerySet":
        """Keep those of which nothing is left."""
        return self.filter(spent_micro_usd__gte=F("cap_micro_usd"))


class Budget(models.Model):
    """A cap on what a project, an objective, a task or an agent may cost, from the beginning on.

    `spent` and `reserved` are sums of the ledger, kept with it under the project's lock.
    `warned_at` and `stopped_at` say when people were asked; a new cap clears them. `card` is
    the last question about it.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="budgets")
    scope = models.CharField(max_length=10, choices=BudgetScope.choices)
    objective = models.OneToOneField(
        Objective, null=True, blank=True, on_delete=models.CASCADE, related_name="budget"
    )
    task = models.OneToOneField(
        Task, null=True, blank=True, on_delete=models.CASCADE, related_name="budget"
    )
    member = models.OneToOneField(
        Member, null=True, blank=True, on_delete=models.CASCADE, related_name="budget"
    )
    cap_micro_usd = models.BigIntegerField()
    spent_micro_usd = models.BigIntegerField(default=0)
    reserved_micro_usd = models.BigIntegerField(default=0)
    warned_at = models.DateTimeField(null=True, blank=True)
    stopped_at = models.DateTimeField(null=True, blank=True)
    card = models.ForeignKey(
        Decision, null=True, blank=True, on_delete=models.SET_NULL, related_name="budgets"
    )
    changed_at = models.DateTimeField()

    objects = BudgetQuerySet.as_manager()

    class Meta:
        verbose_name = "budget"
        constraints = [
            models.UniqueConstraint(
                fields=["project"], condition=Q(scope="project"), name="budget_one_of_project"
            ),
            models.CheckConstraint(condition=Q(cap_micro_usd__gt=0), name="budget_has_cap"),
            models.CheckConstraint(
                condition=Q(spent_micro_usd__gte=0, reserved_micro_usd__gte=0),
                name="budget_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(scope="project", objective=None, task=None, member=None)
                | Q(scope="objective", objective__isnull=False, task=None, member=None)
                | Q(scope="task", objective=None, task__isnull=False, member=None)
                | Q(scope="agent", objective=None, task=None, member__isnull=False),
                name="budget_fits_scope",
            ),
        ]

    def __str__(self) -> str:
        return f"budget {self.pk} ({self.scope})"

    @property
    def of(self) -> str:
        """Name what it is for, as `budget.set` takes it: a number, a name, or nothing."""
        if self.scope == BudgetScope.OBJECTIVE and self.objective:
            return str(self.objective.number)
        if self.scope == BudgetScope.TASK and self.task:
            return str(self.task.number)
        return self.member.name if self.member else ""

    @property
    def title(self) -> str:
        """Name what it is for, in words."""
        if self.scope == BudgetScope.OBJECTIVE and self.objective:
            return f"objective {self.objective.number}"
        if self.scope == BudgetScope.TASK and self.task:
            return f"#{self.task.number} {self.task.name}"
        return self.member.name if self.member else "the project"

    @property
    def left_micro_usd(self) -> int:
        """What is neither spent nor reserved; negative when it was overspent."""
        return self.cap_micro_usd - self.spent_micro_usd - self.reserved_micro_usd
