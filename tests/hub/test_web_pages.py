"""Pages answer members, refuse others, and ask the database a fixed number of questions."""

import pytest
from django.test import Client
from pytest_django.fixtures import DjangoAssertNumQueries

from hub.actor import Actor
from hub.models import Channel, Message, Project, User
from hub.web import channels as channel_pages
from tests.cast import act, invite
from tests.hub.browsers import browser, hazel

__all__ = ["browser", "hazel"]

PAGES = [
    "",
    "team/",
    "c/1/",
    "board/",
    "costs/",
    "t/1/",
    "needs-you/",
    "errors/",
    "results/",
    "o/1/",
    "settings/",
    "log/",
    "m/{message}/",
    "do/task.open/",
]
# Login session, user, member with project; then channels, team, its work, cards, what they hold,
# projects, notices, trouble.
FRAME_QUERIES = 11
MOST_QUERIES = {
    "": 8,
    "team/": 1,
    "c/1/": 4,
    "board/": 5,
    "costs/": 7,
    "t/1/": 17,
    "needs-you/": 1,
    "errors/": 2,
    "results/": 1,
    "o/1/": 10,
    "settings/": 1,
    "log/": 1,
    "m/{message}/": 3,
    "do/task.open/": 0,
}


@pytest.fixture
def furnished(ada: Actor, mina: Actor) -> int:
    """A little of everything; gives a message's number."""
    return furnish(ada, mina)


def furnish(ada: Actor, mina: Actor) -> int:
    said = act(ada, "message.post", channel="project", text="See #1, **please**")["number"]
    act(mina, "message.post", channel="project", text="Yes", reply_to=said)
    act(mina, "message.react", message=said, emoji="+1")
    act(ada, "objective.open", text="Land on the moon")
    task = act(ada, "task.open", title="Build a rocket", objective=1)["number"]
    act(ada, "task.open", title="Fly it", waits_for=[task])
    act(mina, "task.claim", task=task)
    act(mina, "note.create", title="Fuel", text="Hydrogen is cold", task=task)
    act(mina, "trouble.report", text="The pump leaks", subject=f"task:{task}")
    act(mina, "decision.ask", text="Which fuel?", choices=["Hydrogen", "Kerosene"], task=task)
    return int(said)


def path(page: str, message: int) -> str:
    return f"/p/moon/{page.format(message=message)}"


@pytest.mark.parametrize("page", PAGES)
def test_a_member_sees_the_page(browser: Client, furnished: int, page: str) -> None:
    answer = browser.get(path(page, furnished))

    assert answer.status_code == 200
    assert "moon" in answer.content.decode()


@pytest.mark.parametrize("page", PAGES)
def test_another_projects_page_does_not_exist(eve: Actor, furnished: int, page: str) -> None:
    client = Client()
    client.force_login(User.objects.get(pk=eve.user_id))

    answer = client.get(path(page, furnished))

    assert answer.status_code == 404
    assert "Land on the moon" not in answer.content.decode()


@pytest.mark.parametrize("page", PAGES)
def test_a_stranger_is_sent_to_the_login_and_back(furnished: int, page: str) -> None:
    wanted = path(page, furnished)

    answer = Client().get(wanted)

    assert answer.status_code == 302
    assert answer["Location"].startswith("/account/login/?next=")
    assert wanted in answer["Location"]


def test_a_stranger_with_htmx_reloads_the_page_to_log_in(furnished: int) -> None:
    answer = Client().get("/p/moon/", headers={"HX-Request": "true"})

    assert answer.status_code == 401
    assert answer["HX-Refresh"] == "true"


@pytest.mark.parametrize("page", PAGES[:-1])
def test_pages_only_read(browser: Client, furnished: int, page: str) -> None:
    answer = browser.post(path(page, furnished))

    assert answer.status_code == 405


