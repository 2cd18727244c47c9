"""What a hostile agent may put into its checkout so that git runs a program: the corpus of G41."""

import shutil
from collections.abc import Callable
from pathlib import Path

from tests.agents.repositories import Person, make_person

HOOKS = (
    "applypatch-msg", "pre-applypatch", "pre-commit", "prepare-commit-msg", "commit-msg",
    "post-commit", "post-checkout", "post-merge", "post-rewrite", "pre-rebase", "pre-push",
    "pre-receive", "update", "post-receive", "post-update", "reference-transaction",
    "post-index-change", "fsmonitor-watchman", "pre-auto-gc", "push-to-checkout",
)  # fmt: skip
Poison = Callable[[Path, str], None]


def config(checkout: Path, key: str, value: str) -> None:
    Person(checkout).git("config", key, value)


def fsmonitor(checkout: Path, evil: str) -> None:
    config(checkout, "core.fsmonitor", evil)


def hooks(checkout: Path, evil: str) -> None:
    folder = checkout / ".git" / "hooks"
    folder.mkdir(exist_ok=True)
    for name in HOOKS:
        shutil.copy(evil, folder / name)


def hooks_path(checkout: Path, evil: str) -> None:
    hooks(checkout, evil)
    (checkout / ".git" / "hooks").rename(checkout / "my-hooks")
    config(checkout, "core.hooksPath", str(checkout / "my-hooks"))


def filters(checkout: Path, evil: str) -> None:
    (checkout / ".gitattributes").write_text("* filter=evil\n")
    for key in ("clean", "smudge"):
        config(checkout, f"filter.evil.{key}", evil)


def process_filter(checkout: Path, evil: str) -> None:
    (checkout / ".gitattributes").write_text("* filter=evil\n")
    config(checkout, "filter.evil.process", evil)
    config(checkout, "filter.evil.required", "true")


def filters_from_within(checkout: Path, evil: str) -> None:
    (checkout / ".git" / "info").mkdir(exist_ok=True)
    (checkout / ".git" / "info" / "attributes").write_text("* filter=evil diff=evil\n")
    config(checkout, "filter.evil.clean", evil)


def textconv(checkout: Path, evil: str) -> None:
    (checkout / ".gitattributes").write_text("* diff=evil\n")
    config(checkout, "diff.evil.textconv", evil)
    config(checkout, "diff.evil.command", evil)


def external_diff(checkout: Path, evil: str) -> None:
    config(checkout, "diff.external", evil)


def merge_driver(checkout: Path, evil: str) -> None:
    (checkout / ".gitattributes").write_text("* merge=evil\n")
    config(checkout, "merge.evil.driver", evil)
    config(checkout, "merge.default", "evil")


def ssh_command(checkout: Path, evil: str) -> None:
    config(checkout, "core.sshCommand", evil)
    config(checkout, "remote.origin.url", "ssh://example.com/x.git")
    config(checkout, "remote.origin.uploadpack", evil)


def signing(checkout: Path, evil: str) -> None:
    config(checkout, "gpg.program", evil)
    config(checkout, "commit.gpgSign", "true")


def programs(checkout: Path, evil: str) -> None:
    for key in ("core.pager", "core.editor", "sequence.editor", "credential.helper", "core.askPass",
                "core.alternateRefsCommand", "uploadpack.packObjectsHook", "alias.status",
                "core.gitProxy", "man.viewer", "trailer.x.command"):  # fmt: skip
        config(checkout, key, evil)


def included_config(checkout: Path, evil: str) -> None:
    (checkout / "hidden.cfg").write_text(f"[core]\n\tfsmonitor = {evil}\n")
    config(checkout, "include.path", str(checkout / "hidden.cfg"))


def worktree_config(checkout: Path, evil: str) -> None:
    config(checkout, "extensions.worktreeConfig", "true")
    (checkout / ".git" / "config.worktree").write_text(f"[core]\n\tfsmonitor = {evil}\n")


def redirected_worktree(checkout: Path, evil: str) -> None:
    config(checkout, "core.fsmonitor", evil)
    elsewhere = checkout.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "secret.txt").write_text("the hub's own")
    config(checkout, "core.worktree", str(elsewhere))


