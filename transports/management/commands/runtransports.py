"""`manage.py runtransports`: the doors for chat clients, such as the IRC gateway."""

import asyncio
import gc
import signal
from typing import Any

from django.core.management.base import BaseCommand

from transports import runner

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Command(BaseCommand):
    """The transports' process; `manage.py up` runs one."""

    help = "Let people join with IRC clients; see docs/transports.md."

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until SIGTERM or SIGINT."""
        gc.freeze()  # as in hub.celery: end quickly
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        stop = asyncio.Event()
        for number in SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await runner.run(stop, self.stdout.write)
