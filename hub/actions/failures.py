"""What Parley's own jobs report when they fail: trouble of the project they worked for."""

import logging

from django.db import Error

from hub import identify
from hub.errors import HubError
from hub.models import HOUSE
from hub.models.projects import project_lock

from .troubles import Report, take_up

logger = logging.getLogger(__name__)


def report(project_id: int, text: str, *, subject: str = "", kind: str = "") -> None:
    """Report trouble as Parley itself; where even that fails, the process's log must do."""
    try:
        with project_lock(project_id) as lock:
            told = Report(text=text, subject=subject, kind=kind)
            take_up(identify.of_hub(project_id).at(lock.now), told)
    except (HubError, Error):
        logger.exception("trouble of project %d could not be reported", project_id)


def of_sweep(project_id: int, what: str, error: Exception) -> None:
    """Report that a sweep failed. The house has no errors channel that anybody reads."""
    if project_id != HOUSE:
        words = " ".join(what.strip("_").split("_"))
        kind = type(error).__name__
        text = f"Parley's sweep “{words}” failed: {kind}: {error}"
        report(project_id, text, kind=f"sweep {words}: {kind}")  # its words may differ each time
