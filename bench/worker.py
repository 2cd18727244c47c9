"""The sessions worker of the bench: the real one, but for where the rehearsal's scripts lie."""

import os
from pathlib import Path

from agents.policy import script
from hub.celery import app

__all__ = ["app"]

script.FOLDER = Path(os.environ["PARLEY_HOME"]) / "scripts"
