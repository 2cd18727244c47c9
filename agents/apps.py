"""The programs that do the work, as a Django application."""

from importlib import import_module
from pkgutil import iter_modules

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register


class AgentsConfig(AppConfig):
    """Sessions, workspaces, pull requests, and the workers' side of them."""

    name = "agents"
    verbose_name = "Agents"

    def ready(self) -> None:
        """Import the modules that register actions; add the agents' parts, gates and providers."""
        for module in iter_modules(import_module("agents.actions").__path__, "agents.actions."):
            import_module(module.name)
        import_module("agents.heartbeat")
        import_module("agents.actions.gates").register()
        import_module("agents.web.parts").register()
        import_module("hub.actions.inbox").add_teller(import_module("agents.reports").tell)
        providers = import_module("agents.providers").PROVIDERS
        import_module("hub.actions.projects").offer_providers(providers)


@register
def check_containment(**_: object) -> list[CheckMessage]:
    """Refuse a permission to run without containment that is not given in the very words."""
    from agents.containment import SENTENCE

    if settings.PARLEY_UNCONTAINED in {"", SENTENCE}:
        return []
    words = f"PARLEY_UNCONTAINED is {settings.PARLEY_UNCONTAINED!r}."
    hint = f'To let agents run without containment write "{SENTENCE}"; else leave it empty.'
    return [Error(words, hint=hint, id="agents.E001")]
