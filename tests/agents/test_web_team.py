"""The team page: a card for each agent, why it waits, and a page that stays usable with many."""

import pytest
from django.test import Client
from pytest_django.fixtures import DjangoAssertNumQueries

from agents import standing
from agents.actions import sessions
from agents.models import Entry, EntryKind, Session, SessionState, Target, TargetState
from hub import registry
from hub.models import Event, Member, Presence, Run, User
from hub.parts import live
from hub.registry import ACTIONS

from .stage import Set

TEAM_QUERIES = 8
MANY = 200


@pytest.fixture
def browser(stage: Set) -> Client:
    """Pat's browser."""
    client = Client()
    client.force_login(User.objects.get(pk=stage.person.user_id))
    return client


@pytest.fixture
def agent(stage: Set) -> Session:
    """An implementer whose conversation is half full, with a line in its transcript."""
    stage.act("task.open", title="Repair the words", name="repair")
    row = stage.start("implementer", task=1)
    Session.objects.filter(pk=row.pk).update(
        state=SessionState.RUNNING, activity="run_command", context_tokens=45_000, model="big-1"
    )
    Entry.objects.create(
        session=row, seq=1, kind=EntryKind.TOOL, title="run_command ls", at=row.created_at
    )
    stage.act("role.set", role="implementer", context_limit_tokens=90_000)
    row.refresh_from_db()
    return row


def page(client: Client, path: str) -> str:
    answer = client.get(f"/p/word-count/{path}")
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_card_says_what_an_agent_is_and_does(browser: Client, agent: Session) -> None:
    card = page(browser, "team/").split(f'id="member-{agent.member_id}"')[1].split("</li>")[0]

    for said in (
        agent.member.name,
        "Implementer",
        "rehearsal",
        "#1 run_command",
        "#1 repair</a>",
        "run_command ls",
        "50 % of 90\u202f000 tokens",
        "rehearsal, big-1",
        'class="dot working"',
        'stroke-dasharray="50 100"',
        "do/session.steer/",
        "do/session.pause/",
        "do/session.cancel/",
    ):
        assert said in card, said


