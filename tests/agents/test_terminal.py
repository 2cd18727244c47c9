"""The person at the terminal: what is shown, what is asked, and what each answer leads to."""

import pytest

from agents import rehearsing
from agents.actions.pulls import PullState
from agents.models import PullRequest, Review
from agents.terminal import NobodyThereError, Terminal
from hub import registry
from hub.actor import Actor
from hub.models import Decision

from .offering import FIX, change, offered
from .stage import Set


class Person:
    """Answers what it was given, one after the other, and keeps what it was asked and shown."""

    def __init__(self, *answers: str, **options: bool) -> None:
        self.answers = list(answers)
        self.shown: list[str] = []
        self.terminal = Terminal(write=self.shown.append, read=self.read, **options)

    def read(self, words: str) -> str:
        self.shown.append(words)
        if not self.answers:
            raise EOFError
        return self.answers.pop(0)


@pytest.fixture
def pull(stage: Set, writer: Actor) -> PullRequest:
    change(writer, *FIX)
    row = offered(stage, writer)
    registry.call(writer, "pull.request_approval", {"pull": row.number, "text": "Please."})
    return row


def ask(stage: Set, *, choices: list[str]) -> Decision:
    em = stage.start("em")
    actor = stage.lease().actor()
    assert actor.run_id == em.run_id
    registry.call(actor, "turn.begin", {})
    registry.call(actor, "decision.ask", {"text": "Which?", "choices": choices})
    return Decision.objects.get()


def test_a_yes_approves_what_was_shown_and_orders_the_merge(stage: Set, pull) -> None:
    person = Person("yes")

    person.terminal.act(stage.stage)

    pull.refresh_from_db()
    assert (pull.state, Review.objects.get().tree) == (PullState.MERGING, pull.tree)
    assert any("1 files, +1 -1" in line for line in person.shown)


def test_a_no_asks_for_changes_with_the_reason_and_does_not_ask_again(stage: Set, pull) -> None:
    person = Person("no", "Name it better.")

    person.terminal.act(stage.stage)
    person.terminal.act(stage.stage)

    pull.refresh_from_db()
    assert pull.state == PullState.OPEN
    assert (Review.objects.get().verdict, Review.objects.get().text) == (
        "changes",
        "Name it better.",
    )


def test_the_diff_is_shown_on_request(stage: Set, pull) -> None:
    person = Person("diff", "yes")

    person.terminal.act(stage.stage)

    assert any(line.startswith("+WORD") for line in person.shown)


def test_a_closed_terminal_approves_nothing(stage: Set, pull) -> None:
    with pytest.raises(NobodyThereError, match="nobody is at the terminal"):
        Person().terminal.act(stage.stage)

    assert not Review.objects.exists()


def test_yes_on_the_command_line_approves(stage: Set, pull) -> None:
    Person(approves=True).terminal.act(stage.stage)

    pull.refresh_from_db()
    assert pull.state == PullState.MERGING


def test_a_question_takes_a_number_a_word_or_the_recommendation(stage: Set) -> None:
    ask(stage, choices=["Red", "Blue"])

    Person("2").terminal.act(stage.stage)

    assert Decision.objects.get().answer == "Blue"


def test_an_empty_answer_is_the_recommendation(stage: Set) -> None:
    ask(stage, choices=["Red", "Blue"])

    Person("").terminal.act(stage.stage)

    assert Decision.objects.get().answer == "Red"


def test_texts_of_agents_move_no_cursor(stage: Set, writer: Actor) -> None:
    change(writer, FIX[0], 'WORD = "\x1b[2J\u202e"')
    row = offered(stage, writer)
    registry.call(writer, "pull.request_approval", {"pull": row.number, "text": "Please."})
    person = Person("diff", "yes")

    person.terminal.act(stage.stage)

    shown = "\n".join(person.shown)
    assert ("\x1b" in shown, "\u202e" in shown) == (False, False)
    assert "[2J" in shown


def test_the_objective_is_the_persons_own(stage: Set) -> None:
    assert rehearsing.Wish(objective="Say hello.") != rehearsing.Wish()
    assert stage.stage.objective == stage.stage.script.objective
