"""What a hand-off holds: the agent's own form, the facts from rows, and words made of them."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from hub.text import clip

MAX_WORDS = 1_500
MAX_SUMMARY_CHARS = 6_000
SHOWN_ITEMS = 3
ITEM_CHARS = 160
Item = Annotated[str, Field(min_length=1, max_length=1_000)]
Items = Annotated[list[Item], Field(max_length=40)]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", from_attributes=True)


class Form(_Shape):
    """What an agent hands over in its own words: every part is required, a list may be empty."""

    done: Annotated[Items, Field(description="what is finished")]
    remaining: Annotated[Items, Field(description="what is still to do, the next thing first")]
    decisions: Annotated[Items, Field(description="what was decided, and why")]
    questions: Annotated[Items, Field(description="what is not known yet, and who was asked")]
    branch: Annotated[str, Field(max_length=200, description="your branch, or nothing")]
    commit: Annotated[str, Field(max_length=64, description="your last commit, or nothing")]
    uncommitted_files: Annotated[Items, Field(description="files that are changed, not committed")]
    passing: Annotated[Items, Field(description="commands that pass")]
    failing: Annotated[Items, Field(description="commands that fail, and how")]
    leases: Annotated[Items, Field(description="tasks and paths that you hold")]
    next_step: Annotated[
        str, Field(min_length=3, max_length=2_000, description="the very next thing to do")
    ]

    @model_validator(mode="after")
    def _has_substance(self) -> Self:
        if not self.done and not self.remaining:
            raise ValueError("say what is done or what remains; both lists are empty")
        words = sum(len(text.split()) for text in self._texts())
        if words > MAX_WORDS:
            raise ValueError(f"a hand-off has at most {MAX_WORDS} words; this has {words}")
        return self

    def _texts(self) -> list[str]:
        found: list[str] = []
        for value in self.model_dump().values():
            found += value if isinstance(value, list) else [value]
        return found


class Command(_Shape):
    command: str
    exit_code: int


class Claim(_Shape):
    task: int
    name: str
    fence: int


class Question(_Shape):
    number: int
    text: str


class OpenNote(_Shape):
    path: str
    line: int
    text: str


class Child(_Shape):
    session: int
    agent: str
    role: str


class Facts(_Shape):
    """What the hub knows by itself of a session's work, as its rows say it."""

    task: str = ""
    phase: str = ""
    claims: list[Claim] = []
    questions: list[Question] = []
    pull: int | None = None
    pull_state: str = ""
    branch: str = ""
    commit: str = ""
    commands: list[Command] = []
    notes: list[OpenNote] = []
    children: list[Child] = []
    turns: int = 0
    context_tokens: int = 0
    limit_tokens: int = 0
    last_words: str = ""
    activity: str = ""


def composed(facts: Facts) -> Form:
    """Make a form of facts alone, for an agent that could not write one."""
    last = {_few(one.command): one.exit_code for one in facts.commands}
    done = [f"{facts.turns} turn{'' if facts.turns == 1 else 's'} taken"]
    if facts.commit:
        done.append(f"committed {facts.commit[:10]} on {facts.branch}")
    if facts.pull:
        done.append(f"offered pull request {facts.pull} ({facts.pull_state})")
    if facts.last_words:
        done.append(f"its last words: {_few(facts.last_words, 200)}")
    remaining = [f"{facts.task}, phase {facts.phase or 'not begun'}"] if facts.task else []
    remaining += [f"{note.path}:{note.line}: {_few(note.text)}" for note in facts.notes]
    step = "Look at the task, the branch and the last commands, then go on."
    return Form(
        done=[clip(text, 1_000) for text in done],
        remaining=[clip(text, 1_000) for text in remaining],
        decisions=[],
        questions=[f"question {one.number}: {_few(one.text)}" for one in facts.questions],
        branch=facts.branch,
        commit=facts.commit,
        uncommitted_files=[],
        passing=[name for name, code in last.items() if code == 0],
        failing=[f"{name} (exit {code})" for name, code in last.items() if code],
        leases=[f"#{one.task} {one.name}" for one in facts.claims],
        next_step=f"It was last seen at: {_few(facts.activity)}. {step}"
        if facts.activity
        else step,
    )


def _few(text: str, words: int = 30) -> str:
    """Keep the first words, so that all facts together fit a form whatever they say."""
    return clip(" ".join(text.split()[:words]), 900)


def headline(form: Form) -> str:
    """Say a hand-off in a few words: "4 done, 2 open, tests red in x"."""
    parts = [f"{len(form.done)} done", f"{len(form.remaining)} open"]
    if form.failing:
        parts.append(f"red: {clip(one_line(form.failing[0]), 80)}")
    elif form.passing:
        parts.append("tests green")
    return ", ".join(parts)


def short(form: Form) -> str:
    """Say a hand-off in a few lines of Markdown, for a channel."""
    lists = (("Done", form.done), ("Open", form.remaining), ("Fails", form.failing))
    lines = [f"{name}: {_some(items)}" for name, items in lists if items]
    return "\n\n".join([*lines, f"Next: {clip(one_line(form.next_step), 2 * ITEM_CHARS)}"])


def _some(items: list[str]) -> str:
    shown = "; ".join(clip(one_line(item), ITEM_CHARS) for item in items[:SHOWN_ITEMS])
    more = len(items) - SHOWN_ITEMS
    return f"{shown}; and {more} more" if more > 0 else shown


def one_line(text: str) -> str:
    """Put a text on one line, so that no part of it begins a line."""
    return " ".join(text.split())


def summary(form: Form) -> str:
    """Write a form as the summary that a session leaves behind."""
    return clip("\n".join(f"{name}: {text}" for name, text in spoken(form)), MAX_SUMMARY_CHARS)


def spoken(form: Form) -> list[tuple[str, str]]:
    """Give a form's parts that say something, as (name, text)."""
    named = [
        (name.replace("_", " "), "; ".join(value) if isinstance(value, list) else value)
        for name, value in form.model_dump().items()
    ]
    return [(name, text) for name, text in named if text]
