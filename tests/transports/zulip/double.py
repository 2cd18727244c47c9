"""A contract double of Zulip's REST API on loopback, with faults to order.

Source: the facts of Zulip's API documentation and of zerver/tornado/event_queue.py.
"""

import json
from dataclasses import dataclass

from .server import Call, Server
from .world import MAX_CHARS, MAX_TOPIC, Queue, RefusedError, World


@dataclass
class Fault:
    """Something that goes wrong with the next calls of a kind.

    Names: `502` and `reset` before it is done, `502after` and `resetafter` after it was,
    `500after` the same as JSON, `hang` (done at once, answered `seconds` later), `hangbefore`
    (done only then), `429`.
    """

    name: str
    on: str = "POST messages"
    seconds: float = 0.0
    times: int = 1
    by: str = ""  # the e-mail address of the only bot that it strikes


class Double(World):
    """The server; `calls` are all that were made of it."""

    def __init__(self):
        super().__init__()
        self.faults: list[Fault] = []
        self.calls: list[Call] = []
        self._server = None
        self._port = 0
        self.site = ""

    def start(self):
        """Listen; after a stop on the same port, with all that was stored."""
        self._server = Server(self, self._port)
        self._port = self._server.server_address[1]
        self.site = f"http://127.0.0.1:{self._port}"
        return self

    def stop(self):
        """Be gone as after SIGKILL: connections break, and no queue is left."""
        if self._server:
            self._server.stop()
            self._server = None
        self.drop_queues()

    def fault(self, name, **options):
        with self.changed:
            self.faults.append(Fault(name, **options))

    def struck(self, call):
        """Take the fault that a call meets, if there is one."""
        with self.changed:
            for fault in self.faults:
                if fault.on == call.name and fault.by in {"", call.email} and fault.times > 0:
                    fault.times -= 1
                    return fault
            return None

    def count(self, name):
        """Count the calls of a kind."""
        return sum(call.name == name for call in list(self.calls))

    def do(self, call, user):
        """Do a call, as the server does it; gives the JSON of success."""
        parts = call.path.split("/")
        match (call.method, *parts):
            case ("POST", "register"):
                return self._register(user, call.values)
            case (method, "events"):
                return self._events(method, user, call.values)
            case ("GET", "users"):
                return {"members": [one.shown() for one in self.users.values()]}
            case ("POST", "users", "me", "subscriptions"):
                return self._subscribe(user, json.loads(call.values["subscriptions"]))
            case ("GET", "users", "me", "subscriptions"):
                mine = {stream for number, stream in self.subscribed if number == user.id}
                known = self.streams.items()
                listed = [{"stream_id": n, "name": name} for n, name in known if n in mine]
                return {"subscriptions": listed}
            case (_, "messages", *rest):
                return self._messages(call, user, rest)
        raise RefusedError("Not found", status=404)

    def _events(self, method, user, values):
        if method == "DELETE":
            with self.changed:
                self._queue(user, values["queue_id"])
                del self.queues[values["queue_id"]]
                self.changed.notify_all()
            return {}
        if "last_event_id" not in values:
            raise RefusedError("Missing 'last_event_id' argument")
        block, last = values.get("dont_block") != "true", int(values["last_event_id"])
        return {"events": self.poll(user, values["queue_id"], last, block=block)}

    def _register(self, user, values):
        with self.changed:
            queue = Queue(user, json.loads(values["event_types"]))
            self.queues[queue.id] = queue
            return {
                "queue_id": queue.id,
                "last_event_id": -1,
                "max_message_id": max(self.messages, default=-1),
                "event_queue_longpoll_timeout_seconds": 90,
                "max_message_length": MAX_CHARS,
                "max_topic_length": MAX_TOPIC,
                "zulip_feature_level": 400,
            }

    def _subscribe(self, user, wanted):
        refused = [one["name"] for one in wanted if one["name"] in self.private]
        for one in wanted:
            if one["name"] not in self.private:
                self.subscribed.add((user.id, self.stream(one["name"])))
        return {"subscribed": {}, "already_subscribed": {}, "unauthorized": refused}

    def _messages(self, call, user, rest):
        values = call.values
        match (call.method, *rest):
            case ("POST",):
                stream = self._stream(values["to"])
                echo = {key: values.get(key) for key in ("queue_id", "local_id")}
                return {"id": self.post(user, stream, values["topic"], values["content"], **echo)}
            case ("GET",):
                return self._history(user, values)
        number = int(rest[0])
        if number not in self.messages:
            raise RefusedError("Invalid message(s)")
        match (call.method, *rest[1:]):
            case ("GET",):
                return {"message": self.messages[number]}
            case ("PATCH",):
                self._own(user, number)
                self.edit(user, number, values["content"])
            case ("DELETE",):
                self._own(user, number)
                self.delete(number)
            case (method, "reactions"):
                op = "add" if method == "POST" else "remove"
                self.react(user, number, values["emoji_name"], op=op)
        return {}

    def _own(self, user, number):
        if self.messages[number]["sender_id"] != user.id:
            raise RefusedError("You don't have permission to edit this message")

    def _stream(self, to):
        for number, name in self.streams.items():
            if to == str(number) or to.strip('"').casefold() == name.casefold():
                return number
        raise RefusedError(f"Channel '{to}' does not exist", "STREAM_DOES_NOT_EXIST")

    def _history(self, user, values):
        before, after = int(values["num_before"]), int(values["num_after"])
        with self.changed:
            seen = [
                one for _, one in sorted(self.messages.items()) if self._fits(user, one, values)
            ]
        anchor = values["anchor"]
        at = 10**9 if anchor == "newest" else int(anchor)
        older = [one for one in seen if one["id"] < at]
        newer = [one for one in seen if one["id"] > at]
        exact = [one for one in seen if one["id"] == at]
        shown = older[max(len(older) - before, 0) :] + exact + newer[:after]
        return {
            "messages": [dict(one) for one in shown],
            "found_newest": len(newer) <= after,
            "found_oldest": len(older) <= before,
            "found_anchor": bool(exact),
            "history_limited": False,
        }

    def _fits(self, user, one, values):
        if (user.id, one["stream_id"]) not in self.subscribed:
            return False
        tests = {
            "stream": lambda operand: self._stream(str(operand)) == one["stream_id"],
            "topic": lambda operand: operand.casefold() == one["subject"].casefold(),
            "sender": lambda operand: operand == one["sender_email"],
        }
        narrow = json.loads(values.get("narrow", "[]"))
        return all(tests[term["operator"]](term["operand"]) for term in narrow)
