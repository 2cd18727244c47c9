"""The transports application: checks its settings at start."""

from django.apps import AppConfig
from django.core.checks import CheckMessage, register


class TransportsConfig(AppConfig):
    """See the package's modules."""

    name = "transports"


@register
def check_listeners(**_: object) -> list[CheckMessage]:
    """Refuse addresses of the IRC gateway that cannot work or are open to others."""
    from .listening import check

    return check()
