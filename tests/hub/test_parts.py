"""What parts say: times, words for events, states in words, and who sees which topic."""

from datetime import UTC, datetime, timedelta

import pytest
from django.template import Context, Template
from hypothesis import given
from hypothesis import strategies as st

from hub import clock, registry
from hub.actor import Actor
from hub.errors import HubError, Invalid, NotFound
from hub.models import Decision, Event, Member, Project, Task
from hub.parts import live, talk, team, wishes, words, work
from hub.templatetags import parley
from tests.cast import act

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "just now"),
        (44, "just now"),
        (46, "1 min ago"),
        (3_540, "59 min ago"),
        (3_600, "1 h ago"),
        (82_000, "23 h ago"),
        (90_000, "1 d ago"),
        (-10, "in a moment"),
        (-600, "in 10 min"),
        (-7_200, "in 2 h"),
    ],
)
def test_a_time_is_told_relative_to_now(seconds: int, said: str) -> None:
    assert parley.ago(NOON - timedelta(seconds=seconds), NOON) == said


def test_the_exact_time_is_one_hover_away() -> None:
    html = parley.when(NOON, "clock")

    assert html == (
        '<time datetime="2026-05-04T12:00:00+00:00" title="2026-05-04 12:00:00 UTC"'
        ' data-when="clock">12:00</time>'
    )


def test_no_time_is_told_as_nothing() -> None:
    assert parley.when(None) == ""


def test_an_icon_is_decoration_unless_it_has_a_label() -> None:
    assert 'aria-hidden="true"' in parley.icon("x")
    assert 'role="img" aria-label="close &quot;it&quot;"' in parley.icon("x", 'close "it"')


def test_an_unknown_role_has_a_hue_and_a_title() -> None:
    assert (parley.hue("wizard"), parley.role_title("wizard")) == (parley.OTHER_HUE, "wizard")


def test_a_text_that_is_too_deep_for_markdown_stays_text() -> None:
    assert parley.markdown(">" * 30 + " <b>") == "&gt;" * 30 + " &lt;b&gt;"


def test_a_task_reference_links_only_what_the_sanitiser_wrote() -> None:
    project = Project(slug="moon")
    html = '<span class="task-ref" data-number="12">#12</span> <span data-number="3">x</span>'

    assert parley.told(html, project) == (
        '<a href="/p/moon/t/12/">#12</a> <span data-number="3">x</span>'
    )


@pytest.mark.parametrize(("default", "said"), [("2", "Kerosene"), ("wait", "wait"), ("9", "9")])
def test_a_default_is_told_in_words(default: str, said: str) -> None:
    row = Decision(number=1, choices=["Hydrogen", "Kerosene"], default=default)

    assert parley.default_words(row) == said


@pytest.mark.parametrize(("chosen", "given"), [("dark", "dark"), ("light", "light"), ('"><x', "")])
def test_only_known_themes_reach_the_page(chosen: str, given: str) -> None:
    class Request:
        COOKIES = {"theme": chosen}

    page = Template("{% load parley %}{% theme as t %}{{ t }}").render(
        Context({"request": Request()})
    )

    assert page == given


def test_every_event_so_far_has_a_sentence(ada: Actor, mina: Actor) -> None:
    said = act(ada, "message.post", channel=1, text="hello")["number"]
    act(ada, "message.react", message=said, emoji="+1")
    act(ada, "task.open", title="Build a rocket")
    act(ada, "task.assign", task=1, to="mina")
    act(mina, "task.claim", task=1)
    act(mina, "task.release", task=1, reason="tired")
    act(ada, "project.pause")
    rows = Event.objects.filter(project_id=ada.project_id).select_related("channel", "actor")
    project = Project.objects.get(pk=ada.project_id)

    told = words.tell(rows, project)

    assert not [one.sentence for one in told if "…" in one.sentence or "{" in one.sentence]
    assert not [one.event.name for one in told if one.event.name.replace(".", " ") == one.sentence]


def test_an_event_that_nobody_taught_is_told_by_its_name() -> None:
    event = Event(name="moon.landed_on", subject="moon:1", body="{}", facts={})

    told = words.told(event, Project(slug="moon"))

    assert (told.sentence, told.link) == ("moon landed on", "")


@pytest.mark.parametrize(
    ("name", "facts", "sentence"),
    [
        ("member.retired", {"name": "ivo"}, "left"),
        ("member.retired", {"name": "mina"}, "retired mina"),
        ("member.joined", {"name": "em", "role": "em"}, "added em as engineering manager"),
        ("task.blocked", {"by": 1}, "let #1 go before"),
    ],
)
def test_an_event_is_told_as_people_say_it(name: str, facts: dict, sentence: str) -> None:
    event = Event(name=name, subject="member:1", facts=facts, actor=Member(name="ivo"))

    told = words.told(event, Project(slug="moon"))

    assert told.sentence == sentence


def test_a_card_is_named_by_its_kind() -> None:
    event = Event(name="decision.asked", subject="decision:3", facts={"kind": "review"})

    told = words.told(event, Project(slug="moon"))

    assert told.linked == "review 3"


@given(st.dictionaries(st.sampled_from(["name", "role", "to"]), st.text()), st.text())
def test_facts_cannot_break_a_sentence(facts: dict[str, str], name: str) -> None:
    event = Event(name="member.joined", subject=name, facts=facts)

    told = words.told(event, Project(slug="moon"))

    assert told.sentence == f"added {facts.get('name', '…')} as {facts.get('role', '…')}"


