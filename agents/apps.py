"""The programs that do the work, as a Django application."""

from importlib import import_module

from django.apps import AppConfig


class AgentsConfig(AppConfig):
    """Sessions, workspaces, pull requests, and the workers' side of them."""

    name = "agents"
    verbose_name = "Agents"

    def ready(self) -> None:
        """Import the modules that register actions, and add the agents' parts to the pages."""
        for noun in ("calls", "merges", "pulls", "sessions", "turns", "waits", "workspaces"):
            import_module(f"agents.actions.{noun}")
        import_module("agents.actions.gates").register()
        import_module("agents.web.parts").register()
        import_module("hub.actions.inbox").add_teller(import_module("agents.reports").tell)
