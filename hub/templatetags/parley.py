"""What templates need beyond `if`, `for` and `include`: icons, times, hues, trusted Markdown."""

import re
from datetime import datetime
from html import unescape
from typing import Any

from django import template
from django.conf import settings
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape, format_html, strip_tags
from django.utils.safestring import SafeString, mark_safe

from hub.actions.decisions import chosen
from hub.errors import Invalid
from hub.markdown import render
from hub.models import Decision, Project
from hub.policy import costs
from hub.policy.prices import MILLION
from hub.policy.roles import roles

SPRITE = "hub/vendor/lucide-1.62.0.svg"
OTHER_HUE = 8
CLOCKS = {"clock": "%H:%M", "second": "%H:%M:%S"}
ENTRIES = {
    "page": "this site",
    "irc": "IRC",
    "matrix": "Matrix",
    "zulip": "Zulip",
    "api": "the API",
}
TASK = re.compile(r'<span class="task-ref" data-number="(\d{1,9})">(.*?)</span>')

register = template.Library()


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """Draw one icon of the sprite; without a label it is decoration and hidden from readers."""
    seen = format_html('role="img" aria-label="{}"' if label else 'aria-hidden="true"', label)
    return format_html(
        '<svg class="icon" width="16" height="16" {}><use href="{}#{}"/></svg>',
        seen,
        static(SPRITE),
        name,
    )


@register.simple_tag
def when(moment: datetime | None, shape: str = "ago") -> SafeString | str:
    """Write a time, the exact one on hover: "12 min ago", or by shape.

    `clock` is "14:03", `second` "14:03:11", `left` counts the last two minutes in seconds.
    """
    if moment is None:
        return ""
    moment = timezone.localtime(moment)
    words = (
        moment.strftime(CLOCKS[shape]) if shape in CLOCKS else ago(moment, timezone.now(), shape)
    )
    return format_html(
        '<time datetime="{}" title="{}" data-when="{}">{}</time>',
        moment.isoformat(timespec="seconds"),
        moment.strftime("%Y-%m-%d %H:%M:%S %Z"),
        shape,
        words,
    )


def ago(moment: datetime, now: datetime, shape: str = "ago") -> str:
    """Say how far away a moment is: just now, 12 min ago, in 3 h, as `left` also in 70 s."""
    seconds = (now - moment).total_seconds()
    size = abs(seconds)
    if shape == "left" and -120 < seconds < 0:
        return f"in {size:.0f} s"
    if size < 45:
        return "just now" if seconds >= 0 else "in a moment"
    number, unit = (size / 60, "min") if size < 3_570 else (size / 3_600, "h")
    if unit == "h" and number >= 24:
        number, unit = number / 24, "d"
    return f"{number:.0f} {unit} ago" if seconds >= 0 else f"in {number:.0f} {unit}"


@register.filter
def monogram(name: str) -> str:
    """Shorten a name to the two letters of its avatar."""
    return name[:2].title()


@register.filter
def hue(role: str) -> int:
    """Give the number of a role's hue, 1 to 8."""
    found = roles().get(role)
    return found.hue if found else OTHER_HUE


@register.filter
def role_title(role: str) -> str:
    """Give a role's name as people read it."""
    found = roles().get(role)
    return found.title if found else role


@register.filter
def markdown_safe(html: str) -> SafeString:
    """Let through what hub.markdown rendered and sanitised when it was stored, and nothing else."""
    return mark_safe(html)  # noqa: S308 - sanitised once, at the single point where it is written


@register.filter
def spoken(html: str) -> str:
    """Give the words of stored HTML without its marks, for a line that has no room for them."""
    return " ".join(unescape(strip_tags(html)).split())


@register.filter
def told(html: str, project: Project) -> SafeString:
    """Show a message's stored HTML, with its #12 as links to the project's tasks."""

    def link(match: re.Match[str]) -> str:
        return f'<a href="{reverse("task", args=[project.slug, int(match[1])])}">{match[2]}</a>'

    return markdown_safe(TASK.sub(link, html))


@register.filter
def markdown(text: str) -> SafeString:
    """Render a short text that is stored as Markdown alone; plain when it is too deep for that."""
    try:
        return markdown_safe(render(text))
    except Invalid:
        return escape(text)


@register.filter
def default_words(decision: Decision) -> str:
    """Say what applies without an answer: a choice's words instead of its number."""
    try:
        return chosen(decision, decision.default)
    except Invalid:
        return decision.default


@register.filter
def choice_number(decision: Decision) -> str:
    """Give the number of the choice that an answer took, as "2, "; nothing for free words."""
    found = decision.answer in decision.choices
    return f"{decision.choices.index(decision.answer) + 1}, " if found else ""


@register.filter
def entry_words(entry: str) -> str:
    """Name the place where something came in as people call it."""
    return ENTRIES.get(entry, entry)


@register.filter
def thousands(number: int) -> str:
    """Write a number with a thin space between thousands."""
    return f"{number:,}".replace(",", "\u202f")


@register.filter
def get(mapping: dict[Any, Any], key: object) -> Any:
    """Look a key up in a mapping; None when it is not there."""
    return mapping.get(key)


@register.filter
def usd(micro_usd: int) -> str:
    """Write money: $1.25."""
    return costs.usd(micro_usd)


@register.filter
def dollars(micro_usd: int) -> str:
    """Write money as a form takes it: 1.25."""
    whole, rest = divmod(micro_usd, MILLION)
    return f"{whole}.{rest:06}".rstrip("0").rstrip(".")


@register.filter
def grouped(number: int) -> str:
    """Write a number with its thousands apart."""
    return f"{number:,}"


@register.filter
def short(number: int) -> str:
    """Write a big number in few characters: 12.3k, 4.5M."""
    for size, unit in ((MILLION * 1_000, "G"), (MILLION, "M"), (1_000, "k")):
        if number >= size:
            return f"{number / size:.1f}{unit}"
    return str(number)


@register.simple_tag(takes_context=True)
def theme(context: template.Context) -> str:
    """Give the theme that the viewer chose, or nothing for the system's."""
    request = context.get("request")
    chosen = request.COOKIES.get("theme", "") if request else ""
    return chosen if chosen in {"light", "dark"} else ""


@register.simple_tag
def open_signup() -> bool:
    """Tell whether strangers may make a login."""
    return bool(settings.PARLEY_OPEN_SIGNUP)
