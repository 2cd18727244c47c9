"""The agents application."""

from django.apps import AppConfig


class AgentsConfig(AppConfig):
    """See the package's modules."""

    name = "agents"
