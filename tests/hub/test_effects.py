"""Cards whose answer Parley carries out: in the name of who answers, or told why not."""

import pytest

from hub.actions import decisions
from hub.actions.effects import Effect
from hub.actor import Actor
from hub.errors import Forbidden
from hub.markdown import RichText
from hub.models import Decision, DecisionKind, Message, Project
from hub.models.projects import project_lock
from tests.cast import act, log_end, logged, without


def card(actor: Actor, action: str = "project.pause") -> Decision:
    choices = [
        ("Stop it", Effect(action=action, payload={})),
        ("Leave it", None),
    ]
    with project_lock(actor.project_id) as lock:
        return decisions.open_card(
            actor.at(lock.now), DecisionKind.BRAKE, RichText.of("It goes in circles."), choices
        )


def test_a_choice_is_carried_out_in_the_name_of_who_answers(
    ada: Actor, mina: Actor, moon: Project
) -> None:
    row = card(mina)
    before = log_end(ada)

    act(ada, "decision.answer", decision=row.number, answer="1")

    moon.refresh_from_db()
    assert moon.paused_at is not None
    assert logged(ada, before) == ["decision.answered", "message.posted", "project.paused"]


@pytest.mark.parametrize("answer", ["2", "Neither, because"])
def test_another_choice_and_an_answer_in_words_do_nothing(
    ada: Actor, mina: Actor, moon: Project, answer: str
) -> None:
    row = card(mina)

    act(ada, "decision.answer", decision=row.number, answer=answer)

    moon.refresh_from_db()
    assert moon.paused_at is None


def test_what_cannot_be_carried_out_is_said_and_the_answer_stands(
    ada: Actor, mina: Actor, moon: Project
) -> None:
    row = card(mina, "project.resume")

    act(ada, "decision.answer", decision=row.number, answer="1")

    row.refresh_from_db()
    assert row.state == "answered"
    last = Message.objects.filter(project=moon).order_by("-seq")[0]
    assert "could not be carried out: It is not paused." in last.text


def test_who_lacks_the_right_to_an_effect_does_not_have_it_by_answering(
    ada: Actor, mina: Actor, moon: Project
) -> None:
    row = card(mina)

    act(without(ada, "staff"), "decision.answer", decision=row.number, answer="1")

    moon.refresh_from_db()
    assert moon.paused_at is None


def test_agents_do_not_answer_cards(mina: Actor, em: Actor) -> None:
    row = card(mina)

    with pytest.raises(Forbidden):
        act(em, "decision.answer", decision=row.number, answer="1")
