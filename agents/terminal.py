"""The person at the terminal: asked there what is otherwise asked on the pages."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agents import places
from agents.git import diffs
from agents.models import PullRequest, PullState
from hub import registry
from hub.errors import HubError
from hub.models import Decision

if TYPE_CHECKING:
    from agents.rehearsing import Stage

SIGNS = {"context": " ", "added": "+", "deleted": "-", "note": "\\"}
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
DECIDE = "Decide it yourself, and say what you decided."


class NobodyThereError(Exception):
    """The terminal is closed, and what is asked has no answer without a person."""


@dataclass(kw_only=True)
class Terminal:
    """Asks with `read`, shows with `write`. `approves` merges without asking."""

    write: Callable[[str], object]
    read: Callable[[str], str] = input
    approves: bool = False
    _seen: set[tuple[int, str]] = field(default_factory=set)
    _tries: int = 0

    def act(self, stage: "Stage") -> None:
        """Put before the person what waits for one. Raises NobodyThereError."""
        cards = Decision.objects.open().filter(project=stage.project).select_related("asker")
        for card in cards.order_by("number"):
            pull = PullRequest.objects.filter(decision=card).first()
            try:
                if pull is None:
                    self._answer(stage, card)
                elif pull.state == PullState.OPEN and (pull.number, pull.tree) not in self._seen:
                    self._seen.add((pull.number, pull.tree))
                    self._decide(stage, pull)
            except HubError as error:
                self.write(f"Refused: {error.message}")

    def _answer(self, stage: "Stage", card: Decision) -> None:
        self.write(f"\n{card.get_kind_display().capitalize()} {card.number}, {card.asker_name}:")
        self.write(plain(card.text))
        for number, choice in enumerate(card.choices, 1):
            self.write(f"  {number}. {plain(str(choice))}")
        default = str(card.recommended or 1) if card.choices else DECIDE
        try:
            said = default if self.approves else self.read(f"Answer [{default}]: ").strip()
        except EOFError:
            said = default
        self._tries += 1
        text = f"!ans {card.number} {said or default}"
        posted = {"channel": "project", "text": text}
        registry.call(stage.person, "message.post", posted, f"terminal:{self._tries}")

    def _decide(self, stage: "Stage", pull: PullRequest) -> None:
        for line in self._shown(stage, pull):
            self.write(line)
        if not self.approves and not self._agrees(stage, pull):
            reason = self._ask("What has to change? ").strip() or "Not like this."
            self._review(stage, pull, "changes", reason)
            return
        self._review(stage, pull, "approve", "Good. Merge it.")
        registry.call(stage.person, "pull.merge", {"pull": pull.number})

    def _agrees(self, stage: "Stage", pull: PullRequest) -> bool:
        while True:
            said = self._ask(f"Merge it into {pull.base_branch}? yes, no, diff: ").strip().lower()
            if said in {"y", "yes"}:
                return True
            if said in {"n", "no"}:
                return False
            if said in {"d", "diff"}:
                for line in self._diff(stage, pull):
                    self.write(line)

    def _ask(self, words: str) -> str:
        try:
            return self.read(words)
        except EOFError:
            raise NobodyThereError(
                "A pull request waits for approval, and nobody is at the terminal; "
                "run it at one, or with --yes."
            ) from None

    def _review(self, stage: "Stage", pull: PullRequest, verdict: str, text: str) -> None:
        given = {"pull": pull.number, "verdict": verdict, "text": text, "tree": pull.tree}
        registry.call(stage.person, "pull.review", given)

    def _shown(self, stage: "Stage", pull: PullRequest) -> Iterator[str]:
        size = diffs.stat(places.bare(stage.project), pull.base_commit, pull.tree)
        yield f"\nPull request {pull.number}: {plain(pull.title)}"
        yield plain(pull.summary)
        yield f"{size.files} files, +{size.additions} -{size.deletions}, branch {pull.branch}"

    def _diff(self, stage: "Stage", pull: PullRequest) -> Iterator[str]:
        found = diffs.diff(places.bare(stage.project), pull.base_commit, pull.tree)
        for file in found.files:
            yield f"--- {plain(file.path)} ({file.status})"
            for hunk in file.hunks:
                yield f"@@ {plain(hunk.heading)}"
                yield from (f"{SIGNS[line.kind]}{plain(line.text)}" for line in hunk.lines)
        if found.truncated:
            yield "(there is more of it)"


def plain(text: str) -> str:
    """Keep what moves no cursor: text of agents and files is printed on a person's terminal."""
    return CONTROL.sub("\ufffd", text)
