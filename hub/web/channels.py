"""Channels and threads: reading is here, writing goes through `do`."""

from django.db.models import Q
from django.http import HttpResponse
from django.views.decorators.http import require_safe

from hub import access
from hub.models import Channel, ReadMark
from hub.parts import talk
from hub.parts.pages import Visit, in_project

PAGE = 60
THREAD = 200


@require_safe
@in_project
def channel(visit: Visit, number: int) -> HttpResponse:
    """Show a channel's last messages, or with ?before= the ones above a number."""
    row = access.get_channel(visit.actor, number)
    found = talk.rows().filter(channel=row).order_by("-seq")
    before = visit.request.GET.get("before", "")
    if before.isdecimal():
        found = found.filter(seq__lt=int(before[:18]))
    newest = list(found[: PAGE + 1])
    above = newest[PAGE] if len(newest) > PAGE else None
    shown = talk.said(newest[:PAGE][::-1], visit.project, above)
    context = {
        "channel": row,
        "said": shown,
        "older": shown[0].message.seq if above else None,
        "first_unread": _first_unread(visit, row, shown),
        "is_last": not before,
    }
    topics = [f"channel:{row.number}"]
    return visit.render("hub/channel.html", context, page="channel", topics=topics)


def _first_unread(visit: Visit, row: Channel, shown: list[talk.Said]) -> int | None:
    mark = ReadMark.objects.filter(channel=row, member_id=visit.actor.member_id).first()
    if mark is None:
        return None
    news = (
        one.message.seq
        for one in shown
        if one.message.seq > mark.seq and one.message.author_id != visit.actor.member_id
    )
    return next(news, None)


@require_safe
@in_project
def message(visit: Visit, number: int) -> HttpResponse:
    """Show one message with its thread; its author can change or take it back here."""
    asked = access.get_message(visit.actor, number)
    first = asked.reply_to_id or asked.pk
    found = talk.rows().filter(Q(pk=first) | Q(reply_to_id=first)).order_by("seq")
    thread = talk.said(found[:THREAD], visit.project, None)
    context = {
        "channel": asked.channel,
        "root": thread[0],
        "replies": thread[1:],
        "asked": next((one for one in thread if one.message.pk == asked.pk), thread[0]),
        "is_mine": asked.author_id == visit.actor.member_id and asked.deleted_at is None,
    }
    topics = [f"thread:{thread[0].message.seq}"]
    return visit.render("hub/message.html", context, page="channel", topics=topics)
