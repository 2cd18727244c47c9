"""What a Zulip organisation knows: users, streams, messages, and queues of events."""

import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

MAX_CHARS, MAX_TOPIC = 10_000, 60
MARK = "\n[message truncated]"
EMOJI = {"+1": "1f44d", "tada": "1f389", "heart": "2764", "eyes": "1f440"}
Json = dict[str, Any]


class RefusedError(Exception):
    """An error as Zulip's JSON tells it."""

    def __init__(self, msg, code="BAD_REQUEST", status=400, **more):
        super().__init__(msg)
        self.status = status
        self.body = {"result": "error", "msg": msg, "code": code, **more}


@dataclass
class User:
    id: int
    name: str
    email: str
    key: str
    is_bot: bool
    is_active: bool = True

    def shown(self):
        names = {"user_id": self.id, "full_name": self.name, "email": self.email}
        return {**names, "delivery_email": None, "is_bot": self.is_bot, "is_active": self.is_active}


@dataclass
class Queue:
    user: User
    types: list[str]
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    events: list[Json] = field(default_factory=list)
    next_id: int = 0
    pruned: int = -1
    polls: int = 0


class World:
    """Everything is done under `changed`, which wakes the waiting polls."""

    def __init__(self):
        self.changed = threading.Condition(threading.RLock())
        self.users, self.streams = {}, {}
        self.subscribed: set[tuple[int, int]] = set()
        self.private: set[str] = set()
        self.messages: dict[int, Json] = {}
        self.reactions: set[tuple[int, int, str]] = set()
        self.queues: dict[str, Queue] = {}
        self.heartbeat_s = 45.0
        self._last_id = 100

    def add_user(self, name, *, is_bot=False):
        with self.changed:
            number = 10 + len(self.users)
            email = f"{name.lower().replace(' ', '.')}@zulip.test"
            user = User(number, name, email, f"key-of-{name}", is_bot)
            self.users[number] = user
            self.tell("realm_user", {"op": "add", "person": user.shown()})
            return user

    def identify(self, email, key):
        """Give the user of a key."""
        user = next((one for one in self.users.values() if one.email == email), None)
        if user is None or user.key != key:
            raise RefusedError("Invalid API key", "INVALID_API_KEY", 401)
        if not user.is_active:
            raise RefusedError("Account is deactivated", "USER_DEACTIVATED", 401)
        return user

    def stream(self, name):
        """Give the id of a stream, made if it is new."""
        with self.changed:
            for number, known in self.streams.items():
                if known.casefold() == name.casefold():
                    return number
            number = len(self.streams) + 1
            self.streams[number] = name
            return number

    def tell(self, kind, event, *, stream=None, sender_queue=None, local_id=None):
        """Put an event into the queues of those who may see it."""
        with self.changed:
            for queue in self.queues.values():
                may_see = stream is None or (queue.user.id, stream) in self.subscribed
                if kind in queue.types and may_see:
                    one = {"id": queue.next_id, "type": kind, **event}
                    if local_id and queue.id == sender_queue:
                        one["local_message_id"] = local_id
                    queue.events.append(one)
                    queue.next_id += 1
            self.changed.notify_all()

    def post(self, user, stream, topic, content, *, queue_id=None, local_id=None, number=None):
        """Store a message and tell of it; `number` may be one that was left out before."""
        content = content.rstrip().lstrip("\n")
        if not content:
            raise RefusedError("Message must not be empty")
        if "\x00" in content:
            raise RefusedError("Message must not contain null bytes")
        if len(content) > MAX_CHARS:
            content = content[: MAX_CHARS - len(MARK)] + MARK
        if len(topic) > MAX_TOPIC:
            topic = topic[: MAX_TOPIC - 3] + "..."
        with self.changed:
            if number is None:
                self._last_id += 1
                number = self._last_id
            message = {
                "id": number,
                "type": "stream",
                "stream_id": stream,
                "display_recipient": self.streams[stream],
                "subject": topic,
                "content": content,
                "sender_id": user.id,
                "sender_email": user.email,
                "sender_full_name": user.name,
                "timestamp": int(time.time()),
            }
            self.messages[number] = message
            event = {"message": dict(message), "flags": []}
            self.tell("message", event, stream=stream, sender_queue=queue_id, local_id=local_id)
            return number

    def skip_id(self):
        """Take an id whose message is stored later, as a slow transaction does."""
        with self.changed:
            self._last_id += 1
            return self._last_id

    def say(self, user, room, content, *, number=None):
        """Let somebody write in "stream/topic"."""
        stream, _, topic = room.partition("/")
        return self.post(user, self.stream(stream), topic, content, number=number)

    def edit(self, user, number, content):
        with self.changed:
            message = self.messages[number]
            message["content"], message["last_edit_timestamp"] = content, int(time.time())
            event = {
                "message_id": number,
                "message_ids": [number],
                "user_id": user.id,
                "rendering_only": False,
                "stream_id": message["stream_id"],
                "edit_timestamp": message["last_edit_timestamp"],
                "content": content,
            }
            self.tell("update_message", event, stream=message["stream_id"])

    def rename(self, user, room, topic, *, only=None):
        """Let a person rename or resolve a topic, or move one message of it."""
        stream, _, old = room.partition("/")
        with self.changed:
            moved = [
                one
                for one in self.messages.values()
                if one["stream_id"] == self.stream(stream) and one["subject"] == old
                if only in {None, one["id"]}
            ]
            for one in moved:
                change = {"prev_topic": old, "topic": topic, "timestamp": int(time.time())}
                one["subject"] = topic
                one["edit_history"] = [change, *one.get("edit_history", [])]
            event = {
                "message_id": moved[0]["id"],
                "message_ids": [one["id"] for one in moved],
                "user_id": user.id,
                "rendering_only": False,
                "stream_id": self.stream(stream),
                "edit_timestamp": int(time.time()),
                "orig_subject": old,
                "subject": topic,
                "propagate_mode": "change_one" if only else "change_all",
            }
            self.tell("update_message", event, stream=self.stream(stream))

    def delete(self, number):
        with self.changed:
            gone = self.messages.pop(number)
            where = {"stream_id": gone["stream_id"], "topic": gone["subject"]}
            event = {"message_ids": [number], "message_type": "stream", **where}
            self.tell("delete_message", event, stream=gone["stream_id"])

    def react(self, user, number, name, *, op="add"):
        with self.changed:
            mark = (user.id, number, name)
            if name not in EMOJI:
                raise RefusedError(f"Emoji '{name}' does not exist")
            if (op == "add") == (mark in self.reactions):
                word = "ALREADY_EXISTS" if op == "add" else "DOES_NOT_EXIST"
                raise RefusedError("Reaction", f"REACTION_{word}")
            (self.reactions.add if op == "add" else self.reactions.discard)(mark)
            event = {
                "op": op,
                "message_id": number,
                "user_id": user.id,
                "emoji_name": name,
                "emoji_code": EMOJI[name],
                "reaction_type": "unicode_emoji",
            }
            self.tell("reaction", event, stream=self.messages[number]["stream_id"])

    def drop_queues(self):
        """Forget every queue, as a crash of the server does."""
        with self.changed:
            self.queues.clear()
            self.changed.notify_all()

    def poll(self, user, queue_id, last, *, block):
        """Wait for events as GET /events does; a second poll of a queue ends the first."""
        with self.changed:
            queue = self._queue(user, queue_id)
            if last < queue.pruned:
                raise RefusedError(f"An event newer than {last} has already been pruned!")
            queue.events = [one for one in queue.events if one["id"] > last]
            queue.pruned = max(queue.pruned, last)
            queue.polls += 1
            mine, until = queue.polls, time.monotonic() + self.heartbeat_s
            while block and not queue.events and queue.polls == mine:
                left = until - time.monotonic()
                if left <= 0:
                    queue.events.append({"id": queue.next_id, "type": "heartbeat"})
                    queue.next_id += 1
                    break
                self.changed.wait(left)
                self._queue(user, queue_id)
            return list(queue.events) if queue.polls == mine else []

    def _queue(self, user, queue_id):
        queue = self.queues.get(queue_id)
        if queue is None or queue.user is not user:
            raise RefusedError("Bad event queue ID", "BAD_EVENT_QUEUE_ID", queue_id=queue_id)
        return queue

    def contents(self, room):
        """List what stands in a room, in order: names of senders and contents."""
        stream, _, topic = room.partition("/")
        with self.changed:
            return [
                (one["sender_full_name"], one["content"])
                for _, one in sorted(self.messages.items())
                if one["display_recipient"] == stream and one["subject"] == topic
            ]
