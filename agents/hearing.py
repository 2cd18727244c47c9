"""Live steering: what is said to an agent in its turn reaches it at its next step."""

from typing import Any

from agents import compose
from agents.models import Session, Step, Turn
from agents.policy.attention import is_ack
from hub import registry
from hub.actions import events, inbox
from hub.actor import Actor
from hub.models import MemberKind
from hub.policy.inbox import ADDRESSED, Reader, rank
from hub.schemas import InboxItem
from hub.text import clip

MAX_ITEMS = 20  # heard at one step; what is left is heard at the next
RECENT_TURNS = 5


def hear(actor: Actor, session: Session, turn: Turn, step: Step) -> None:
    """Add to a step, whose calls are done, the messages addressed to the agent since.

    They are stored before the model is told, so that a retaken turn tells the same; the next turn
    does not tell them again.
    """
    if step.heard:
        return
    items = _since(actor, session, turn)
    if not items:
        return
    told = {"items": items, "skipped": []}
    facts = {
        "step": step.number,
        "news": items,
        "text": compose.heard(items),
        "shown": compose.heard(compose.public(told)["items"]),
    }
    registry.call(actor, "turn.hear", facts)
    step.refresh_from_db(fields=["heard", "heard_text"])


def _since(actor: Actor, session: Session, turn: Turn) -> list[dict[str, Any]]:
    known = [item["seq"] for step in turn.steps.all() for item in step.heard]
    rows = events.visible(actor).filter(seq__gt=max([turn.upto, *known]), name="message.posted")
    rows = rows.exclude(actor_id=actor.member_id).select_related("actor", "channel")
    found = list(rows.order_by("seq")[: inbox.MAX_EVENTS])
    people = {row.actor_id for row in found if row.actor.kind == MemberKind.PERSON}
    nobody = frozenset[Any]()
    reader = Reader(
        member_id=session.member_id, subjects=nobody, channels=nobody, home_channels=nobody
    )
    mine = [
        item
        for item in inbox.news(found, actor)
        if rank(reader, item) == ADDRESSED and (item.actor_id in people or not is_ack(item.text))
    ]
    return [
        InboxItem(
            seq=item.seq,
            rank=ADDRESSED,
            name=item.name,
            actor=item.actor,
            where=item.where,
            text=clip(item.text, inbox.MAX_ITEM_CHARS),
            facts={key: value for key, value in item.facts.items() if key != "mentions"},
        ).model_dump(mode="json")
        for item in mine[:MAX_ITEMS]
    ]


def known(session: Session) -> set[int]:
    """Give the numbers of what a session heard in its last turns."""
    last = session.turns.order_by("-number").values_list("pk", flat=True)[:RECENT_TURNS]
    rows = Step.objects.filter(turn__in=list(last)).exclude(heard=[])
    return {item["seq"] for heard in rows.values_list("heard", flat=True) for item in heard}
