"""The hub as a Django application: registers its actions and checks its settings at start."""

from importlib import import_module

from django.apps import AppConfig


class HubConfig(AppConfig):
    """What a team agrees on: rows, rules, actions, pages."""

    name = "hub"
    verbose_name = "Parley"

    def ready(self) -> None:
        """Import the modules that register actions, and the Celery app that jobs are sent by."""
        import_module("hub.celery")  # else `current_app` is one that knows no broker of ours
        for noun in (
            "board",
            "channels",
            "decisions",
            "dependencies",
            "events",
            "help",
            "inbox",
            "members",
            "messages",
            "objectives",
            "projects",
            "tasks",
        ):
            import_module(f"hub.actions.{noun}")
