"""How big a request is, told from its text: what is reserved for, before the provider has counted.

A token is 3 bytes or more of what agents read: prose has 4 to 5, code and JSON 3 to 4.
"""

import json
from collections.abc import Iterable

from .base import Answer, Exchange, Past, Request, Usage

BYTES_PER_TOKEN = 3


def tokens(text: str) -> int:
    """Tell how many tokens a text has at most, as good as can be told without its tokenizer."""
    return -(-len(text.encode("utf-8", "surrogatepass")) // BYTES_PER_TOKEN)


def fixed(request: Request) -> int:
    """Size what is the same in each call of a session: its system prompt and its tools."""
    shown = [
        json.dumps([tool.name, tool.description, dict(tool.schema)], ensure_ascii=False)
        for tool in request.tools
    ]
    return tokens(request.system) + sum(map(tokens, shown))


def exchanges(given: Iterable[Exchange]) -> int:
    """Size answers with what came of their calls."""
    return sum(_exchange(one) for one in given)


def newest(request: Request) -> int:
    """Size what a call adds to the conversation: the prompt, or the last answer's calls."""
    last = request.exchanges[-1:]
    return exchanges(last) if last else tokens(request.prompt)


def whole(request: Request) -> int:
    """Size everything that a request holds."""
    past = sum(_past(turn) for turn in request.history)
    return fixed(request) + past + tokens(request.prompt) + exchanges(request.exchanges)


def usage(request: Request, answer: Answer) -> Usage:
    """Tell the usage of an answer as a provider with a cache would: only the newest is not read."""
    size = whole(request)
    read = size - newest(request) if request.exchanges else 0
    said = json.dumps([[use.name, dict(use.arguments)] for use in answer.calls], default=str)
    return Usage(
        output_tokens=tokens(answer.text) + tokens(said),
        cache_write_tokens=size - read,
        cache_read_tokens=read,
    )


def _past(turn: Past) -> int:
    return tokens(turn.prompt) + exchanges(turn.exchanges)


def _exchange(one: Exchange) -> int:
    content = tokens(json.dumps([dict(block) for block in one.content])) if one.content else 0
    said = content or tokens(one.text)
    for outcome in one.outcomes:
        said += tokens(outcome.text)
        if not content:
            said += tokens(json.dumps([outcome.use.name, dict(outcome.use.arguments)]))
    return said
