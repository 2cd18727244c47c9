"""Fault points: nothing in life, a certain death in a test."""

import os

import pytest

from hub import faults


@pytest.fixture(autouse=True)
def disarmed():
    yield
    faults.arm("")


def test_unarmed_a_point_is_passed():
    faults.passed("turn.claimed")


def test_the_named_pass_of_the_named_point_ends_the_process(monkeypatch):
    ended = []
    monkeypatch.setattr(os, "_exit", ended.append)
    faults.arm("turn.read:2")

    faults.passed("turn.read")
    faults.passed("turn.begun")
    assert ended == []
    faults.passed("turn.read")

    assert ended == [faults.EXIT_CODE]


@pytest.mark.parametrize("text", ["turn.red:1", "turn.read", "turn.read:0", "turn.read:x", ":1"])
def test_what_would_never_happen_is_refused_in_words(text):
    with pytest.raises(ValueError, match=r"point|number"):
        faults.arm(text)


def test_a_listener_hears_every_pass():
    heard = []
    faults.listen(heard.append)

    faults.passed("turn.read")
    faults.passed("turn.read")

    assert heard == ["turn.read", "turn.read"]
