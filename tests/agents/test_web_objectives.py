"""An objective's page: what belongs to it, and one timeline of all that happened."""

from datetime import timedelta

import pytest
from django.test import Client
from pytest_django.fixtures import DjangoAssertNumQueries

from agents.models import Entry, EntryKind, Session
from hub.models import Cursor, Event, Objective, Task, User
from hub.parts import live, timeline

from .offering import change, offered
from .stage import Set

FRAME_QUERIES = 11
OBJECTIVE_QUERIES = 10


@pytest.fixture
def browser(stage: Set) -> Client:
    """Pat's browser."""
    client = Client()
    client.force_login(User.objects.get(pk=stage.person.user_id))
    return client


@pytest.fixture
def story(stage: Set) -> Session:
    """An objective with two tasks, a session that ran a command, chat, and a question."""
    stage.act("objective.open", text="Count the words")
    stage.act("task.open", title="Repair the words", name="repair", objective=1)
    stage.act("task.open", title="Print them", name="print", objective=1, waits_for=[1])
    stage.act("task.open", title="Something else", name="other")
    stage.act("task.claim", task=1)
    stage.act("message.post", channel="work-1-repair", text="I look at **counting** now.")
    row = stage.start("tester", task=1)
    for seq, (kind, title, code) in enumerate(
        [("read", "1 new", None), ("tool", "run_command ls", 0), ("tool", "run_command x", 2)], 1
    ):
        Entry.objects.create(
            session=row,
            seq=seq,
            kind=kind,
            title=title,
            text=f"secret text {seq}",
            exit_code=code,
            at=row.created_at + timedelta(milliseconds=seq),
        )
    stage.act("decision.ask", text="Which word?", task=1)
    return row


def page(client: Client, path: str = "o/1/") -> str:
    answer = client.get(f"/p/word-count/{path}")
    assert answer.status_code == 200
    return answer.content.decode()


def keys(shown: str) -> list[str]:
    return [part.split('"')[0] for part in shown.split('id="moment-')[1:]]


def test_everything_of_an_objective_is_on_its_page(browser: Client, story: Session) -> None:
    shown = page(browser)

    for said in (
        "Count the words",
        'id="task-row-1"',
        "after #1",
        f'href="/p/word-count/s/{story.number}/"',
        "Which word?",
        "waits for you",
        "<strong>counting</strong>",
        "run_command ls",
        "exit 2",
    ):
        assert said in shown, said
    assert "Something else" not in shown.split("<main")[1]


def test_the_timeline_is_in_the_order_of_time_and_without_transcripts(
    browser: Client, story: Session
) -> None:
    shown = page(browser).split('id="timeline"')[1]

    places = [
        shown.index(words)
        for words in ("asked for", "claimed", "<strong>counting</strong>", "run_command ls")
    ]
    assert places == sorted(places)
    assert shown.index("run_command x") < shown.index(">question 1<")
    assert "secret text" not in shown


def test_a_folded_line_gives_its_text_on_demand(browser: Client, story: Session) -> None:
    path = f"/p/word-count/s/{story.number}/e/2/"

    fragment = browser.get(path, headers={"HX-Request": "true"})
    plain = browser.get(path)

    assert fragment.content.decode().strip() == '<pre tabindex="0">secret text 2</pre>'
    assert plain["Location"] == f"/p/word-count/s/{story.number}/?before=3#entry-2"
    assert browser.get(path.replace("/2/", "/99/")).status_code == 404


@pytest.mark.parametrize(
    ("kind", "there", "missing"),
    [
        ("chat", "<strong>counting</strong>", "run_command"),
        ("tools", "run_command ls", "<strong>counting</strong>"),
        ("states", "claimed", "run_command"),
    ],
)
def test_one_kind_can_be_kept(
    browser: Client, story: Session, kind: str, there: str, missing: str
) -> None:
    moments = page(browser, f"o/1/?kind={kind}").split('class="moments"')[1]

    assert there in moments
    assert missing not in moments


def test_commits_and_merges_are_files(stage: Set, browser: Client, writer) -> None:
    stage.act("objective.open", text="Count the words")
    stage.act("task.open", title="Other", objective=1)
    Task.objects.update(objective=Objective.objects.get())
    change(writer)
    offered(stage, writer)

    moments = page(browser, "o/1/?kind=files").split('class="moments"')[1]

    assert "committed" in moments
    assert "prepared" in moments


