"""Bearer tokens: made, narrowed, revoked; and who they make of a caller."""

from datetime import datetime, timedelta

import pytest

from hub import identify
from hub.errors import Forbidden, Invalid, NotFound
from hub.models import Member, Token
from tests.cast import act, last_event, log_end, logged, without


# -- token.create ---------------------------------------------------------------------------------
def test_create_shows_the_secret_once_and_stores_its_digest(ada, stopped):
    before = log_end(ada)

    answer = act(ada, "token.create", label="laptop", days=30)

    row = Token.objects.get()
    assert row.digest == identify.digest(answer["secret"])
    assert answer["hint"] == answer["secret"][-4:]
    assert datetime.fromisoformat(answer["expires_at"]) == stopped.at + timedelta(days=30)
    assert logged(ada, before) == ["token.created"]
    assert answer["secret"] not in str(last_event(ada).facts)


def test_a_token_does_what_its_scopes_name_and_no_more(ada):
    secret = act(ada, "token.create", label="bot", scopes=["read", "talk"])["secret"]

    actor = identify.of_token(secret)

    assert actor.capabilities == {"read", "talk"}
    assert (actor.member_id, actor.entry) == (ada.member_id, "api")


def test_a_token_without_scopes_has_the_rights_of_its_maker_then(joan):
    secret = act(joan, "token.create", label="bot")["secret"]

    assert identify.of_token(secret).capabilities == joan.capabilities


def test_a_token_never_does_more_than_its_members_role(ada, grace):
    secret = act(grace, "token.create", label="bot")["secret"]

    Member.objects.filter(pk=grace.member_id).update(role="guest")

    assert identify.of_token(secret).capabilities == {"read", "talk"}


def test_create_refuses_scopes_beyond_ones_rights(joan):
    with pytest.raises(Forbidden) as refusal:
        act(joan, "token.create", label="bot", scopes=["read", "manage"])

    assert refusal.value.code == "token.too_wide"


def test_a_narrow_token_makes_no_wider_one(ada):
    narrow = identify.of_token(
        act(ada, "token.create", label="bot", scopes=["read", "talk"])["secret"]
    )

    secret = act(narrow, "token.create", label="child")["secret"]

    assert identify.of_token(secret).capabilities == {"read", "talk"}


def test_create_refuses_unknown_scopes(ada):
    with pytest.raises(Invalid) as refusal:
        act(ada, "token.create", label="bot", scopes=["read", "fly"])

    assert refusal.value.code == "token.scope"
    assert "fly" in refusal.value.message


def test_a_manager_of_the_project_makes_tokens_for_its_agents(ada, ivo):
    answer = act(ada, "token.create", label="runner", member="ivo")

    assert identify.of_token(answer["secret"]).member_id == ivo.member_id
    assert answer["scopes"] == ["read", "talk", "work"]


@pytest.mark.parametrize("name", ["Parley", "grace"])
def test_nobody_makes_a_token_for_parley_or_another_person(ada, grace, name):
    with pytest.raises(Forbidden) as refusal:
        act(ada, "token.create", label="mine now", member=name)

    assert refusal.value.code == "token.not_yours"
    assert not Token.objects.exists()


def test_tokens_for_agents_need_the_right_to_manage(grace, ivo):
    with pytest.raises(Forbidden) as refusal:
        act(grace, "token.create", label="runner", member="ivo")

    assert refusal.value.code == "token.not_yours"


# -- of_token -------------------------------------------------------------------------------------
def test_an_unknown_token_is_refused(ada):
    with pytest.raises(Forbidden) as refusal:
        identify.of_token("prl_guessed")

    assert refusal.value.code == "token.invalid"


def test_a_token_that_is_over_is_refused(ada, stopped):
    secret = act(ada, "token.create", label="laptop", days=1)["secret"]
    stopped.pass_s(86_400)

    with pytest.raises(Forbidden):
        identify.of_token(secret)


def test_the_token_of_who_has_left_is_refused(ada, grace):
    secret = act(grace, "token.create", label="laptop")["secret"]
    act(ada, "member.retire", name="grace")

    with pytest.raises(Forbidden):
        identify.of_token(secret)


def test_the_last_use_of_a_token_is_written_at_most_once_a_minute(ada, stopped):
    secret = act(ada, "token.create", label="laptop")["secret"]
    uses = []

    for _ in range(3):
        identify.of_token(secret)
        uses.append(Token.objects.get().used_at)
        stopped.pass_s(40)

    assert uses[0] == uses[1] < uses[2]


# -- token.revoke and token.list ------------------------------------------------------------------
def test_revoke_makes_a_token_worthless_and_logs_one_event(ada):
    made = act(ada, "token.create", label="laptop")
    before = log_end(ada)

    act(ada, "token.revoke", token=made["id"])

    assert logged(ada, before) == ["token.revoked"]
    with pytest.raises(Forbidden):
        identify.of_token(made["secret"])


def test_a_token_revoked_twice_stays_revoked_at_the_first_time(ada, stopped):
    made = act(ada, "token.create", label="laptop")
    act(ada, "token.revoke", token=made["id"])
    stopped.pass_s(5)

    act(ada, "token.revoke", token=made["id"])

    assert Token.objects.get().revoked_at == stopped.at - timedelta(seconds=5)


def test_others_tokens_are_not_found_without_the_right_to_manage(ada, grace):
    made = act(ada, "token.create", label="laptop")

    with pytest.raises(NotFound) as refusal:
        act(grace, "token.revoke", token=made["id"])

    assert refusal.value.code == "token.unknown"
    with pytest.raises(NotFound):
        act(without(grace, "manage"), "token.revoke", token=made["id"])


def test_with_the_right_to_manage_others_tokens_can_be_revoked(ada, grace):
    made = act(grace, "token.create", label="laptop")

    act(ada, "token.revoke", token=made["id"])

    assert Token.objects.get().revoked_at is not None


def test_list_shows_ones_own_live_tokens_without_secrets(ada, grace, stopped):
    act(ada, "token.create", label="old", days=1)
    stopped.pass_s(86_400)
    kept = act(ada, "token.create", label="kept")
    gone = act(ada, "token.create", label="gone")
    act(ada, "token.revoke", token=gone["id"])
    act(grace, "token.create", label="hers")
    before = log_end(ada)

    assert act(ada, "token.list") == [{**kept, "secret": ""}]
    assert logged(ada, before) == []
