"""Who takes part, and their presence."""

import pytest

from hub.actions.members import name_of
from hub.errors import Conflict, Invalid
from hub.models import Member, Presence, Token, User
from tests.cast import act, hire, last_event, log_end, logged, login, member_of


# -- member.invite --------------------------------------------------------------------------------
def test_invite_lets_a_login_take_part_and_logs_one_event(ada):
    login("grace")
    before = log_end(ada)

    answer = act(ada, "member.invite", username="grace", role="person")

    assert (answer["name"], answer["kind"], answer["role"]) == ("grace", "person", "person")
    assert logged(ada, before) == ["member.joined"]
    assert last_event(ada).facts == {"name": "grace", "role": "person"}


def test_invite_gives_a_name_that_can_be_mentioned(ada):
    User.objects.create_user("lovelace@example.org", display_name="Ada Lovelace")

    answer = act(ada, "member.invite", username="lovelace@example.org")

    assert answer["name"] == "Ada-Lovelace"


@pytest.mark.parametrize(
    ("called", "name"),
    [
        ("Zoë", "Zoe"),
        ("x" * 64, "x" * 32),
        ("李雷", "member-7"),
        ("Parley", "member-7"),
        ("4", "member-7"),
        ("a b!c", "a-b-c"),
    ],
)
def test_a_members_name_is_one_word_of_what_a_person_is_called(called, name):
    assert name_of(User(pk=7, display_name=called)) == name


def test_invite_refuses_an_unknown_login(ada):
    with pytest.raises(Invalid) as refusal:
        act(ada, "member.invite", username="nobody")

    assert refusal.value.code == "user.unknown"


def test_invite_refuses_a_login_that_is_closed(ada):
    User.objects.create_user("grace", is_active=False)

    with pytest.raises(Invalid):
        act(ada, "member.invite", username="grace")


def test_invite_refuses_who_is_in_already(ada, grace):
    with pytest.raises(Conflict) as refusal:
        act(ada, "member.invite", username="grace")

    assert refusal.value.code == "member.exists"


def test_invite_refuses_a_taken_name_whatever_its_case(ada, ivo):
    login("ivo2")

    with pytest.raises(Conflict) as refusal:
        act(ada, "member.invite", username="ivo2", name="IVO")

    assert refusal.value.code == "member.name_taken"


def test_invite_refuses_a_reserved_name(ada):
    login("grace")

    with pytest.raises(Invalid) as refusal:
        act(ada, "member.invite", username="grace", name="Everyone")

    assert refusal.value.code == "member.reserved"


# -- member.retire --------------------------------------------------------------------------------
def test_retire_ends_a_part_and_its_tokens_and_logs_one_event(ada, grace):
    act(grace, "token.create", label="laptop")
    before = log_end(ada)

    answer = act(ada, "member.retire", name="@GRACE")

    assert answer["retired_at"] is not None
    assert Token.objects.get().revoked_at is not None
    assert logged(ada, before) == ["member.retired"]


def test_retire_refuses_who_has_left(ada, grace):
    act(ada, "member.retire", name="grace")

    with pytest.raises(Conflict) as refusal:
        act(ada, "member.retire", name="grace")

    assert refusal.value.code == "member.retired"


@pytest.mark.parametrize("name", ["Parley", "ada"])
def test_neither_parley_nor_oneself_can_be_retired(ada, name):
    with pytest.raises(Conflict) as refusal:
        act(ada, "member.retire", name=name)

    assert refusal.value.code == "member.stays"


def test_the_name_of_a_retired_member_is_free(ada, ivo):
    act(ada, "member.retire", name="ivo")
    login("ivo")

    act(ada, "member.invite", username="ivo", role="guest")

    assert Member.objects.filter(name="ivo").count() == 2


# -- member.list ----------------------------------------------------------------------------------
def test_list_names_who_takes_part(ada, grace, ivo):
    act(ada, "member.retire", name="ivo")
    before = log_end(ada)

    names = [row["name"] for row in act(ada, "member.list")]

    assert names == ["Parley", "ada", "grace"]
    assert "ivo" in [row["name"] for row in act(ada, "member.list", retired=True)]
    assert logged(ada, before) == []


# -- presence.set ---------------------------------------------------------------------------------
def test_presence_is_kept_and_not_logged(ada, stopped):
    before = log_end(ada)
    act(ada, "presence.set", state="here")
    stopped.pass_s(5)

    act(ada, "presence.set", state="busy", note="Packing")

    row = Presence.objects.get(member=member_of(ada))
    assert (row.state, row.note, row.seen_at) == ("busy", "Packing", stopped.at)
    assert logged(ada, before) == []


def test_a_retired_person_can_be_invited_again_as_the_same_member(ada, grace):
    act(ada, "member.retire", name="grace")
    before = log_end(ada)

    answer = act(ada, "member.invite", username="grace", role="guest")

    row = member_of(grace)
    assert (answer["name"], answer["role"], answer["retired_at"]) == ("grace", "guest", None)
    assert (row.role, row.retired_at) == ("guest", None)
    assert logged(ada, before) == ["member.joined"]


def test_who_comes_back_needs_a_name_that_is_free(ada, grace, moon):
    act(ada, "member.retire", name="grace")
    hire(moon, "Grace", "tester")

    with pytest.raises(Conflict) as refusal:
        act(ada, "member.invite", username="grace")

    assert refusal.value.code == "member.name_taken"
