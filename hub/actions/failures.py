"""What Parley's own jobs report when they fail: trouble of the project they worked for."""

import logging
from typing import Any

from django.db import Error

from hub import identify, registry
from hub.errors import HubError
from hub.models import HOUSE
from hub.text import clip

from .troubles import MAX_TEXT_CHARS

logger = logging.getLogger(__name__)


def report(project_id: int, text: str, *, subject: str = "", severity: str = "error") -> None:
    """Report trouble as Parley itself; where even that fails, the process's log must do."""
    told: dict[str, Any] = {
        "text": clip(text, MAX_TEXT_CHARS),
        "severity": severity,
        "subject": subject,
    }
    try:
        registry.call(identify.of_hub(project_id), "trouble.report", told)
    except (HubError, Error):
        logger.exception("trouble of project %d could not be reported", project_id)


def of_sweep(project_id: int, what: str, error: Exception) -> None:
    """Report that a sweep failed. The house has no errors channel that anybody reads."""
    if project_id != HOUSE:
        words = " ".join(what.strip("_").split("_"))
        report(project_id, f"Parley's sweep “{words}” failed: {type(error).__name__}: {error}")
