"""The order of a task's phases, and roles as data."""

import pytest

from hub.errors import Conflict, Invalid
from hub.policy.roles import CAPABILITIES, capabilities_of, role, roles
from hub.policy.workflow import check_order, is_plan, phases_of, proceed
from hub.registry import ACTIONS


@pytest.mark.parametrize(
    ("phase", "to"),
    [
        ("", "plan"),
        ("plan", "implement"),
        ("implement", "test"),
        ("test", "review"),
        ("test", "fix"),
        ("review", "fix"),
        ("review", "document"),
        ("document", "review"),
        ("fix", "test"),
    ],
)
def test_a_phase_leads_where_the_workflow_says(phase, to):
    check_order(proceed(), phase=phase, to=to)


@pytest.mark.parametrize("text", ["Plan: see it fail", "**Plan** for #3", "# PLAN\n\n1. a", "plan"])
def test_a_plan_begins_with_its_name(text):
    assert is_plan(text)


@pytest.mark.parametrize("text", ["", "Planning is over", "I plan nothing", "Hello", "Our plan"])
def test_other_words_are_no_plan(text):
    assert not is_plan(text)


@pytest.mark.parametrize(
    ("role", "phases"),
    [
        ("manager", ()),
        ("em", ()),
        ("implementer", ("implement", "fix")),
        ("tester", ("test",)),
        ("reviewer", ("review",)),
        ("documenter", ("document",)),
    ],
)
def test_a_role_works_in_its_phases(role, phases):
    assert phases_of(proceed(), role) == phases


@pytest.mark.parametrize(
    ("phase", "to"), [("", "implement"), ("plan", "review"), ("fix", "review"), ("test", "test")]
)
def test_a_phase_out_of_order_is_refused_with_what_is_possible(phase, to):
    with pytest.raises(Conflict) as refusal:
        check_order(proceed(), phase=phase, to=to)

    assert refusal.value.code == "phase.order"
    assert refusal.value.detail == {"phase": phase}


def test_an_unknown_phase_is_named_with_the_known_ones():
    with pytest.raises(Invalid) as refusal:
        check_order(proceed(), phase="plan", to="celebrate")

    assert refusal.value.code == "phase.unknown"
    assert "document" in refusal.value.message


def test_every_phase_has_a_role_and_leads_to_a_phase():
    workflow = proceed()

    assert set(workflow.roles.values()) <= set(roles())
    for phase, targets in workflow.edges.items():
        assert targets
        assert set(targets) <= set(workflow.edges)
        assert phase == workflow.first or any(phase in after for after in workflow.edges.values())


# -- Roles ----------------------------------------------------------------------------------------
def test_every_right_that_an_action_needs_is_known_and_held_by_somebody():
    needed = {found.needs for found in ACTIONS.values()}
    held = set().union(*(found.capabilities for found in roles().values()))

    assert needed <= set(CAPABILITIES)
    assert needed <= held | {"run"}


def test_agents_are_offered_only_actions_that_they_may_do():
    for found in roles().values():
        for name in found.tools:
            assert ACTIONS[name].needs in found.capabilities, (found.name, name)


def test_no_agent_decides_merges_or_manages():
    for found in roles().values():
        if found.kind == "agent":
            assert not found.capabilities & {"decide", "merge", "manage", "house", "hub"}
            assert found.brief.strip()


def test_only_parley_has_the_right_that_only_parley_has():
    assert [found.name for found in roles().values() if "hub" in found.capabilities] == ["hub"]


def test_an_unknown_role_is_refused_and_may_do_nothing():
    with pytest.raises(Invalid) as refusal:
        role("astronaut")

    assert refusal.value.code == "role.unknown"
    assert capabilities_of("astronaut") == frozenset()
