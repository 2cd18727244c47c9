"""Names that Zulip gives to the emoji people react with.

Source: zulip/zulip tools/setup/emoji/emoji_names.py.
"""

_NAMES = {
    "👍": "+1",
    "👎": "-1",
    "❤": "heart",
    "🎉": "tada",
    "👀": "eyes",
    "✅": "check",
    "✔": "check_mark",
    "❌": "cross_mark",
    "⚠": "warning",
    "🚀": "rocket",
    "🔥": "fire",
    "👏": "clap",
    "🙏": "pray",
    "🙌": "raised_hands",
    "🤝": "handshake",
    "👋": "wave",
    "👌": "ok",
    "💪": "muscle",
    "👉": "point_right",
    "✋": "hand",
    "🤚": "stop",
    "🤔": "thinking",
    "😀": "grinning",
    "😃": "smiley",
    "😄": "big_smile",
    "😆": "laughing",
    "😂": "joy",
    "🤣": "rolling_on_the_floor_laughing",
    "😅": "sweat_smile",
    "😊": "blush",
    "🙂": "slight_smile",
    "🙃": "upside_down",
    "😉": "wink",
    "😍": "heart_eyes",
    "😎": "sunglasses",
    "😕": "oh_no",
    "🙁": "frown",
    "😢": "cry",
    "😭": "sob",
    "😮": "open_mouth",
    "😱": "scream",
    "😡": "rage",
    "🙄": "rolling_eyes",
    "🤖": "robot",
    "👻": "ghost",
    "💩": "poop",
}


def name_of(emoji: str) -> str:
    """Name an emoji as Zulip does; empty for what it has no name for here."""
    return _NAMES.get(emoji.replace("\ufe0f", ""), "")


def emoji_of(name: str, code: str, kind: str) -> str:
    """Read a reaction as an emoji; one of the organisation's own stays its name in colons."""
    if kind == "unicode_emoji":
        try:
            return "".join(chr(int(point, 16)) for point in code.split("-"))
        except (ValueError, OverflowError):
            pass
    return f":{name}:"
