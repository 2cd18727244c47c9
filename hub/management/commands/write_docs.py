"""`manage.py write_docs`: writes the pages of docs/ that are read from the code."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from hub.management.documents import pages


class Command(BaseCommand):
    """Write docs/actions.md, errors.md, states.md and settings.md anew."""

    help = "Write the generated pages of docs/."

    def handle(self, *args: Any, **options: Any) -> None:
        """Write what has changed."""
        for name, text in pages().items():
            path = Path(settings.BASE_DIR, "docs", name)
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                path.write_text(text, encoding="utf-8")
                self.stdout.write(f"wrote docs/{name}")
