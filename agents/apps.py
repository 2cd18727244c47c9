"""The programs that do the work, as a Django application."""

from importlib import import_module

from django.apps import AppConfig

NOUNS = (
    *("breakers", "calls", "guards", "hearings", "merges", "pulls"),
    *("sessions", "turns", "waits", "workspaces"),
)


class AgentsConfig(AppConfig):
    """Sessions, workspaces, pull requests, and the workers' side of them."""

    name = "agents"
    verbose_name = "Agents"

    def ready(self) -> None:
        """Import the modules that register actions, and add the agents' parts to the pages."""
        for noun in NOUNS:
            import_module(f"agents.actions.{noun}")
        import_module("agents.web.parts").register()
