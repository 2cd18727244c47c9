"""The supervisor's ladder as a table."""

import pytest

from agents.policy.supervise import Rung, Standing, rung


@pytest.mark.parametrize(
    ("standing", "expected"),
    [
        (Standing(quiet_s=91), Rung.POKE),
        (Standing(quiet_s=90), Rung.POKE),
        (Standing(quiet_s=89), Rung.NOTHING),
        (Standing(quiet_s=500, since_last_s=89), Rung.NOTHING),
        (Standing(quiet_s=500, since_last_s=90), Rung.POKE),
        (Standing(quiet_s=500, waits_for_others=True), Rung.NOTHING),
        (Standing(quiet_s=500, live_workers=1), Rung.NOTHING),
        (Standing(quiet_s=500, is_engaged=True), Rung.NOTHING),
        (Standing(genuine=1, spawns=1), Rung.RESPAWN),
        (Standing(genuine=1, spawns=1, since_last_s=10), Rung.NOTHING),
        (Standing(genuine=1, spawns=1, waits_for_others=True), Rung.NOTHING),
        (Standing(genuine=3, spawns=15), Rung.RESPAWN),
        (Standing(genuine=4, spawns=4), Rung.ESCALATE),
        (Standing(genuine=0, spawns=5), Rung.RESPAWN),
        (Standing(genuine=0, spawns=16), Rung.ESCALATE),
    ],
)
def test_the_ladder(standing: Standing, expected: Rung) -> None:
    assert rung(standing) == expected
