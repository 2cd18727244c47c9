"""The IRC gateway over real sockets: talking, and what others see of it."""

import re
from collections.abc import Callable

from hub.actor import Actor
from hub.models import Message
from tests.cast import act

from .conftest import MODERN
from .talk import Irc

Enter = Callable[..., Irc]


def said() -> Message:
    return Message.objects.select_related("author", "channel", "reply_to").latest("seq")


def test_a_person_reads_what_others_say(ada: Actor, grace: Actor, enter: Enter) -> None:
    irc = enter(grace, "#project")

    act(ada, "message.post", channel="project", text="Hello **team**")

    found = irc.until(r"^:(\S+)!\S+ PRIVMSG #project :(.*)")
    assert found.groups() == ("ada", "Hello \x02team\x02")


def test_what_is_typed_stands_on_the_web_under_the_members_name(grace: Actor, enter: Enter) -> None:
    irc = enter(grace, "#project")

    irc.send("PRIVMSG #project :Please land \x02softly\x02.")
    irc.fence()

    row = said()
    assert (row.author.name, row.channel.name) == ("grace", "project")
    assert row.text == "Please land **softly**."


def test_a_command_typed_on_irc_is_obeyed(grace: Actor, enter: Enter) -> None:
    irc = enter(grace, "#project")

    irc.send("PRIVMSG #project :TASK: paint the rocket")
    irc.fence()

    assert act(grace, "task.list")[0]["title"] == "paint the rocket"


def test_a_refused_command_is_answered_in_words(grace: Actor, enter: Enter) -> None:
    irc = enter(grace, "#project")

    irc.send("PRIVMSG #project :!ans 99 yes")

    irc.until(r"PRIVMSG #project :.*99")


def test_a_question_is_answered_on_irc_and_everybody_is_told(
    ada: Actor, grace: Actor, mina: Actor, enter: Enter
) -> None:
    hers, his = enter(grace, "#project"), enter(ada, "#project")
    number = act(mina, "decision.ask", text="Where?", choices=["Sea", "Tycho"])["number"]
    hers.until(rf"Answer with `!ans {number} ")

    hers.send(f"PRIVMSG #project :!ans {number} 2")

    for irc in (hers, his):
        irc.until(rf"PRIVMSG #project :grace answers question {number}: Tycho")
    his.send(f"PRIVMSG #project :!ans {number} 1")
    his.until(r"PRIVMSG #project :.*answered")


def test_an_action_is_emphasised(grace: Actor, enter: Enter) -> None:
    irc = enter(grace, "#project")

    irc.send("PRIVMSG #project :\x01ACTION waves\x01")
    irc.fence()

    assert said().text == "*waves*"


def test_members_names_and_roles_are_listed(ada: Actor, mina: Actor, enter: Enter) -> None:
    irc = enter(ada)

    lines = irc.between("JOIN #project", r" 366 ")

    names = next(line for line in lines if " 353 " in line).split(":")[-1].split()
    assert {"@ada", "+mina"} <= set(names)
    assert any(" 335 " in line for line in irc.between("WHOIS mina", r" 318 "))


def test_what_one_says_oneself_comes_back_only_to_who_asked(grace: Actor, enter: Enter) -> None:
    plain = enter(grace, "#project")
    modern = enter(grace, "#project", caps=MODERN)

    modern.send("@label=a1 PRIVMSG #project :one")
    echo = modern.until(r"^@(\S+) :grace!\S+ PRIVMSG #project one")
    plain.until(r"PRIVMSG #project one")  # another connection of hers hears it
    plain.send("PRIVMSG #project two")
    modern.until(r"PRIVMSG #project two")

    tags = dict(pair.partition("=")[::2] for pair in echo[1].split(";"))
    assert (tags["label"], tags["msgid"]) == ("a1", str(Message.objects.get(text="one").seq))
    assert not [line for line in plain.fence() if "PRIVMSG #project two" in line]


def test_a_long_text_comes_whole_by_multiline_and_shortened_without(
    ada: Actor, grace: Actor, enter: Enter
) -> None:
    plain = enter(grace, "#project")
    modern = enter(grace, "#project", caps=MODERN)
    text = "\n\n".join(f"Line {number}." for number in range(60))

    number = act(ada, "message.post", channel="project", text=text)["number"]

    modern.until(r"BATCH -")
    assert len([line for line in modern.seen if "PRIVMSG" in line]) == 60
    plain.until(rf"more lines: \S+/m/{number}/")
    assert len([line for line in plain.seen if "PRIVMSG" in line]) <= 41


def test_several_lines_typed_as_one_are_one_message(grace: Actor, enter: Enter) -> None:
    irc = enter(grace, "#project", caps=MODERN)

    irc.send("@label=m1 BATCH +x draft/multiline #project")
    irc.send("@batch=x PRIVMSG #project :first")
    irc.send("@batch=x PRIVMSG #project :second,")
    irc.send("@batch=x;draft/multiline-concat PRIVMSG #project : goes on")
    irc.send("BATCH -x")
    irc.until(r"label=m1")

    assert said().text == "first\nsecond, goes on"
    assert not [line for line in irc.fence() if "ACK" in line]


def test_a_refused_batch_says_so_to_its_label(grace: Actor, enter: Enter) -> None:
    irc = enter(grace, "#project", caps=MODERN)

    irc.send("@label=m2 BATCH +x draft/multiline #nowhere")
    irc.send("@batch=x PRIVMSG #nowhere :hello")
    irc.send("BATCH -x")

    irc.until(r"label=m2 \S+ 403 ")


