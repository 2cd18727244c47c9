"""What the actions on networks answer with."""

from datetime import datetime

from pydantic import Field

from hub.schemas import Out


class NetworkOut(Out):
    """A network and how its connection is; its secrets are never told."""

    name: str
    kind: str
    state: str
    state_why: str
    state_since: datetime
    heard_at: datetime | None
    paused_at: datetime | None


class BindingOut(Out):
    """A channel and the room of a network that mirrors it."""

    network: str = Field(validation_alias="network_name")
    channel: int = Field(validation_alias="channel_number")
    room: str
    takes_guests: bool
    held_why: str


class LinkCodeOut(Out):
    """A code to type from a chat account; it is shown once."""

    code: str
    expires_at: datetime
