"""The board and a task's own page."""

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from hub import access, clock
from hub.actions import events
from hub.models import TASK_STATES
from hub.parts import panels, talk, words, work
from hub.parts.pages import Visit, in_project

LIVE = 200
FINISHED = 30
LOG = 40
LAST_WORDS = 8


@require_safe
@in_project
def board(visit: Visit) -> HttpResponse:
    """Show every unfinished task, and the ones that ended last, by what they wait for."""
    rows = work.rows(visit.project)
    unfinished = rows.filter(state__in=TASK_STATES.live).order_by("-priority", "number")[:LIVE]
    ended = rows.filter(state__in=TASK_STATES.final).order_by("-ended_at")[:FINISHED]
    now = clock.now()
    columns = work.columns(work.card(row, now) for row in [*unfinished, *ended])
    return visit.render("hub/board.html", {"columns": columns}, page="board", topics=["board"])


@require_safe
@in_project
def task(visit: Visit, number: int) -> HttpResponse:
    """Show one task: its state, why it waits, its conversation and its history."""
    row = access.get_task(visit.actor, number)
    card = work.card(work.rows(visit.project).get(pk=row.pk), clock.now())
    log = (
        events.visible(visit.actor)
        .filter(subject=f"task:{number}")
        .select_related("actor", "channel")
    )
    said = talk.rows().filter(channel=row.channel).order_by("-seq")[:LAST_WORDS]
    context = {
        "card": card,
        "why": work.why(visit.project, card.task),
        "told": words.tell(
            log.select_related("actor", "channel").order_by("-seq")[:LOG], visit.project
        ),
        "said": talk.said(list(said)[::-1], visit.project, None) if row.channel else [],
        "room": row.channel,
        "panels": panels.render("task", row, {"project": visit.project}),
    }
    topics = [f"task:{number}", *([f"channel:{row.channel.number}"] if row.channel else [])]
    return visit.render("hub/task.html", context, page="board", topics=topics)
