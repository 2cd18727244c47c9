"""What a project chooses for its roles, and which role a person has."""

import pytest

from hub.errors import Conflict, Forbidden, Invalid, NotFound
from hub.models import Member, RoleSettings
from tests.cast import act, actor_named, last_event, log_end, logged


# -- role.set -------------------------------------------------------------------------------------
def test_set_chooses_a_model_and_logs_one_event(ada):
    before = log_end(ada)
    wanted = {"model": "big-1", "fallback_models": ["small-1"], "context_limit_tokens": 90_000}

    answer = act(ada, "role.set", role="implementer", **wanted)

    assert answer == {"role": "implementer", **wanted}
    assert logged(ada, before) == ["role.changed"]
    assert last_event(ada).facts == {"role": "implementer", "model": "big-1"}


def test_what_set_leaves_out_goes_back_to_the_default(ada):
    act(ada, "role.set", role="tester", model="big-1", context_limit_tokens=90_000)

    act(ada, "role.set", role="tester")

    row = RoleSettings.objects.get(role="tester")
    assert (row.model, row.fallback_models, row.context_limit_tokens) == ("", [], None)


def test_set_refuses_the_roles_of_people_and_unknown_ones(ada):
    for role, code in (("owner", "role.no_agent"), ("wizard", "role.unknown")):
        with pytest.raises(Invalid) as refusal:
            act(ada, "role.set", role=role, model="big-1")
        assert refusal.value.code == code


def test_set_needs_the_right_to_manage(grace):
    with pytest.raises(Forbidden) as refusal:
        act(grace, "role.set", role="tester", model="big-1")

    assert refusal.value.code == "capability.missing"


def test_what_one_project_chooses_is_no_others(ada, eve):
    act(ada, "role.set", role="tester", model="big-1")

    chosen = {row["role"]: row["model"] for row in act(eve, "role.list")}

    assert chosen["tester"] == ""
    assert "owner" not in chosen


@pytest.mark.parametrize(
    "wrong",
    [
        {"model": "a model"},
        {"model": "-rf"},
        {"fallback_models": ["x", "x"]},
        {"model": "x", "fallback_models": ["x"]},
        {"fallback_models": ["a", "b", "c", "d", "e"]},
        {"context_limit_tokens": 10},
    ],
)
def test_set_refuses_what_no_model_is_called(ada, wrong):
    with pytest.raises(Invalid):
        act(ada, "role.set", role="tester", **wrong)

    assert not RoleSettings.objects.exists()


# -- member.set_role ------------------------------------------------------------------------------
def test_a_person_gets_other_rights_at_once(ada, grace, moon):
    before = log_end(ada)

    answer = act(ada, "member.set_role", name="grace", role="owner")

    assert answer["role"] == "owner"
    assert logged(ada, before) == ["member.role_changed"]
    assert act(actor_named(moon, "grace"), "role.set", role="tester")["role"] == "tester"


def test_the_last_owner_stays_one(ada, grace):
    with pytest.raises(Conflict) as refusal:
        act(ada, "member.set_role", name="ada", role="guest")
    act(ada, "member.set_role", name="grace", role="owner")
    act(ada, "member.set_role", name="ada", role="guest")

    assert refusal.value.code == "member.last_owner"
    assert Member.objects.get(name="ada").role == "guest"


def test_an_agents_role_is_fixed(ada, mina):
    with pytest.raises(Conflict) as refusal:
        act(ada, "member.set_role", name="mina", role="owner")

    assert refusal.value.code == "member.no_person"


def test_set_member_role_needs_the_right_to_manage(grace, joan):
    with pytest.raises(Forbidden):
        act(grace, "member.set_role", name="joan", role="owner")


def test_another_projects_people_are_unknown(grace, eve):
    with pytest.raises(NotFound):
        act(eve, "member.set_role", name="grace", role="guest")


def test_a_person_cannot_be_made_an_agent(ada, grace):
    with pytest.raises(Invalid):
        act(ada, "member.set_role", name="grace", role="implementer")
