"""What a page, a fragment and the live socket render alike.

`live` maps the log's events to parts; `pages` is the door of every page; the other modules load
what the parts show. Applications above add theirs in `ready()`: parts with `live.on`, what the
team does with `team.source`, panels with `panels.add`, lines above every page with `notices.add`,
sentences with `words.add`.
"""

from . import (
    artifacts,
    asking,
    bills,
    choices,
    costs,
    live,
    meters,
    notices,
    objectives,
    pages,
    panels,
    talk,
    team,
    timeline,
    troubles,
    wishes,
    words,
    work,
)

__all__ = [
    "artifacts",
    "asking",
    "bills",
    "choices",
    "costs",
    "live",
    "meters",
    "notices",
    "objectives",
    "pages",
    "panels",
    "talk",
    "team",
    "timeline",
    "troubles",
    "wishes",
    "words",
    "work",
]
