"""What a page, a fragment and the live socket render alike.

`live` maps the log's events to parts; `pages` is the door of every page; the other modules load
what the parts show. Applications above add theirs in `ready()`: parts with `live.on`, what the
team does with `team.source`, panels with `panels.add`, sentences with `words.add`.
"""

from . import (
    asking,
    choices,
    live,
    objectives,
    pages,
    panels,
    talk,
    team,
    timeline,
    wishes,
    words,
    work,
)

__all__ = [
    "asking",
    "choices",
    "live",
    "objectives",
    "pages",
    "panels",
    "talk",
    "team",
    "timeline",
    "wishes",
    "words",
    "work",
]