@pytest.mark.parametrize("there", [True, False])
def test_a_shift_change_is_offered_where_there_is_one(
    browser: Client, agent: Session, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    monkeypatch.setattr(registry, "ACTIONS", dict(ACTIONS))
    monkeypatch.setattr("agents.web.team.SHIFT_CHANGE", "session.pause" if there else "no.such")

    assert ("Shift change…" in page(browser, "team/")) == there


def test_an_agent_is_steered_from_its_card(stage: Set, browser: Client, agent: Session) -> None:
    sent = {"session": agent.number, "text": "Stop at noon.", "next": "/p/word-count/team/"}

    answer = browser.post("/p/word-count/do/session.steer/", sent)

    assert answer.status_code == 303
    assert Event.objects.filter(name="message.posted").count() > 0


def many(stage: Set, count: int) -> None:
    """Add live sessions as rows: their start is tested elsewhere."""
    project, now = stage.stage.project, stage.stage.project.created_at
    names = [f"Robin{number:03}" for number in range(count)]
    members = Member.objects.bulk_create(
        Member(project=project, kind="agent", name=name, role="tester", created_at=now)
        for name in names
    )
    runs = Run.objects.bulk_create(Run(member=member) for member in members)
    target = sessions.local_target()
    rows = Session.objects.bulk_create(
        Session(
            project=project,
            number=1_000 + number,
            member=member,
            run=run,
            role="tester",
            provider="rehearsal",
            state=SessionState.WAITING_USER if number % 4 == 0 else SessionState.RUNNING,
            target=target,
            created_at=now,
        )
        for number, (member, run) in enumerate(zip(members, runs, strict=True))
    )
    Entry.objects.bulk_create(
        Entry(session=row, seq=seq, kind="tool", title=f"read_file {seq}", at=now)
        for row in rows
        for seq in (1, 2)
    )


def test_two_hundred_agents_cost_eight_queries_and_come_in_pages(
    stage: Set, browser: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    many(stage, MANY)
    page(browser, "log/")  # what every page asks for is asked once in 5 s

    with django_assert_max_num_queries(TEAM_QUERIES):
        shown = page(browser, "team/")

    assert shown.count('class="box agent-card"') == 40
    assert "read_file 2" in shown
    assert "read_file 1<" not in shown
    assert 'page=2">More agents' in shown
    assert shown.count('id="mate-') == 40
    assert 'href="?show=waiting">Waiting <span class="quiet">50</span>' in shown


def test_agents_are_filtered_by_state_and_found_by_name(stage: Set, browser: Client) -> None:
    many(stage, 60)

    waiting = page(browser, "team/?show=waiting")
    found = page(browser, "team/?find=robin007")
    last = page(browser, "team/?page=2")
    nothing = page(browser, "team/?show=working&page=x")

    assert waiting.count('class="box agent-card"') == 15
    assert found.count('class="box agent-card"') == 1
    assert last.count('class="box agent-card"') == 20
    assert "No agent is like that now." in nothing


def test_sessions_that_ended_have_a_list_of_their_own(
    stage: Set, browser: Client, agent: Session
) -> None:
    stage.act("session.cancel", session=agent.number)

    assert f"/s/{agent.number}/" in page(browser, "team/?show=ended")
    assert "agent-card" not in page(browser, "team/")


def test_a_card_is_live_by_events(stage: Set, agent: Session) -> None:
    Presence.objects.all().delete()
    stage.act("session.pause", session=agent.number)
    event = Event.objects.select_related("project", "actor", "channel").order_by("-seq")[0]

    html = next(part.html for part in live.parts_of(event) if "team" in part.topics)

    assert f'id="member-{agent.member_id}"' in html
    assert "do/session.resume/" in html
    assert 'hx-swap-oob="true"' in html.split(">")[0]


def test_an_agent_that_joins_or_leaves_comes_and_goes_on_the_open_page(
    stage: Set, agent: Session
) -> None:
    stage.act("session.cancel", session=agent.number)
    rows = Event.objects.select_related("project", "actor", "channel").order_by("seq")
    joined = rows.get(name="member.joined", subject=f"member:{agent.member_id}")
    left = rows.get(name="member.retired", subject=f"member:{agent.member_id}")
    Member.objects.filter(pk=agent.member_id).update(retired_at=None)

    came = [part.html for part in live.parts_of(joined) if "team" in part.topics]
    Member.objects.filter(pk=agent.member_id).update(retired_at=agent.created_at)
    went = [part.html for part in live.parts_of(left) if "team" in part.topics]

    assert 'hx-swap-oob="beforeend:#team"' in came[0]
    assert f'<li id="member-{agent.member_id}" hx-swap-oob="delete">' in went[0]


def blockers(row: Session) -> list[str]:
    row = Session.objects.select_related("project", "run", "target", "member", "task").get(
        pk=row.pk
    )
    return [found.words for found in standing.conditions(row) if not found.ok]


def test_a_session_says_what_keeps_it(stage: Set, browser: Client, agent: Session) -> None:
    stage.act("session.pause", session=agent.number, reason="Lunch")
    stage.act("project.pause", reason="Storm")
    Target.objects.update(state=TargetState.DISABLED)

    said = blockers(agent)

    assert [words.split(" since ")[0] for words in said[:2]] == [
        "The project is paused by Pat",
        "It is paused by Pat",
    ]
    assert said[1].endswith("UTC: Lunch.")
    assert said[2] == "The machine local is switched off for sessions."
    assert "It is paused by Pat" in page(browser, f"s/{agent.number}/")


def test_a_session_that_asked_names_its_question(stage: Set, agent: Session) -> None:
    asker = stage.lease().actor()
    registry.call(asker, "decision.ask", {"text": "Which word?"})
    Session.objects.filter(pk=agent.pk).update(state=SessionState.WAITING_USER)
    Run.objects.update(lease_until=None)

    assert "It waits for a person to answer question 1." in blockers(agent)
