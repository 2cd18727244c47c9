"""The floor: what plain psycopg takes for the same rows, one transaction an operation.

The statements are those that any hub would need: lock, key, message, event, the log's end. The
rows are as long as the real ones; their hashes are not a chain, so the floor has its own project.
"""

import secrets
from collections.abc import Iterator
from typing import Any

import psycopg
from django.db import connection
from psycopg.rows import TupleRow

from bench.stage import SAID, Stage

HASH = "0" * 64
HTML = f"<p>{SAID}</p>\n"
ANSWER = '{"number": 1, "channel": 1, "author": "agent-1", "text": "' + SAID + '"}'

LOCK = (
    "SELECT seq, head_hash, clock_timestamp() FROM hub_projectclock"
    " WHERE project_id = %s FOR NO KEY UPDATE"
)
ADVANCE = "UPDATE hub_projectclock SET seq = %s, head_hash = %s WHERE project_id = %s"
FIND_KEY = "SELECT digest, answer FROM hub_storedcall WHERE member_id = %s AND key = %s"
KEEP_KEY = (
    "INSERT INTO hub_storedcall (member_id, key, action, digest, answer, at)"
    " VALUES (%s, %s, %s, %s, %s, %s)"
)
EVENT = (
    "INSERT INTO hub_event (project_id, seq, at, name, actor_id, channel_id, subject, cause, body,"
    " hash) VALUES (%s, %s, %s, %s, %s, %s, %s, '', '{}', %s)"
)
MESSAGE = (
    "INSERT INTO hub_message (project_id, channel_id, author_id, seq, text, html, origin, scopes,"
    " refusal, posted_at, handled_at) VALUES (%s, %s, %s, %s, %s, %s, 'api', '[]', '', %s, %s)"
)
CHANNEL = (
    "INSERT INTO hub_channel (project_id, number, kind, name, topic, created_at)"
    " VALUES (%s, (SELECT max(number) + 1 FROM hub_channel WHERE project_id = %s), 'work', %s, %s,"
    " %s) RETURNING id"
)
TAKE = (
    "UPDATE hub_task SET state = 'claimed', holder_id = %s, lease_until = %s, fence = fence + 1,"
    " phase = 'plan', channel_id = %s, started_at = %s"
    " WHERE project_id = %s AND number = %s AND state = 'open' RETURNING id"
)
CURSOR = "SELECT seq FROM hub_cursor WHERE project_id = %s AND reader = %s"
UNSEEN = (
    "SELECT e.seq, e.name, e.subject, e.facts, m.name, c.name, c.kind FROM hub_event e"
    " JOIN hub_member m ON m.id = e.actor_id LEFT JOIN hub_channel c ON c.id = e.channel_id"
    " WHERE e.project_id = %s AND e.seq > %s AND e.actor_id <> %s ORDER BY e.seq LIMIT 500"
)
TEXTS = "SELECT seq, text FROM hub_message WHERE project_id = %s AND seq = ANY(%s)"


def parameters() -> dict[str, Any]:
    """Give what plain psycopg needs to connect, without what Parley adds."""
    found: dict[str, Any] = connection.get_connection_params()
    for ours in ("cursor_factory", "context", "prepare_threshold", "pool", "options"):
        found.pop(ours, None)
    return found


class Floor:
    """One connection that writes as one member; the subclasses say what."""

    def __init__(self, stage: Stage, number: int) -> None:
        self.stage = stage
        self.member = stage.actors[number].member_id
        self.sql: psycopg.Connection[TupleRow] = psycopg.connect(**parameters())

    def close(self) -> None:
        """End the connection."""
        self.sql.close()

    def lock(self) -> tuple[int, Any]:
        """Lock the log and look for a key; returns the log's end and the time."""
        (seq, _, now) = self.sql.execute(LOCK, [self.stage.project_id]).fetchone() or (0, "", None)
        self.key = secrets.token_hex(16)
        self.sql.execute(FIND_KEY, [self.member, self.key]).fetchone()
        return seq, now

    def event(self, seq: int, now: Any, name: str, subject: str, channel: int | None) -> None:
        """Write one event."""
        project = self.stage.project_id
        self.sql.execute(EVENT, [project, seq, now, name, self.member, channel, subject, HASH])

    def unlock(self, seq: int, now: Any, action: str) -> None:
        """Keep the key, move the log's end, commit."""
        self.sql.execute(KEEP_KEY, [self.member, self.key, action, HASH, ANSWER, now])
        self.sql.execute(ADVANCE, [seq, HASH, self.stage.project_id])
        self.sql.commit()


class Post(Floor):
    """Writes one message."""

    def __call__(self) -> None:
        """Post once."""
        seq, now = self.lock()
        room, project = self.stage.channel_id, self.stage.project_id
        self.event(seq + 1, now, "message.posted", f"channel:{self.stage.channel}", room)
        row = [project, room, self.member, seq + 1, SAID, HTML, now, now]
        self.sql.execute(MESSAGE, row)
        self.unlock(seq + 1, now, "message.post")


class Claim(Floor):
    """Takes one task after the other, each with its work channel."""

    def __init__(self, stage: Stage, number: int, tasks: Iterator[int]) -> None:
        super().__init__(stage, number)
        self.tasks = tasks

    def __call__(self) -> None:
        """Claim once."""
        task, project = next(self.tasks), self.stage.project_id
        seq, now = self.lock()
        name = [project, project, f"work-{task}-task-{task}", f"Task {task}", now]
        (channel,) = self.sql.execute(CHANNEL, name).fetchone() or (None,)
        self.event(seq + 1, now, "channel.created", "channel:1", channel)
        self.sql.execute(TAKE, [self.member, now, channel, now, project, task])
        self.event(seq + 2, now, "task.claimed", f"task:{task}", None)
        self.unlock(seq + 2, now, "task.claim")


class Inbox(Floor):
    """Reads what is new for a member."""

    def __call__(self) -> None:
        """Read once."""
        project = self.stage.project_id
        row = self.sql.execute(CURSOR, [project, f"inbox:{self.member}"]).fetchone()
        after = row[0] if row else 0
        news = self.sql.execute(UNSEEN, [project, after, self.member]).fetchall()
        self.sql.execute(TEXTS, [project, [one[0] for one in news]]).fetchall()
        self.sql.commit()
