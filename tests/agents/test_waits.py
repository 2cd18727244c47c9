"""Turns that have to wait for their provider: asked again, parked, played by another model."""

from datetime import timedelta

import pytest

from agents import providers, turns
from agents.actions.waits import MAX_RETRIES
from agents.models import ProviderLimit, Session, SessionState, Step, Turn
from agents.providers.base import (
    Answer,
    ContextFull,
    LimitReached,
    Request,
    RequestRefused,
    Stop,
    TryAgain,
)
from hub import clock
from hub.models import RoleSettings
from tests.cast import Clock

from .stage import Set

DONE = Answer(text="done", calls=(), is_last=True, state={})


class Troubled:
    """A provider that raises what it was made with, one after the other, and then answers."""

    name = "rehearsal"
    wants_history = False
    models = {"strong": "big", "standard": "middle", "light": "small"}

    def __init__(self, *troubles: Exception) -> None:
        self.troubles = list(troubles)
        self.asked: list[str] = []

    def respond(self, request: Request, stop: Stop) -> Answer:
        self.asked.append(request.model)
        if self.troubles:
            raise self.troubles.pop(0)
        return DONE


@pytest.fixture
def troubled(monkeypatch: pytest.MonkeyPatch):
    def install(*troubles: Exception) -> Troubled:
        provider = Troubled(*troubles)
        monkeypatch.setattr(providers, "PROVIDERS", {"rehearsal": provider})
        return provider

    return install


def test_a_cut_off_answer_is_asked_for_again_in_the_same_turn(
    stage: Set, troubled, stopped: Clock
) -> None:
    provider = troubled(TryAgain("cut off"))
    row = stage.start("em")

    stage.run_all()
    row.refresh_from_db()
    waiting = (row.state, row.parked_until)
    stopped.pass_s(10)
    stage.run_all()

    assert waiting == (SessionState.WAITING_CAPACITY, stopped.now() - timedelta(seconds=0))
    assert provider.asked == ["big", "big"]
    assert Turn.objects.get(session=row).state == "done"
    assert Session.objects.get(pk=row.pk).retries == 0


def test_news_do_not_wake_a_session_that_is_parked(stage: Set, troubled, stopped: Clock) -> None:
    provider = troubled(TryAgain("slow down", retry_after_s=90))
    row = stage.start("em")
    stage.run_all()

    stage.act("message.post", channel="project", text="Hello?")
    stage.wake()

    assert stage.run_all() == 0
    assert Session.objects.get(pk=row.pk).parked_until == stopped.now() + timedelta(seconds=90)
    assert len(provider.asked) == 1


def test_a_provider_that_never_answers_fails_the_turn(stage: Set, troubled, stopped: Clock) -> None:
    provider = troubled(*[TryAgain("cut off")] * (MAX_RETRIES + 1))
    row = stage.start("em")

    for _ in range(MAX_RETRIES + 1):
        stage.run_all()
        stopped.pass_s(301)

    assert len(provider.asked) == MAX_RETRIES + 1
    failed = Turn.objects.get(session=row, number=1)
    assert (failed.state, "did not answer" in failed.error) == ("failed", True)


def test_a_limit_parks_the_session_until_it_resets_and_it_resumes_once(
    stage: Set, troubled, stopped: Clock
) -> None:
    resets_at = stopped.now() + timedelta(hours=1)
    provider = troubled(LimitReached("used up", resets_at=resets_at))
    row = stage.start("em")

    stage.run_all()
    stopped.pass_s(3_599)
    early = stage.run_all()
    stopped.pass_s(1)
    late = stage.run_all()

    assert (early, late) == (0, 1)
    assert provider.asked == ["big", "big"]
    assert Turn.objects.get(session=row).state == "done"


def test_a_limit_is_passed_by_with_a_fallback_model(stage: Set, troubled) -> None:
    provider = troubled(LimitReached("used up", resets_at=clock.now() + timedelta(hours=1)))
    project = stage.stage.project
    RoleSettings.objects.create(project=project, role="em", fallback_models=["other"])
    row = stage.start("em")

    stage.run_all()

    assert provider.asked == ["big", "other"]
    assert Step.objects.get(turn__session=row).model == "other"


def test_a_limit_without_a_time_is_taken_to_last_a_quarter_of_an_hour(
    stage: Set, troubled, stopped: Clock
) -> None:
    troubled(LimitReached("used up", resets_at=None))
    stage.start("em")

    stage.run_all()

    assert ProviderLimit.objects.get().until == stopped.now() + timedelta(minutes=15)


@pytest.mark.parametrize("trouble", [RequestRefused("no such model"), ContextFull("too long")])
def test_what_is_refused_for_good_is_not_asked_again(stage: Set, troubled, trouble) -> None:
    provider = troubled(trouble)
    row = stage.start("em")

    stage.run_all()

    row.refresh_from_db()
    assert len(provider.asked) == 1
    assert Turn.objects.get(session=row).state == "failed"
    if isinstance(trouble, RequestRefused):
        assert row.paused_at is not None


def test_the_project_chooses_a_roles_model(stage: Set, troubled) -> None:
    provider = troubled()
    RoleSettings.objects.create(project=stage.stage.project, role="em", model="chosen")
    stage.start("em")

    turns.run_next("local")

    assert provider.asked == ["chosen"]