@pytest.mark.parametrize("page", PAGES)
def test_a_page_asks_the_same_questions_however_much_there_is(
    browser: Client,
    ada: Actor,
    mina: Actor,
    furnished: int,
    page: str,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    invite(ada, "grace", "person")
    for number in range(3):
        act(ada, "channel.create", name=f"room-{number}")
        furnish(ada, mina)

    with django_assert_max_num_queries(FRAME_QUERIES + MOST_QUERIES[page]):
        browser.get(path(page, furnished))


def test_a_channel_of_others_does_not_exist(browser: Client, mina: Actor, grace: Actor) -> None:
    direct = act(grace, "channel.direct", member="mina")["number"]
    secret = act(grace, "message.post", channel=direct, text="at midnight")["number"]

    answers = [browser.get(f"/p/moon/c/{direct}/"), browser.get(f"/p/moon/m/{secret}/")]

    assert [answer.status_code for answer in answers] == [404, 404]


def test_what_others_say_in_private_is_on_no_page(
    browser: Client, mina: Actor, grace: Actor
) -> None:
    direct = act(grace, "channel.direct", member="mina")["number"]
    act(grace, "message.post", channel=direct, text="at midnight")

    seen = [browser.get(f"/p/moon/{page}").content.decode() for page in ("", "log/", "c/1/")]

    assert not any("grace and mina" in page or "at midnight" in page for page in seen)


def test_a_channel_shows_its_last_messages_and_the_way_to_older_ones(
    browser: Client, ada: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel_pages, "PAGE", 2)
    numbers = [act(ada, "message.post", channel=1, text=f"say {n}")["number"] for n in range(3)]

    newest = browser.get("/p/moon/c/1/").content.decode()
    older = browser.get(f"/p/moon/c/1/?before={numbers[1]}").content.decode()

    assert "say 2" in newest
    assert "say 0" not in newest
    assert f'href="?before={numbers[1]}"' in newest
    assert "say 0" in older
    assert "To the newest" in older


def test_the_first_unread_message_is_marked(browser: Client, ada: Actor, mina: Actor) -> None:
    first = act(mina, "message.post", channel=1, text="read")["number"]
    act(mina, "message.post", channel=1, text="unread")
    act(ada, "channel.mark_read", channel=1, upto=first)

    page = browser.get("/p/moon/c/1/").content.decode()

    assert page.index(">read<") < page.index('class="new-line"') < page.index(">unread<")


def test_a_channel_with_news_is_marked_in_the_rail(browser: Client, mina: Actor) -> None:
    act(mina, "message.post", channel="standup", text="morning")
    number = Channel.objects.get(project_id=mina.project_id, name="standup").number

    page = browser.get("/p/moon/").content.decode()

    assert f'<span id="unread-{number}" class="unread-dot"><span' in page
    assert '<span id="unread-1" class="unread-dot" hidden><span' in page


def test_only_the_author_is_offered_to_change_a_message(
    browser: Client, ada: Actor, mina: Actor
) -> None:
    mine = act(ada, "message.post", channel=1, text="mine")["number"]
    other = act(mina, "message.post", channel=1, text="hers")["number"]

    pages = [browser.get(f"/p/moon/m/{number}/").content.decode() for number in (mine, other)]

    assert ["Take it back" in page for page in pages] == [True, False]


def test_messages_of_one_author_within_five_minutes_stand_together(
    browser: Client, ada: Actor, mina: Actor
) -> None:
    for actor in (ada, ada, mina):
        act(actor, "message.post", channel=1, text="hello")

    page = browser.get("/p/moon/c/1/").content.decode()

    assert page.count('class="message follows"') == 1


def test_a_command_shows_as_words_with_the_line_one_click_away(browser: Client, ada: Actor) -> None:
    act(ada, "task.open", title="Build a rocket")
    act(ada, "message.post", channel=1, text="CLAIM task=1")

    page = browser.get("/p/moon/c/1/").content.decode()

    assert "ada claims task 1" in page
    assert '<pre class="block">CLAIM task=1</pre>' in page


def test_prose_around_a_command_stays_prose(browser: Client, ada: Actor) -> None:
    act(ada, "message.post", channel=1, text="I take it.\nCLAIM task=1")

    page = browser.get("/p/moon/c/1/").content.decode()

    assert "ada claims task 1" not in page
    assert "I take it." in page


def test_a_task_number_in_a_message_is_a_link(browser: Client, furnished: int) -> None:
    page = browser.get("/p/moon/c/1/").content.decode()

    assert '<a href="/p/moon/t/1/">#1</a>' in page


def test_the_strip_says_what_needs_a_person(browser: Client, furnished: int) -> None:
    page = browser.get("/p/moon/log/").content.decode()

    assert "<strong>1 needs you</strong>" in page
    assert "mina asks Which fuel?" in page
    assert "holds 2 tasks" in page


def test_a_task_says_why_it_waits(browser: Client, furnished: int) -> None:
    page = browser.get("/p/moon/t/2/").content.decode()

    assert "It waits for #1 build-a-rocket." in page


def test_the_log_keeps_to_one_subject(browser: Client, furnished: int) -> None:
    page = browser.get("/p/moon/log/?about=task:2").content.decode()

    assert page.count('class="event"') == 2
    assert "decision.asked" not in page


@pytest.mark.parametrize("query", ["?before=x", "?before=-1", "?before=" + "9" * 40])
def test_a_senseless_place_in_a_channel_is_no_trouble(
    browser: Client, furnished: int, query: str
) -> None:
    assert browser.get(f"/p/moon/c/1/{query}").status_code == 200
    assert browser.get(f"/p/moon/log/{query.replace('before', 'upto')}").status_code == 200


def test_projects_shows_only_ones_own(browser: Client, mars: Project, furnished: int) -> None:
    page = browser.get("/").content.decode()

    assert 'href="/p/moon/"' in page
    assert "mars" not in page
    assert "1 needs you" in page


def test_only_the_houses_members_are_offered_a_new_project(browser: Client, hazel: Client) -> None:
    pages = [client.get("/").content.decode() for client in (browser, hazel)]

    assert ["New project" in page for page in pages] == [False, True]


def test_a_deleted_message_says_so(browser: Client, ada: Actor) -> None:
    number = act(ada, "message.post", channel=1, text="oops")["number"]
    act(ada, "message.delete", message=number)

    page = browser.get("/p/moon/c/1/").content.decode()

    assert "taken back by its author" in page
    assert "oops" not in page
    assert Message.objects.get(seq=number).deleted_at is not None
