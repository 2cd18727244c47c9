"""The table of commands that the gateway knows; each module of verbs adds its own."""

from collections.abc import Callable
from dataclasses import dataclass

from transports.irc.wire import Line

from .client import Client, Verb


@dataclass(frozen=True, slots=True)
class Known:
    """A command: how many parameters it needs, and whether it may come before the login."""

    run: Verb
    params: int
    early: bool


VERBS: dict[str, Known] = {}


def verb(*names: str, params: int = 0, early: bool = False) -> Callable[[Verb], Verb]:
    """Add a command under its names."""

    def add(run: Verb) -> Verb:
        for name in names:
            VERBS[name] = Known(run, params, early)
        return run

    return add


async def obey(client: Client, line: Line) -> None:
    """Carry out one line of a client, or say why not."""
    known = VERBS.get(line.command)
    if client.entry is None and (known is None or not known.early):
        client.say("451", "Log in first: send PASS or SASL PLAIN with a token of Parley")
    elif known is None:
        client.say("421", line.command, "Unknown command")
    elif len(line.params) < known.params:
        client.say("461", line.command, "Not enough parameters")
    else:
        await known.run(client, line)