def test_a_moment_has_a_permanent_link_that_marks_it(browser: Client, story: Session) -> None:
    seq = Event.objects.get(name="task.claimed").seq

    by_number = page(browser, f"o/1/?at={seq}")
    by_line = page(browser, f"o/1/?at=s{story.number}.3")

    assert f'class="moment of-states here" id="moment-{seq}"' in by_number
    assert f'class="moment of-tools here" id="moment-s{story.number}.3"' in by_line
    assert f"?at={seq}#moment-{seq}" in by_number


@pytest.mark.parametrize("at", ["0", "x", "s1.999", "s9.9", "9" * 40, "1'--"])
def test_a_senseless_moment_is_no_trouble(browser: Client, story: Session, at: str) -> None:
    assert keys(page(browser, f"o/1/?at={at}&kind=weather"))


def test_a_number_between_goes_to_the_moment_before_it(browser: Client, story: Session) -> None:
    other = Event.objects.get(name="task.opened", subject="task:3").seq

    assert str(other - 1) in keys(page(browser, f"o/1/?at={other}"))


def test_a_long_timeline_is_walked_without_gaps(
    stage: Set, browser: Client, story: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = keys(page(browser))
    monkeypatch.setattr(timeline, "HALF", 3)
    monkeypatch.setattr("agents.web.moments.HALF", 3)

    seen, at = [], ""
    for _ in range(20):
        shown = page(browser, f"o/1/?at={at}" if at else "o/1/")
        found = keys(shown)
        seen = [*(key for key in found if key not in seen), *seen]
        if 'class="button older"' not in shown or found[0] == at:
            break
        at = found[0]

    assert seen == everything


def test_what_changed_since_the_last_visit_is_said(
    stage: Set, browser: Client, story: Session
) -> None:
    assert "While you were away" not in page(browser)
    upto = Event.objects.order_by("-seq").values_list("seq", flat=True)[0]
    sent = {"objective": "1", "upto": str(upto), "next": "/p/word-count/o/1/"}
    browser.post("/p/word-count/do/objective.mark_seen/", sent)
    nothing_new = page(browser)

    stage.act("task.finish", task=1, outcome="Done.")

    shown = page(browser)
    assert "While you were away" not in nothing_new
    assert "While you were away" in shown
    assert "Pat finished #1" in shown
    assert 'class="new-line">new</li>' in shown
    assert Cursor.objects.get(reader__startswith="seen:").seq == upto


def test_the_page_asks_few_questions_however_long_the_story(
    stage: Set,
    browser: Client,
    story: Session,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for number in range(4, 8):
        stage.act("task.open", title=f"More {number}", objective=1)
        stage.act("decision.ask", text="And?", task=number)
        stage.act("message.post", channel="work-1-repair", text=f"Word {number}")

    with django_assert_max_num_queries(FRAME_QUERIES + OBJECTIVE_QUERIES):
        page(browser)
    with django_assert_max_num_queries(FRAME_QUERIES + OBJECTIVE_QUERIES):
        page(browser, f"o/1/?at=s{story.number}.2")


def test_another_projects_objective_does_not_exist(stage: Set, story: Session) -> None:
    client = Client()
    client.force_login(User.objects.create_user("eve"))

    assert client.get("/p/word-count/o/1/").status_code == 404
    assert client.get(f"/p/word-count/s/{story.number}/e/2/").status_code == 404


def test_an_open_page_gets_what_happens(stage: Set, story: Session) -> None:
    stage.act("message.post", channel="work-1-repair", text="Nearly.")
    stage.act("task.finish", task=1)
    stage.act("task.open", title="Unrelated")
    rows = Event.objects.select_related("project", "actor", "channel").order_by("seq")

    found = {
        event.name: [part.html for part in live.parts_of(event) if "objective:1" in part.topics]
        for event in rows.filter(name__in=["message.posted", "task.done", "task.opened"])
    }

    said = [html for html in found["message.posted"] if "Nearly." in html]
    assert len(said) == 1
    assert "beforeend:#moments-1" in said[0]
    assert any('id="task-row-1"' in html for html in found["task.done"])
    assert found["task.opened"] == []


def test_a_said_line_belongs_to_the_chat(browser: Client, story: Session) -> None:
    Entry.objects.filter(seq=1).update(kind=EntryKind.SAID, title="")

    shown = page(browser, "o/1/?kind=chat")

    assert f"moment-s{story.number}.1" in shown
    assert "said to itself" in shown
