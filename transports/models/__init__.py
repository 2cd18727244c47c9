"""Rows of the networks that a project is connected with."""

from .accounts import ChatAccount, LinkCode
from .bindings import Binding
from .deliveries import DELIVERY_STATES, Delivery, DeliveryState, Piece
from .incoming import Gap, Incoming, IncomingState
from .networks import NETWORK_STATES, Network, NetworkState

__all__ = [
    "DELIVERY_STATES",
    "NETWORK_STATES",
    "Binding",
    "ChatAccount",
    "Delivery",
    "DeliveryState",
    "Gap",
    "Incoming",
    "IncomingState",
    "LinkCode",
    "Network",
    "NetworkState",
    "Piece",
]
