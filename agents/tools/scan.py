"""The program behind `search`: reads a request on stdin, writes matches on stdout, imports little.

As root it first becomes the agent's user, so that it sees nothing that the agent could not see.
"""

import json
import os
import re
import sys
from dataclasses import dataclass

SNIFF_BYTES = 8_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to look for and where; `user` is (uid, gid), None to stay who one is."""

    pattern: str
    names: list[str]
    user: tuple[int, int] | None
    max_matches: int
    max_bytes: int
    max_chars: int


def main() -> None:
    """Answer one request: {"matches": [[name, line number, text]], "error": why it is none}."""
    request = Request(**json.loads(sys.stdin.buffer.read()))
    if request.user:
        uid, gid = request.user
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    matches: list[tuple[str, int, str]] = []
    problem = ""
    try:
        matches = find(re.compile(request.pattern), request)
    except (re.error, OverflowError, RecursionError) as error:
        problem = str(error)
    sys.stdout.write(json.dumps({"matches": matches, "error": problem}))


def find(pattern: re.Pattern[str], request: Request) -> list[tuple[str, int, str]]:
    """Search file by file until there are enough matches."""
    matches: list[tuple[str, int, str]] = []
    for name in request.names:
        for number, line in enumerate(lines_of(name, request.max_bytes), start=1):
            if pattern.search(line):
                matches.append((name, number, line[: request.max_chars]))
            if len(matches) >= request.max_matches:
                return matches
    return matches


def lines_of(name: str, max_bytes: int) -> list[str]:
    """Read the lines of a text file; none of what is binary, too large, a link or unreadable."""
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return []
    with os.fdopen(descriptor, "rb") as file:
        try:
            content = file.read(max_bytes + 1)
        except OSError:
            return []
    if len(content) > max_bytes or b"\0" in content[:SNIFF_BYTES]:
        return []
    return content.decode("utf-8", "replace").splitlines()


if __name__ == "__main__":
    main()
