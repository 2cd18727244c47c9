"""What is measured without live readers: three actions, on the floor, in process, over HTTP."""

import secrets
from collections.abc import Iterator
from itertools import repeat

from django.db import connection

from bench import floor
from bench.measure import Client, Line, Taken, drive, line
from bench.stage import SAID, Stage, add_tasks, build, leave_unread
from bench.wire import Caller
from hub import registry

CLIENTS = (1, 8)
TASKS_PER_S = 2_500
ACTIONS = {"post": "message.post", "claim": "task.claim", "inbox": "inbox.read"}
WAYS = ("process", "http")

Payloads = Iterator[dict[str, object]]


class Process:
    """Calls actions in this process, as one member."""

    def __init__(self, stage: Stage, number: int) -> None:
        self.actor = stage.actors[number]

    def call(self, action: str, payload: dict[str, object], key: str) -> None:
        """Do one action."""
        registry.call(self.actor, action, payload, key)

    def close(self) -> None:
        """Give the thread's connection back."""
        connection.close()


class Act:
    """A client that does one action again and again; writes carry a key of their own."""

    def __init__(self, through: Process | Caller, what: str, payloads: Payloads) -> None:
        self.through, self.action, self.payloads = through, ACTIONS[what], payloads
        self.writes = what != "inbox"

    def __call__(self) -> None:
        """Act once."""
        key = secrets.token_hex(16) if self.writes else ""
        self.through.call(self.action, next(self.payloads), key)

    def close(self) -> None:
        """End what it acted through."""
        self.through.close()


class Cases:
    """The three actions at each number of clients; `ground` is the floor's post by one client."""

    def __init__(self, address: tuple[str, int], seconds: float) -> None:
        self.address, self.seconds = address, seconds
        most = max(CLIENTS)
        self.parley, self.floor = build("bench parley", most), build("bench floor", most)
        self.inboxes = build("bench inbox", most)
        leave_unread(self.inboxes)

    def ground(self) -> Taken:
        """Measure what one client can post on the floor."""
        return drive([floor.Post(self.floor, 0)], self.seconds)

    def lines(self) -> Iterator[Line]:
        """Measure every case, each right after its floor."""
        for what in ACTIONS:
            for clients in CLIENTS:
                ground = drive(self._on_floor(what, clients), self.seconds)
                yield line(f"floor {what}", clients, ground, ground)
                for way in WAYS:
                    taken = drive(self._through(way, what, clients), self.seconds)
                    yield line(f"{way} {what}", clients, taken, ground)

    def _on_floor(self, what: str, clients: int) -> list[Client]:
        numbers = range(clients)
        if what == "post":
            return [floor.Post(self.floor, number) for number in numbers]
        if what == "inbox":
            return [floor.Inbox(self.inboxes, number) for number in numbers]
        tasks = iter(self._tasks(self.floor))
        return [floor.Claim(self.floor, number, tasks) for number in numbers]

    def _through(self, way: str, what: str, clients: int) -> list[Client]:
        stage = self.inboxes if what == "inbox" else self.parley
        payloads = self._payloads(what)
        doing: list[Client] = []
        for number in range(clients):
            direct = way == "process"
            token = stage.tokens[number]
            through = Process(stage, number) if direct else Caller(self.address, token)
            doing.append(Act(through, what, payloads))
        return doing

    def _payloads(self, what: str) -> Payloads:
        """Give the arguments of each call; many threads take from it, so it is no generator."""
        if what == "claim":
            return iter([{"task": number} for number in self._tasks(self.parley)])
        if what == "inbox":
            return repeat({})
        return repeat({"channel": self.parley.channel, "text": SAID})

    def _tasks(self, stage: Stage) -> range:
        return add_tasks(stage, int((self.seconds + 1) * TASKS_PER_S))
