"""What a page must not do while a test looks on: errors, refused loads, broken policies."""

import re
from dataclasses import dataclass, field

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, Response, WebError


@dataclass
class Watch:
    """Remembers what went wrong in one browser; a test names what it brings about on purpose."""

    problems: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def over(self, context: BrowserContext) -> "Watch":
        """Look at every page of a context from now on."""
        context.on("console", self._said)
        context.on("weberror", self._thrown)
        context.on("requestfailed", self._failed)
        context.on("response", self._answered)
        return self

    def expects(self, pattern: str) -> None:
        """Let what matches a pattern pass: the test is about it."""
        self.expected.append(pattern)

    def unexpected(self) -> list[str]:
        return [
            problem
            for problem in self.problems
            if not any(re.search(pattern, problem) for pattern in self.expected)
        ]

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.problems.append(f"console: {message.text} ({message.location.get('url', '')})")

    def _thrown(self, error: WebError) -> None:
        self.problems.append(f"script: {error.error}")

    def _failed(self, request: Request) -> None:
        # A page that is left stops what it was loading; nothing is broken by that.
        if request.failure != "net::ERR_ABORTED":
            self.problems.append(f"request: {request.failure} {request.url}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400:
            self.problems.append(f"answer: {response.status} {response.url}")


def overflow(page: Page) -> int:
    """Tell by how many pixels a page is wider than its window; 0 is right."""
    # On a phone innerWidth grows with what sticks out; the root's width does not.
    root = "document.documentElement"
    return int(page.evaluate(f"{root}.scrollWidth - {root}.clientWidth"))
