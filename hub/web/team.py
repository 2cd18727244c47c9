"""The team: people, and a card for each agent, filtered and in steps."""

from collections.abc import Callable, Mapping

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from hub.models import MemberKind
from hub.parts import panels
from hub.parts import team as team_parts
from hub.parts.pages import Visit, in_project
from hub.parts.team import Mate

PAGE = 40
SHOWN: Mapping[str, tuple[str, Callable[[Mate], bool]]] = {
    "": ("Everybody", lambda _: True),
    "working": ("At work", lambda mate: mate.state == "working"),
    "waiting": ("Waiting", lambda mate: mate.state == "waiting"),
    "idle": ("Asleep", lambda mate: mate.state in {"idle", "away"}),
}
ENDED = "ended"


@require_safe
@in_project
def team(visit: Visit) -> HttpResponse:
    """Show who takes part and what each does.

    ?show=working, waiting or idle keeps some, ?find= names, ?page= goes on; ?show=ended shows the
    sessions that are over.
    """
    query = visit.request.GET
    mates = team_parts.mates(visit.project, team_parts.members(visit.project), detail=True)
    agents = [mate for mate in mates if mate.member.kind == MemberKind.AGENT]
    wanted, named = query.get("show", ""), query.get("find", "").strip()[:40]
    keep = SHOWN.get(wanted, SHOWN[""])[1]
    kept = [mate for mate in agents if keep(mate) and named.lower() in mate.member.name.lower()]
    page = query.get("page", "")
    first = PAGE * max(0, int(page[:4]) - 1) if page.isdecimal() else 0
    place = "team-ended" if wanted == ENDED else "team"
    context = {
        "mates": mates,
        "people": [mate for mate in mates if mate.member.kind == MemberKind.PERSON],
        "cards": team_parts.cards(visit.project, kept[first : first + PAGE]),
        "agents": len(agents),
        "filters": [
            (name, words, sum(map(keeps, agents))) for name, (words, keeps) in SHOWN.items()
        ],
        "show": wanted,
        "find": named,
        "before": first // PAGE if first else 0,
        "after": first // PAGE + 2 if len(kept) > first + PAGE else 0,
        "panels": panels.render(place, visit.project, {"project": visit.project}),
    }
    return visit.render("hub/team.html", context, page="team", topics=["team"])
