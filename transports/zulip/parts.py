"""What is sent for an op: posts, edits, deletions and reactions as plain JSON values."""

import re
from collections.abc import Container, Sequence
from datetime import UTC

from hub.text import clip
from transports.base import OutOp, Part, Quoted

from .emoji import name_of
from .wire import defused, safe, to_zulip

QUOTE_CHARS = 160
_NO_MARKS = re.compile(r"[*\[\]\n]")


def parts_of(op: OutOp, *, bots: Container[str], site: str) -> list[Part]:
    """Make the parts of an op; `bots` are the speakers that have a bot of their own.

    Bodies: `{"do": "post", "content": …}`, `{"do": "edit", "id": …, "content": …}`,
    `{"do": "delete", "id": …}`, `{"do": "react" | "unreact", "id": …, "emoji": name}`.
    """
    bodies = _bodies(op, "" if op.speaker.name in bots else _prefix(op.speaker.name), site)
    return [Part(number=number, body=body) for number, body in enumerate(bodies)]


def _prefix(name: str) -> str:
    return f"**{_NO_MARKS.sub('', safe(name))}:** "


def _bodies(op: OutOp, prefix: str, site: str) -> list[dict[str, object]]:
    ids = op.target.remote_ids if op.target else ()
    match op.kind:
        case "post":
            return _posts(_head(op, site) + op.text if op.text.strip() else "", prefix)
        case "edit":
            return _edits(op, prefix, site)
        case "delete":
            return [{"do": "delete", "id": one} for one in ids]
        case _:
            name = name_of(op.emoji)
            return [{"do": op.kind, "id": ids[0], "emoji": name}] if ids and name else []


def _posts(text: str, prefix: str) -> list[dict[str, object]]:
    return [{"do": "post", "content": one} for one in to_zulip(text, prefix=prefix)]


def _edits(op: OutOp, prefix: str, site: str) -> list[dict[str, object]]:
    """Change the messages there are; more text goes into new ones, and the rest goes."""
    ids: Sequence[str] = op.target.remote_ids if op.target else ()
    if not ids:
        quote = _quoted(op.target, site) if op.target else ""
        return _posts(f"{quote}*corrected:* {op.text}", prefix)
    contents = to_zulip(op.text, prefix=prefix) or [f"{prefix}*(deleted)*"]
    changed = zip(ids, contents, strict=False)
    made: list[dict[str, object]] = [{"do": "edit", "id": i, "content": c} for i, c in changed]
    made += [{"do": "post", "content": one} for one in contents[len(ids) :]]
    return made + [{"do": "delete", "id": one} for one in ids[len(contents) :]]


def _head(op: OutOp, site: str) -> str:
    """Tell what is answered, and when it was said if that is not now."""
    late = f"*(said <time:{_moment(op)}>)* " if op.late_s > 0 else ""
    return (_quoted(op.reply_to, site) if op.reply_to else "") + late


def _moment(op: OutOp) -> str:
    return op.said_at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _quoted(quoted: Quoted, site: str) -> str:
    author = _NO_MARKS.sub("", safe(quoted.author))
    if quoted.remote_ids:
        author = f"[{author}]({site}/#narrow/near/{quoted.remote_ids[0]})"
    line = clip(" ".join(safe(quoted.text).split()), QUOTE_CHARS)
    return f"> **{author}:** {defused(line)}\n\n"
