"""The transports application: registers its actions and networks, checks its settings at start."""

from importlib import import_module
from pkgutil import iter_modules

from django.apps import AppConfig
from django.core.checks import CheckMessage, register

NETWORKS = (
    "transports.irc.client.adapter",
    "transports.loopback",
    "transports.matrix.adapter",
    "transports.zulip.adapter",
)
SENTENCES = {
    "network.added": "connected the project with {network}, which is {kind}",
    "network.changed": "changed the settings of the network {network}",
    "network.paused": "paused the network {network}",
    "network.removed": "gave up the network {network}",
    "network.resumed": "resumed the network {network}",
    "channel.bound": "bound to {room} on {network}:",
    "channel.unbound": "unbound from {room} on {network}:",
}
PLACES = {"network": ("networks", "networks")}


class TransportsConfig(AppConfig):
    """Chat clients and networks."""

    name = "transports"
    verbose_name = "Transports"

    def ready(self) -> None:
        """Import the modules that register actions and kinds of networks."""
        package = import_module("transports.actions")
        for module in iter_modules(package.__path__, "transports.actions."):
            import_module(module.name)
        for name in NETWORKS:
            import_module(name)
        import_module("hub.parts.words").add(SENTENCES, PLACES, listed=PLACES)


@register
def check_listeners(**_: object) -> list[CheckMessage]:
    """Refuse addresses of the IRC gateway that cannot work or are open to others."""
    from .listening import check

    return check()