def column(project: Project, number: int) -> str:
    return work.card(work.rows(project).get(number=number), clock.now()).column


def test_a_task_stands_in_the_column_that_says_what_it_waits_for(
    moon: Project, ada: Actor, mina: Actor
) -> None:
    act(ada, "task.open", title="Build a rocket")
    act(ada, "task.open", title="Fly it", waits_for=[1])
    seen = [column(moon, 1), column(moon, 2)]
    act(mina, "task.claim", task=1)
    seen.append(column(moon, 1))
    act(mina, "decision.ask", text="Which fuel?", task=1)
    seen.append(column(moon, 1))
    act(ada, "decision.answer", decision=1, answer="Any")
    act(mina, "task.finish", task=1)
    seen += [column(moon, 1), column(moon, 2)]

    assert seen == ["ready", "waiting", "working", "needs", "done", "ready"]


@pytest.mark.parametrize(("left_s", "share"), [(-5, 0), (450, 50), (900, 100), (9_000, 100)])
def test_a_lease_is_shown_as_what_is_left_of_it(left_s: int, share: int) -> None:
    task = Task(state="claimed", lease_until=NOON + timedelta(seconds=left_s))
    task.unresolved, task.asked = [], []

    assert work.card(task, NOON).lease_share == share


def test_an_objective_counts_its_tasks_but_not_the_dropped_ones(moon: Project, ada: Actor) -> None:
    act(ada, "objective.open", text="Land on the moon")
    for title in ("a rocket", "fuel", "a flag"):
        act(ada, "task.open", title=title, objective=1)
    act(ada, "task.drop", task=3)
    act(ada, "task.claim", task=1)
    act(ada, "task.finish", task=1)
    act(ada, "task.claim", task=2)

    wish = wishes.wishes(moon, 5)[0]

    assert (wish.tasks, wish.done_share, wish.busy_share) == (2, 50, 100)


def test_an_objective_without_tasks_has_no_progress(moon: Project, ada: Actor) -> None:
    act(ada, "objective.open", text="Land on the moon")

    wish = wishes.wishes(moon, 5)[0]

    assert (wish.done_share, wish.busy_share) == (0, 0)


def test_presence_is_shown_until_an_application_knows_better(moon: Project, ada: Actor) -> None:
    act(ada, "presence.set", state="busy", note="at lunch")

    mate = team.mates(moon, team.members(moon))[0]

    assert (mate.state, mate.words) == ("waiting", "at lunch")


@pytest.mark.parametrize(
    ("state", "phase", "rounds", "past", "now"),
    [
        ("claimed", "test", 0, ["plan", "implement"], ["test"]),
        ("done", "review", 0, ["plan", "implement", "test", "review"], []),
        ("done", "review", 1, ["plan", "implement", "test", "review", "fix"], []),
    ],
)
def test_a_finished_task_has_no_step_now(
    state: str, phase: str, rounds: int, past: list[str], now: list[str]
) -> None:
    steps = work._phases(Task(state=state, phase=phase, rounds=rounds))

    assert [step.name for step in steps if step.when == "past"] == past
    assert [step.name for step in steps if step.when == "now"] == now


def test_a_line_without_room_for_marks_keeps_the_words() -> None:
    shown = parley.spoken("<p>How should <code>--json</code>\nprint &lt;b&gt;?</p>")

    assert shown == "How should --json print <b>?"


def test_messages_further_apart_than_five_minutes_stand_apart(moon: Project, ada: Actor) -> None:
    numbers = [act(ada, "message.post", channel=1, text="hi")["number"] for _ in range(3)]
    rows = {row.seq: row for row in talk.rows().filter(project=moon)}
    rows[numbers[2]].posted_at += talk.GROUP_WITHIN

    said = talk.said([rows[number] for number in numbers], moon, None)

    assert [one.follows for one in said] == [False, True, False]


@pytest.mark.parametrize(
    "topic", ["", "task", "task:", "task:x", "task:²", "nothing:1", "task:1:2"]
)
def test_a_topic_that_does_not_exist_is_refused(ada: Actor, topic: str) -> None:
    with pytest.raises(HubError):
        live.check_topic(ada, topic)


def test_topics_of_another_project_do_not_exist(ada: Actor, eve: Actor) -> None:
    act(ada, "task.open", title="Build a rocket")
    live.check_topic(ada, "task:1")

    with pytest.raises(NotFound):
        live.check_topic(eve, "task:1")


def test_another_members_topic_is_refused(ada: Actor, mina: Actor) -> None:
    with pytest.raises(Invalid) as refusal:
        live.check_topic(ada, f"member:{mina.member_id}")

    assert refusal.value.code == "topic.not_yours"


def test_a_ring_of_an_unknown_kind_changes_nothing(moon: Project) -> None:
    assert live.parts_of_ring(moon, "weather:1", 1) == []
    assert live.parts_of_ring(moon, "session:x", 1) == []


def test_a_part_is_the_same_for_page_and_socket(moon: Project, ada: Actor) -> None:
    number = registry.call(ada, "message.post", {"channel": 1, "text": "hello"})["number"]
    event = Event.objects.select_related("project", "actor", "channel").get(
        project=moon, seq=number
    )

    part = live.parts_of(event)[0]

    assert part.topics == {"channel:1"}
    assert "csrf" not in part.html
    assert 'data-member="' not in part.html