def git_file(checkout: Path, evil: str) -> None:
    config(checkout, "core.fsmonitor", evil)
    elsewhere = checkout.parent / "elsewhere.git"
    (checkout / ".git").rename(elsewhere)
    (checkout / ".git").write_text(f"gitdir: {elsewhere}\n")


def git_link(checkout: Path, evil: str) -> None:
    config(checkout, "core.fsmonitor", evil)
    elsewhere = checkout.parent / "elsewhere.git"
    (checkout / ".git").rename(elsewhere)
    (checkout / ".git").symlink_to(elsewhere)


def alternates(checkout: Path, evil: str) -> None:
    config(checkout, "core.alternateRefsCommand", evil)
    other = make_person(checkout.parent / "other")
    listed = checkout / ".git" / "objects" / "info" / "alternates"
    listed.write_text(listed.read_text() + f"{other.path}/.git/objects\n")


def poisoned_repository(path: Path, evil: str) -> None:
    Person(path).git("init", "--quiet")
    (path / "file.txt").write_text("inner")
    (path / ".gitattributes").write_text("* filter=evil\n")
    Person(path).commit({})
    config(path, "core.fsmonitor", evil)
    config(path, "filter.evil.clean", evil)
    (path / "file.txt").write_text("changed")


def nested_repository(checkout: Path, evil: str) -> None:
    (checkout / "vendor").mkdir()
    poisoned_repository(checkout / "vendor", evil)


def repository_over_files(checkout: Path, evil: str) -> None:
    poisoned_repository(checkout / "src", evil)


def submodule(checkout: Path, evil: str) -> None:
    poisoned_repository(checkout / "sub", evil)


def submodule_at_its_commit(checkout: Path, evil: str) -> None:
    """Fill the submodule with just the commit that is recorded, and filters for what changed.

    Here `git add` starts `git status` inside the submodule.
    """
    sub = checkout / "sub"
    sub.rmdir()
    Person(checkout).git("clone", "--quiet", str(checkout.parents[1] / "inner"), str(sub))
    (sub / ".git" / "info" / "attributes").write_text("* filter=evil\n")
    config(sub, "filter.evil.clean", evil)
    (sub / "README.md").write_text("two\none\nthree\n")  # as long as it was: it must be read


def submodule_url(checkout: Path, evil: str) -> None:
    (checkout / ".gitmodules").write_text(
        f'[submodule "evil"]\n\tpath = sub\n\turl = ext::{evil}\n\tupdate = !{evil}\n'
    )
    config(checkout, "submodule.evil.url", f"ext::{evil}")
    config(checkout, "submodule.evil.update", f"!{evil}")
    config(checkout, "submodule.recurse", "true")


def ignore_link(checkout: Path, evil: str) -> None:
    for name in (".gitignore", ".gitattributes", "sub-folder"):
        (checkout / name).symlink_to(evil)


def odd_names(checkout: Path, evil: str) -> None:
    for name in (
        "-c",
        "--upload-pack=" + evil.replace("/", "_"),
        "$(touch x)",
        "`id`",
        "a;b",
        ":(top)",
    ):
        (checkout / name).write_text("odd")


POISONS: tuple[Poison, ...] = (
    fsmonitor, hooks, hooks_path, filters, process_filter, filters_from_within, textconv,
    external_diff, merge_driver, ssh_command, signing, programs, included_config, worktree_config,
    redirected_worktree, git_file, git_link, alternates, nested_repository, repository_over_files,
    submodule, submodule_at_its_commit, submodule_url, ignore_link, odd_names,
)  # fmt: skip
# What plain git run inside the checkout falls for: the control that shows the poison works.
LIVE: tuple[Poison, ...] = (
    fsmonitor, hooks, hooks_path, filters, process_filter, filters_from_within, textconv,
    external_diff, ssh_command, signing, included_config, worktree_config, redirected_worktree,
    git_file, git_link, submodule, submodule_at_its_commit,
)  # fmt: skip
