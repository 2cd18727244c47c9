"""`manage.py matrix_registration`: the file that makes a homeserver know Parley."""

import secrets
from typing import Any

from django.conf import settings
from django.core.management import CommandError, CommandParser
from django.core.management.base import BaseCommand

from hub import identify, registry
from transports import owning, vault
from transports.matrix.registration import registration_yaml
from transports.models import Network

TOKENS = ("as_token", "hs_token")


class Command(BaseCommand):
    """Prints the registration of a Matrix network; its tokens are made when it has none."""

    help = "Print the application-service registration of a Matrix network, for the homeserver."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the project and the network."""
        parser.add_argument("project", help="the project's address, such as demo")
        parser.add_argument("network", help="the network's name in it, such as matrix")

    def handle(self, *args: Any, project: str, network: str, **options: Any) -> None:
        """Print it."""
        rows = Network.objects.filter(project__slug=project, name=network, kind="matrix")
        row = rows.first()
        if row is None:
            raise CommandError(f"{project} has no Matrix network {network}.")
        known = vault.unseal(row.secrets)
        if not all(known.get(name) for name in TOKENS):
            made = {name: known.get(name) or secrets.token_urlsafe(32) for name in TOKENS}
            hub = identify.of_hub(row.project_id, "cli")
            registry.call(hub, "network.change", {"network": network, "secret": known | made})
        _, account = owning.account_of(row.pk)
        url = f"{settings.PARLEY_PUBLIC_URL.rstrip('/')}/matrix/{row.pk}"
        self.stdout.write(registration_yaml(account, url), ending="")
