"""The programs that do the work, as a Django application."""

from importlib import import_module

from django.apps import AppConfig


class AgentsConfig(AppConfig):
    """Sessions, workspaces, pull requests, and the workers' side of them."""

    name = "agents"
    verbose_name = "Agents"

    def ready(self) -> None:
        """Import the modules that register actions; add the agents' parts and providers."""
        for noun in ("calls", "merges", "pulls", "sessions", "turns", "waits", "workspaces"):
            import_module(f"agents.actions.{noun}")
        import_module("agents.web.parts").register()
        providers = import_module("agents.providers").PROVIDERS
        import_module("hub.actions.projects").offer_providers(providers)
