"""The transports application."""

from django.apps import AppConfig


class TransportsConfig(AppConfig):
    """See the package's modules."""

    name = "transports"
