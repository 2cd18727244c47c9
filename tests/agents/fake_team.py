"""A team that does one small thing in a tiny repository, for the fake Messages API."""

import pytest

from agents.policy import script as scripts

from .fake_messages import Player
from .fake_player import player

SCRIPT = "tiny"
TEXT = """
title = "A greeting"
objective = "unused"

[[parts.em]]
wait = { name = "message.posted", where = "project" }
[[parts.em.call]]
tool = "objective_open"
message = "{news.message}"
save = { objective = "number" }

[[parts.em]]
[[parts.em.call]]
tool = "task_open"
name = "greet"
title = "Say hello"
objective = "{objective}"
[[parts.em.call]]
tool = "session_start"
role = "manager"
task = "greet"

[[parts.em]]
wait = { name = "session.succeeded", role = "manager" }
[[parts.em.call]]
tool = "objective_finish"
objective = "{objective}"
summary = "It says hello."

[[parts.manager]]
[[parts.manager.call]]
tool = "task_claim"
task = "{task}"
save = { channel = "channel" }

[[parts.manager]]
[[parts.manager.call]]
tool = "message_post"
channel = "{channel}"
text = "Plan: ask whom it greets, write it, merge it."
[[parts.manager.call]]
tool = "decision_ask"
text = "To whom shall it say hello?"
choices = ["The world", "The moon"]
recommended = 1

[[parts.manager]]
wait = { name = "decision.answered" }
[[parts.manager.call]]
tool = "task_advance"
task = "{task}"
phase = "implement"
[[parts.manager.call]]
tool = "session_start"
role = "implementer"
task = "{task}"
brief = "channel: {channel}\\nmanager: {agent}"

[[parts.manager]]
wait = { name = "session.succeeded", role = "implementer" }
[[parts.manager.call]]
tool = "task_advance"
task = "{task}"
phase = "test"
[[parts.manager.call]]
tool = "task_advance"
task = "{task}"
phase = "review"
[[parts.manager.call]]
tool = "pull_open"
task = "{task}"
title = "Say hello"
summary = "It says hello to the world."
save = { pull = "number" }

[[parts.manager]]
wait = { name = "pull.ready" }
[[parts.manager.call]]
tool = "pull_request_approval"
pull = "{pull}"
text = "It needs a person's approval."

[[parts.manager]]
wait = [{ name = "pull.merged" }]
[[parts.manager.call]]
tool = "task_finish"
task = "{task}"
outcome = "Merged."
[[parts.manager.call]]
tool = "session_finish"
summary = "Done."

[[parts.implementer]]
[[parts.implementer.call]]
tool = "write_file"
path = "hello.txt"
content = "Hello, world!\\n"
[[parts.implementer.call]]
tool = "commit"
message = "Say hello"
[[parts.implementer.call]]
tool = "session_finish"
summary = "Wrote hello.txt."
"""


def team(monkeypatch: pytest.MonkeyPatch) -> Player:
    """Give a player of this script; the product itself does not know it."""
    monkeypatch.setattr(scripts, "load", lambda name: scripts.parse(name, TEXT))
    return player(SCRIPT)
