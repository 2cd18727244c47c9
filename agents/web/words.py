"""A session's state in words."""

from agents.models import Session, SessionState

ENDED_BADLY = {SessionState.FAILED, SessionState.CANCELED}


def state_words(row: Session) -> str:
    """Say in words what a session does now."""
    if row.relieved_at and row.state not in ENDED_BADLY:
        return "handed over" if row.ended_at else "handed over; waits to be relieved"
    if row.paused_at and row.ended_at is None:
        return f"paused{': ' + row.activity if row.activity else ''}"
    if row.state == SessionState.RUNNING:
        return row.activity or ("working" if row.due_at else "waiting for news")
    if row.state == SessionState.WAITING_USER:
        return "waiting for your answer"
    return row.activity or row.get_state_display()
