"""The floor of the cases with agents: a wake-up, the rows of a turn, and what the team page shows.

As in bench.floor: plain psycopg, no more transactions than any hub would need.
"""

import json

import psycopg

from agents.models import Session
from bench.floor import Floor, Post, parameters
from bench.stage import SAID, Stage, seat

BELL = "parley_floor"
NEWS = json.dumps([{"seq": 1, "name": "message.posted", "text": SAID, "facts": {"mentions": [1]}}])
STATE = json.dumps({"at": 1, "variables": {"news.text": SAID}, "news": [], "saves": [{}]})
PROMPT = f"No objective is open.\n\n[1] message.posted by Pat in project\n{SAID}\n"

CLAIM = (
    "UPDATE hub_run SET epoch = epoch + 1, lease_until = clock_timestamp() + interval '30 s'"
    " WHERE id = (SELECT id FROM hub_run WHERE id = %s FOR UPDATE SKIP LOCKED)"
)
RELEASE = "UPDATE hub_run SET lease_until = NULL WHERE id = %s"
TURN = (
    "INSERT INTO agents_turn (session_id, number, state, prompt, news, upto, input_tokens,"
    " output_tokens, cache_write_tokens, cache_read_tokens, error, started_at)"
    " VALUES (%s, %s, %s, %s, %s, 1, 0, 0, 0, 0, '', clock_timestamp()) RETURNING id"
)
ENTRY = (
    "INSERT INTO agents_entry (session_id, turn_id, seq, kind, title, text, at)"
    " VALUES (%s, %s, (SELECT max(seq) + 1 FROM agents_entry WHERE session_id = %s),"
    " %s, '', %s, %s)"
)
STEP = (
    "INSERT INTO agents_step (turn_id, number, text, content, model, stop_reason, is_last, heard,"
    " heard_text, at) VALUES (%s, %s, '', '[]', '', '', false, '[]', '', %s) RETURNING id"
)
CALL = (
    "INSERT INTO agents_toolcall (step_id, number, use_id, name, arguments, state, result,"
    " is_error) VALUES (%s, 1, 'step1-1', 'message_post', %s, 'planned', '', false) RETURNING id"
)
CALLED = "UPDATE agents_toolcall SET state = 'done', result = %s WHERE id = %s"
CHARGE = (
    "INSERT INTO hub_charge (project_id, number, key, state, member_id, run_id, epoch, session,"
    " turn, provider, model, input_tokens, output_tokens, cache_write_tokens, cache_read_tokens,"
    " reserved_micro_usd, micro_usd, is_unknown_model, lacks_usage, is_absurd, at,"
    " ended_at)"
    " VALUES (%s, coalesce((SELECT max(number) FROM hub_charge WHERE project_id = %s), 0) + 1,"
    " %s, 'settled', %s, %s, 1, %s, %s, 'rehearsal', '', 1, 1, 1, 1, 0, 0, false, false, false,"
    " %s, clock_timestamp())"
)
REMEMBER = "UPDATE agents_session SET provider_state = %s, context_tokens = 4000 WHERE id = %s"
OVER = "UPDATE agents_turn SET state = 'done', ended_at = %s WHERE id = %s"
CARDS = (
    "SELECT m.name, m.role, s.number, s.state, s.activity, s.context_tokens, t.number, t.name,"
    " e.kind, e.title, e.at FROM hub_member m"
    " LEFT JOIN agents_session s ON s.member_id = m.id AND s.ended_at IS NULL"
    " LEFT JOIN hub_task t ON t.id = s.task_id LEFT JOIN LATERAL (SELECT kind, title, at"
    " FROM agents_entry WHERE session_id = s.id ORDER BY seq DESC LIMIT 1) e ON true"
    " WHERE m.project_id = %s AND m.retired_at IS NULL ORDER BY m.name"
)


class Turn(Post):
    """Writes the rows of a turn: what was read, two answers, a post in between, the end."""

    def __init__(self, stage: Stage, number: int, session: Session) -> None:
        super().__init__(stage, number)
        self.session, self.run, self.turns = session.pk, session.run_id, 0

    def __call__(self) -> None:
        """Take one turn."""
        self.turns += 1
        self.sql.execute(CLAIM, [self.run])
        self.sql.commit()
        turn = self._begin()
        call = self._answer(turn, 1)
        super().__call__()
        self._called(turn, call)
        self._answer(turn, 2)
        self._end(turn)
        self.sql.execute(RELEASE, [self.run])
        self.sql.commit()

    def _begin(self) -> int:
        _, now = self.lock()
        row = [self.session, self.turns, "running", PROMPT, NEWS]
        (turn,) = self.sql.execute(TURN, row).fetchone() or (0,)
        self.sql.execute(ENTRY, [self.session, turn, self.session, "read", PROMPT, now])
        self.sql.commit()
        return int(turn)

    def _answer(self, turn: int, number: int) -> int:
        _, now = self.lock()
        (step,) = self.sql.execute(STEP, [turn, number, now]).fetchone() or (0,)
        call = 0
        if number == 1:
            (call,) = self.sql.execute(CALL, [step, json.dumps({"text": SAID})]).fetchone() or (0,)
        project = self.stage.project_id
        paid = [project, project, f"{turn}:{number}", self.member, self.run, 1, self.turns, now]
        self.sql.execute(CHARGE, paid)
        self.sql.execute(REMEMBER, [STATE, self.session])
        self.sql.commit()
        return int(call)

    def _called(self, turn: int, call: int) -> None:
        _, now = self.lock()
        self.sql.execute(CALLED, [SAID, call])
        self.sql.execute(ENTRY, [self.session, turn, self.session, "tool", SAID, now])
        self.sql.commit()

    def _end(self, turn: int) -> None:
        seq, now = self.lock()
        self.sql.execute(OVER, [now, turn])
        self.event(seq + 1, now, "session.turn", "session:1", None)
        self.unlock(seq + 1, now, "turn.end")


class Wake(Post):
    """Posts, and begins a turn on a second connection as soon as that one hears of the post."""

    def __init__(self, stage: Stage, number: int) -> None:
        super().__init__(stage, number)
        (self.sleeper,) = seat(stage, 1)
        self.turns = 0
        self.ear = psycopg.connect(**parameters(), autocommit=True)
        self.ear.execute(f"LISTEN {BELL}")

    def close(self) -> None:
        """End both connections."""
        self.ear.close()
        super().close()

    def unlock(self, seq: int, now: object, action: str) -> None:
        """Ring with the commit."""
        self.sql.execute(f"NOTIFY {BELL}")
        super().unlock(seq, now, action)

    def __call__(self) -> None:
        """Wake once."""
        super().__call__()
        for _ in self.ear.notifies(stop_after=1, timeout=1.0):
            self.turns += 1
        with self.ear.transaction():
            self.ear.execute(CLAIM, [self.sleeper.run_id])
            self.ear.execute(TURN, [self.sleeper.pk, self.turns, "done", PROMPT, NEWS])


class Cards(Floor):
    """Reads who is in the team, what each does and said last."""

    def __call__(self) -> None:
        """Read once."""
        self.sql.execute(CARDS, [self.stage.project_id]).fetchall()
        self.sql.commit()