def test_a_line_over_512_bytes_is_refused(grace: Actor, enter: Enter) -> None:
    irc = enter(grace, "#project")

    irc.send("PRIVMSG #project :" + "x" * 600)

    irc.until(r" 417 ")
    assert not Message.objects.filter(text__contains="xxx").exists()


def test_the_same_id_sent_twice_is_said_once(grace: Actor, enter: Enter) -> None:
    irc = enter(grace, "#project", caps=MODERN)

    irc.send("@label=l1;+parley.chat/id=q7 PRIVMSG #project :once")
    irc.until(r"label=l1\S* :grace")
    irc.send("@label=l2;+parley.chat/id=q7 PRIVMSG #project :once")
    irc.until(r"label=l2 :parley ACK")

    assert Message.objects.filter(text="once").count() == 1


def test_a_private_word_reaches_one_and_stays_between_two(
    ada: Actor, grace: Actor, ivo: Actor, enter: Enter
) -> None:
    hers, his, other = enter(grace), enter(ada), enter(ivo)

    hers.send("PRIVMSG ada :between us")

    assert his.until(r"^:(\S+)!\S+ PRIVMSG (\S+) :between us").groups() == ("grace", "ada")
    assert not [line for line in other.fence() if "between us" in line]


def test_an_answer_to_a_message_keeps_its_thread(ada: Actor, grace: Actor, enter: Enter) -> None:
    irc = enter(grace, "#project", caps=MODERN)
    act(ada, "message.post", channel="project", text="Where?")
    msgid = irc.until(r"msgid=(\d+)\S* :ada")[1]

    irc.send(f"@+draft/reply={msgid} PRIVMSG #project :Tycho")
    irc.fence()

    assert said().reply_to.seq == int(msgid)


def test_reactions_edits_and_removals_are_shown(ada: Actor, grace: Actor, enter: Enter) -> None:
    irc = enter(grace, "#project", caps=MODERN)
    number = act(ada, "message.post", channel="project", text="Go")["number"]
    irc.send(f"@+draft/reply={number};+draft/react=\N{ROCKET} TAGMSG #project")
    irc.until(r"draft/react=\N{ROCKET}\S* :grace!\S+ TAGMSG #project")
    assert Message.objects.get(seq=number).reactions.get().emoji == "\N{ROCKET}"

    act(ada, "message.edit", message=number, text="Go slowly")
    irc.until(r"PRIVMSG #project :\* corrected: Go slowly")
    act(ada, "message.delete", message=number)

    irc.until(rf"NOTICE #project :took back message {number}")


def words(lines: list[str]) -> list[str]:
    return [line.split()[-1].lstrip(":") for line in lines if "PRIVMSG #project" in line]


def test_history_is_read_page_by_page(ada: Actor, grace: Actor, enter: Enter) -> None:
    numbers = [
        act(ada, "message.post", channel="project", text=f"n{number}")["number"]
        for number in range(30)
    ]
    irc = enter(grace, "#project", caps=MODERN)

    last = irc.between("CHATHISTORY LATEST #project * 10", r"BATCH -")
    before = irc.between(f"CHATHISTORY BEFORE #project msgid={numbers[20]} 20", r"BATCH -")

    assert words(last) == [f"n{number}" for number in range(20, 30)]
    assert words(before) == [f"n{number}" for number in range(20)]


def test_who_cannot_ask_for_history_is_shown_the_last_of_it(
    ada: Actor, grace: Actor, enter: Enter
) -> None:
    for number in range(30):
        act(ada, "message.post", channel="project", text=f"n{number}")

    plain, timed = enter(grace), enter(grace, caps=("server-time",))
    shown = [*plain.between("JOIN #project", " 366 "), *plain.fence()]
    stamped = [*timed.between("JOIN #project", " 366 "), *timed.fence()]

    assert words(shown) == [f"n{number}" for number in range(5, 30)]
    assert re.search(r"PRIVMSG #project :\[\d\d:\d\d\] n29", shown[-1])
    assert re.search(r"^@time=\S+ :ada\S+ PRIVMSG #project n29", stamped[-1])


def test_history_of_what_is_not_ones_own_is_refused(
    ada: Actor, grace: Actor, ivo: Actor, enter: Enter
) -> None:
    act(ada, "channel.direct", member="ivo")
    irc = enter(grace, caps=MODERN)

    irc.send("CHATHISTORY LATEST ivo * 10")

    irc.until(r"FAIL CHATHISTORY INVALID_TARGET")


def test_the_words_of_agents_are_marked_as_a_bots(mina: Actor, grace: Actor, enter: Enter) -> None:
    irc = enter(grace, "#project", caps=MODERN)

    act(mina, "message.post", channel="project", text="I plan")

    assert "bot" in irc.until(r"^@(\S+) :mina!")[1].split(";")


def test_a_line_break_in_a_text_makes_no_second_command(
    ada: Actor, grace: Actor, enter: Enter
) -> None:
    irc = enter(grace, "#project")

    act(ada, "message.post", channel="project", text="hello\nQUIT\n\nERROR :gone")
    irc.until("hello")

    assert not [line for line in irc.fence() if not line.startswith((":ada", ":parley"))]


def test_a_fault_in_a_command_ends_neither_it_nor_the_connection(
    grace: Actor, enter: Enter, monkeypatch, caplog
) -> None:
    irc = enter(grace, "#project")
    monkeypatch.setattr("transports.irc.gateway.office.people", lambda *_: 1 / 0)

    irc.send("WHO #project")

    irc.until(r"NOTICE \S+ :WHO: .*error of Parley")
    assert "ZeroDivisionError" in caplog.text
    assert irc.fence() == []
