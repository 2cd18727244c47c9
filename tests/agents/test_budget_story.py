"""The story on a budget that ends half-way: a person raises it, and the team goes on."""

from collections import Counter

import pytest

from agents import providers, rehearsing
from agents.models import Session, Step
from agents.providers.base import Answer, Request, Stop
from agents.providers.rehearsal import Rehearsal
from hub.models import Budget, Charge, Decision, Event, Message, Project

from .stage import Set

PATIENCE_S = 120
FIRST_CAP = "1.5"


class Priced(Rehearsal):
    """The rehearsal's part for money: the same answers, with a model that has a price."""

    name = "priced"
    models = dict.fromkeys(("strong", "standard", "light"), "claude-opus-5-5")

    def respond(self, request: Request, stop: Stop) -> Answer:
        assert request.max_output_tokens > 0
        return super().respond(request, stop)


def test_a_budget_that_ends_half_way_is_raised_and_no_turn_is_booked_twice(
    stage: Set, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(providers, "PROVIDERS", {"priced": Priced()})
    Project.objects.filter(pk=stage.stage.project.pk).update(provider="priced")
    stage.act("budget.set", scope="project", cap_usd=FIRST_CAP)

    came_of = rehearsing.play(stage.stage, PATIENCE_S, lambda _: None)

    assert came_of == ""
    cards = Decision.objects.filter(kind="budget")
    raised = Event.objects.filter(name="budget.raised").count()
    assert cards.exists()
    assert raised == cards.filter(state="answered").count() > 0
    assert not Session.objects.filter(over_budget__isnull=False).exists()
    settled = Charge.objects.filter(state="settled")
    booked = Counter((row.session, row.turn, row.key.split(":")[2]) for row in settled)
    assert set(booked.values()) == {1}
    assert settled.count() == Step.objects.count()
    assert Budget.objects.get().spent_micro_usd == sum(
        row.micro_usd for row in Charge.objects.all()
    )
    assert Budget.objects.get().reserved_micro_usd == 0
    spoken = Message.objects.filter(author__kind="agent").values_list("author_id", "text")
    assert set(Counter(spoken).values()) == {1}
