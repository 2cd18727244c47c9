"""What the answer to a card does: an action, in the name and with the rights of who answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hub import registry
from hub.actor import Actor
from hub.errors import HubError
from hub.markdown import RichText
from hub.models import ChannelKind, Decision

from . import channels, messages


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """An action that a choice stands for, with its arguments."""

    action: str
    payload: Mapping[str, Any]

    def stored(self) -> dict[str, Any]:
        """Give it as the card keeps it."""
        return {"action": self.action, "payload": dict(self.payload)}


def carry_out(actor: Actor, row: Decision) -> None:
    """Do, under the lock, what the chosen answer of a card stands for.

    An answer in words does nothing. What is refused is told in the card's channel; the answer
    stays, and nothing is done by halves.
    """
    if row.answer not in row.choices:
        return
    effect = dict(zip(row.choices, row.effects, strict=False)).get(row.answer)
    if not effect:
        return
    try:
        registry.call(actor, effect["action"], effect["payload"], f"decision:{row.number}")
    except HubError as error:
        where = row.channel if row.channel and row.channel.archived_at is None else None
        where = where or channels.of_kind(actor, ChannelKind.PROJECT)
        text = RichText.of(f"The answer to {row.number} could not be carried out: {error.message}")
        messages.take_in(actor, where, text, obey=False)
