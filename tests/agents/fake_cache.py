"""The prompt cache of the fake Messages API: whole prefixes, read at marks, counted in tokens."""

import hashlib
import json
from typing import Any

from .fake_rules import blocks_of

LOOK_BACK = 20  # blocks before a mark at which a stored prefix is still found


def tokens(value: Any) -> int:
    """Count tokens as a rule of thumb: one for four characters."""
    return max(1, len(json.dumps(value, ensure_ascii=False)) // 4)


class Cache:
    """Remembers prefixes by model; `count` says what of a request was read, written and new."""

    def __init__(self) -> None:
        self.stored: set[tuple[str, str]] = set()

    def count(self, body: dict[str, Any]) -> dict[str, int]:
        sizes, digests, marks = [], [], []
        digest = hashlib.sha256(json.dumps(body.get("thinking")).encode())
        for index, block in enumerate(blocks_of(body)):
            bare = {key: value for key, value in block.items() if key != "cache_control"}
            digest.update(json.dumps(bare).encode())
            digests.append((body["model"], digest.hexdigest()))
            sizes.append(tokens(bare))
            if "cache_control" in block:
                marks.append(index)
        read = max((self._found(mark, digests) for mark in marks), default=-1)
        written = max(marks, default=-1)
        self.stored |= {digests[mark] for mark in marks}
        return {
            "input_tokens": sum(sizes[max(read, written) + 1 :]),
            "cache_creation_input_tokens": sum(sizes[read + 1 : written + 1]),
            "cache_read_input_tokens": sum(sizes[: read + 1]),
        }

    def _found(self, mark: int, digests: list[tuple[str, str]]) -> int:
        """Look back from a mark for the longest prefix that is stored; -1 when there is none."""
        for index in range(mark, max(mark - LOOK_BACK, -1), -1):
            if digests[index] in self.stored:
                return index
        return -1
