"""Run git so that nothing outside the hub's control takes part: the one place that starts it."""

import re
import shutil
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agents import processes
from agents.processes import RunAs
from hub.errors import Invalid, Unavailable
from hub.text import MASKED
from hub.text import mask as hide

TIMEOUT_S = 60.0
OUTPUT_BYTES = 64 * 1024 * 1024
ERROR_CHARS = 2_000
DOMAIN = "parley.invalid"
HUB_CONFIG = Path(__file__).with_name("hub.gitconfig")
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"

# `-c` beats a repository's own config. Filters, textconv and merge drivers have free names and
# cannot be listed here: `info/attributes` of the hub's repositories switches those off.
SAFE_CONFIG = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.attributesFile=/dev/null",
    "core.excludesFile=/dev/null",
    "core.alternateRefsCommand=true",
    "core.askPass=",
    "core.bigFileThreshold=1m",
    "credential.helper=",
    "protocol.allow=never",
    "submodule.recurse=false",
    "fetch.recurseSubmodules=false",
    "push.recurseSubmodules=no",
    "diff.external=",
    "diff.renameLimit=400",
    "commit.gpgSign=false",
    "merge.verifySignatures=false",
    "merge.renames=true",
    "merge.autoStash=false",
    "push.gpgSign=false",
    "gc.auto=0",
    "maintenance.auto=false",
)


class GitError(Unavailable):
    """Git could not do what was asked; `detail` has the command, its exit code and its words."""

    default_code = "git.failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a git command works: a git directory of the hub's, or a person's folder by `cwd`.

    `protocol` is the only one git may speak, `extra` more (key, value) config. As root, `user`
    is the owner of a person's repository: its files stay theirs and its config runs as them.
    """

    git_dir: Path | None = None
    work_tree: Path | None = None
    index: Path | None = None
    cwd: Path = Path("/")
    user: RunAs | None = None
    protocol: str = "none"
    extra: tuple[tuple[str, str], ...] = ()

    @property
    def environment(self) -> dict[str, str]:
        places = {
            "GIT_DIR": self.git_dir,
            "GIT_WORK_TREE": self.work_tree,
            "GIT_INDEX_FILE": self.index,
        }
        found = {name: str(path) for name, path in places.items() if path is not None}
        if self.git_dir is None:  # found from `cwd`, and never in a folder above it
            found["GIT_CEILING_DIRECTORIES"] = str(self.cwd.parent)
        if self.extra:  # not by `-c`, which would cut a key that has a "=" in it
            found["GIT_CONFIG_COUNT"] = str(len(self.extra))
        for number, (key, value) in enumerate(self.extra):
            found[f"GIT_CONFIG_KEY_{number}"] = key
            found[f"GIT_CONFIG_VALUE_{number}"] = value
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What git wrote and how it ended; `truncated` only where the caller asked for a cut."""

    output: bytes
    errors: str
    exit_code: int
    truncated: bool

    @property
    def text(self) -> str:
        return self.output.decode("utf-8", "replace").strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The limits of one git call; `cut` takes the first bytes of a long answer, else it fails."""

    timeout_s: float = TIMEOUT_S
    output_bytes: int = OUTPUT_BYTES
    cut: bool = False


NORMAL = Bounds()


def run_git(
    args: Sequence[str],
    place: Place,
    *,
    stdin: bytes = b"",
    ok: Sequence[int] = (0,),
    bounds: Bounds = NORMAL,
    env: Mapping[str, str] | None = None,
) -> Answer:
    """Run git with a clean environment, no hooks, no system or user config, and limits.

    `ok` are the exit codes that are answers; any other raises GitError. `env` is added to the
    clean environment. Raises GitError `git.timeout`, `git.too_much`, `git.missing`, `git.failed`.
    """
    setting = processes.Setting(
        cwd=place.cwd,
        env={**_environment(place), **(env or {})},
        user=place.user,
    )
    limits = processes.Limits(
        timeout_s=bounds.timeout_s, head_bytes=bounds.output_bytes, stop_at_limit=True
    )
    config = [word for pair in SAFE_CONFIG for word in ("-c", pair)]
    try:
        done = processes.run([_program(), *config, *args], setting, limits, stdin)
    except OSError as error:
        raise GitError("Git could not be started.", code="git.missing") from error
    _check(done, args[0], ok, bounds)
    return Answer(
        output=done.output,
        errors=_words(done),
        exit_code=-1 if done.exit_code is None else done.exit_code,
        truncated=done.truncated,
    )


def mask(text: str) -> str:
    """Mask the secrets in git's words, and whatever stands before the `@` of a URL."""
    return hide(re.sub(r"://[^/\s'\"]*@", f"://{MASKED}@", text))


def check_id(value: str) -> str:
    """Let only a full object id through, so that no option or expression reaches git."""
    if not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", value):
        raise Invalid("That is not the full id of a git object.", code="git.bad_id")
    return value


def temporary_index(git_dir: Path) -> Path:
    """Name a private index file inside the hub's repository; the caller deletes it."""
    return git_dir / f"index.{uuid.uuid4().hex}"


def _program() -> str:
    program = shutil.which("git", path=SYSTEM_PATH) or shutil.which("git")
    if program is None:
        raise GitError("Git is not installed on this machine.", code="git.missing")
    return program


def _environment(place: Place) -> dict[str, str]:
    return {
        "PATH": f"{SYSTEM_PATH}:{Path(_program()).parent}",
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "HOME": "/nonexistent",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null" if place.user else str(HUB_CONFIG),
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "",
        "SSH_ASKPASS": "",
        "GIT_SSH_COMMAND": "ssh -o BatchMode=yes -o ConnectTimeout=20",
        "GIT_EDITOR": "false",
        "GIT_PAGER": "cat",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_ALLOW_PROTOCOL": place.protocol,
        "GIT_COMMITTER_NAME": "Parley",
        "GIT_COMMITTER_EMAIL": f"hub@{DOMAIN}",
        "GIT_AUTHOR_NAME": "Parley",
        "GIT_AUTHOR_EMAIL": f"hub@{DOMAIN}",
        **place.environment,
    }


def _check(done: processes.Finished, command: str, ok: Sequence[int], bounds: Bounds) -> None:
    if done.timed_out:
        raise GitError(
            f"git {command} took longer than {bounds.timeout_s:g} s.",
            code="git.timeout",
            command=command,
        )
    if done.truncated:
        if bounds.cut:
            return
        raise GitError(
            f"git {command} wrote more than {bounds.output_bytes:,} bytes.",
            code="git.too_much",
            command=command,
        )
    if done.exit_code not in ok:
        words = _words(done)
        raise GitError(
            f"git {command} failed: {words or 'no reason given'}",
            command=command,
            exit_code=done.exit_code,
            stderr=words,
        )


def _words(done: processes.Finished) -> str:
    return mask(done.errors.decode("utf-8", "replace"))[-ERROR_CHARS:].strip()
