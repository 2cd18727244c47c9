"""What a session hears in the middle of a turn, as its worker reports it."""

from agents.models import EntryKind, Step
from hub.actor import Actor
from hub.registry import action
from hub.schemas import Done, Number
from hub.text import mask

from .turns import Facts, append, current, session_of


@action("turn.hear", needs="run", returns=Done)
def hear(actor: Actor, step: Number, news: list[Facts], text: str, *, shown: str = "") -> Done:
    """Store what was said to the agent while a step's calls ran, before the model is told.

    `shown` is the text as the transcript has it: without private words.
    """
    row = session_of(actor)
    turn = current(row)
    Step.objects.filter(turn=turn, number=step).update(heard=news, heard_text=mask(text))
    title = f"{len(news)} new while at work"
    append(actor, row, turn, EntryKind.READ, title=title, text=shown or text)
    return Done()
