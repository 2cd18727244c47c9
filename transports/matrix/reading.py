"""Cleaned HTML read as Markdown; it never sees HTML that was not cleaned."""

import re
from html.parser import HTMLParser

_MARKS = {
    "b": "**",
    "strong": "**",
    "i": "*",
    "em": "*",
    "del": "~~",
    "s": "~~",
    "strike": "~~",
}
_BEFORE = {"br": "\n", "hr": "\n\n---\n\n", "td": "| ", "th": "| ", "p": "\n\n", "table": "\n\n"}
_BEFORE |= {"ul": "\n", "ol": "\n"} | {f"h{n}": "\n\n" + "#" * n + " " for n in range(1, 7)}
_AFTER = {"td": " ", "th": " ", "p": "\n\n", "table": "\n\n"}
_AFTER |= {f"h{n}": "\n\n" for n in range(1, 7)}
_SPECIAL = re.compile(r"[\\`*\[\]<|]|~~|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_SPACES = re.compile(r"[ \t\n\f\r]+")
_OPENING = re.compile(r"([#>+-]|\d{1,9}[.)])(?=\s)|([|=-]{3,})")
_BACKTICKS = re.compile(r"`+")
_BLANKS = re.compile(r"\n{3,}")
_ADDRESS = str.maketrans({" ": "%20", "(": "%28", ")": "%29", "<": "%3C", ">": "%3E", "\\": "%5C"})


class Reader(HTMLParser):
    """Writes Markdown as it reads tags; each quote and item is a frame that is filled alone."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._frames: list[list[str]] = [[]]
        self._lists: list[int | None] = []
        self._links: list[tuple[str, int]] = []
        self._code: list[str] | None = None
        self._is_block = False
        self._language = ""
        self._rows = self._cells = 0

    def read(self, html: str) -> str:
        """Give the Markdown of it all."""
        self.feed(html)
        self.close()
        while len(self._frames) > 1:
            self._leave("> ", "> ")
        return _tidy("".join(self._frames[0]))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if self._code is not None:
            self._in_code(tag, given)
        elif tag == "pre" or tag == "code":
            self._code, self._is_block, self._language = [], tag == "pre", ""
        elif tag in _MARKS:
            self._put(_MARKS[tag])
        elif tag == "a":
            self._links.append((given.get("href", ""), len(self._out)))
        elif tag == "img":
            self._put(_escaped(given.get("alt", "")))
        else:
            self._open_block(tag, given)

    def _in_code(self, tag: str, given: dict[str, str]) -> None:
        if tag == "code":
            found = re.match(r"language-([A-Za-z0-9+#.-]{1,24})", given.get("class", ""))
            self._language = found[1] if found else ""
        elif tag == "br" and self._code is not None:
            self._code.append("\n")

    def _open_block(self, tag: str, given: dict[str, str]) -> None:
        if tag in {"blockquote", "li"}:
            self._frames.append([])
        elif tag in {"ul", "ol"}:
            start = given.get("start", "1")
            number = int(start) if start.isascii() and start.isdigit() and len(start) < 9 else 1
            self._lists.append(number if tag == "ol" else None)
        elif tag in {"td", "th"}:
            self._cells += 1
        elif tag == "tr":
            self._cells = 0
        elif tag == "table":
            self._rows = 0
        self._put(_BEFORE.get(tag, ""))

    def handle_endtag(self, tag: str) -> None:
        if self._code is not None:
            if tag == ("pre" if self._is_block else "code"):
                self._end_code()
        elif tag in _MARKS:
            self._put(_MARKS[tag])
        elif tag == "a" and self._links:
            self._end_link()
        elif tag == "blockquote" and len(self._frames) > 1:
            self._leave("> ", "> ")
        elif tag == "li" and len(self._frames) > 1:
            self._end_item()
        else:
            self._end_block(tag)

    def _end_block(self, tag: str) -> None:
        if tag in {"ul", "ol"} and self._lists:
            self._lists.pop()
            self._put("" if self._lists else "\n\n")
        elif tag == "tr":
            self._end_row()
        else:
            self._put(_AFTER.get(tag, ""))

    def _end_item(self) -> None:
        number = self._lists[-1] if self._lists else None
        bullet = "- " if number is None else f"{number}. "
        if number is not None:
            self._lists[-1] = number + 1
        self._leave(bullet, " " * len(bullet), "\n")

    def _end_row(self) -> None:
        self._rows += 1
        self._put("|\n" + ("|---" * self._cells + "|\n" if self._rows == 1 else ""))

    def _leave(self, first: str, rest: str, gap: str = "\n\n") -> None:
        """End a frame: its lines go to the one around it, each after what stands before it."""
        lines = _tidy("".join(self._frames.pop())).split("\n")
        filled = [(rest if number else first) + line for number, line in enumerate(lines)]
        around = "".join(self._out[-1:])
        before = "" if not around or around.endswith("\n") else "\n"
        self._put(before + "\n".join(line.rstrip() for line in filled) + gap)

    def _end_code(self) -> None:
        code = "".join(self._code or ())
        longest = max(map(len, _BACKTICKS.findall(code)), default=0)
        self._code = None
        if self._is_block:
            fence = "`" * max(3, longest + 1)
            self._put(f"\n\n{fence}{self._language}\n{code.removesuffix(chr(10))}\n{fence}\n\n")
        elif code.strip():
            ticks = "`" * (longest + 1)
            pad = " " if code.startswith("`") or code.endswith("`") else ""
            self._put(f"{ticks}{pad}{_SPACES.sub(' ', code)}{pad}{ticks}")

    def _end_link(self) -> None:
        address, start = self._links.pop()
        words = "".join(self._out[start:]).strip()
        del self._out[start:]
        address = address.translate(_ADDRESS)
        if not address or not words:
            self._put(words or address)
        elif words.replace("\\", "") == address:
            self._put(address)
        else:
            self._put(f"[{words}]({address})")

    def handle_data(self, data: str) -> None:
        if self._code is not None:
            self._code.append(data)
            return
        text = _SPACES.sub(" ", data)
        at_start = not self._out or self._out[-1].endswith("\n")
        if at_start:
            text = text.lstrip(" ")
        if text:
            self._put(_escaped(text, at_start=at_start))

    @property
    def _out(self) -> list[str]:
        return self._frames[-1]

    def _put(self, text: str) -> None:
        if text:
            self._out.append(text)


def _escaped(text: str, *, at_start: bool = False) -> str:
    """Keep what is text from being read as Markdown; most of prose stays as it is."""
    text = _SPECIAL.sub(lambda found: "\\" + found[0], text)
    if at_start and (found := _OPENING.match(text)):
        cut = found.end(1) - 1 if found[1] else 0
        text = f"{text[:cut]}\\{text[cut:]}"
    return text


def _tidy(text: str) -> str:
    return _BLANKS.sub("\n\n", text).strip("\n ")
