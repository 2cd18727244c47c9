"""Git work for pull requests: say exactly what one offers, and merge an approved one."""

import logging
from dataclasses import dataclass

from agents import places, tools
from agents.actions import pulls
from agents.git import checkouts as git_checkouts
from agents.git import merges as git_merges
from agents.git import publishing, repository
from agents.models import PullRequest, PullState
from hub import clock, identify, registry
from hub.errors import HubError

CHECK_TIMEOUT_S = 600

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """How the project's check command ended on the result of a merge."""

    output: str = ""
    exit_code: int | None = 0


def work_on(pk: int) -> None:
    """Prepare or merge a pull request, whichever it waits for; once, however often it is called."""
    row = PullRequest.objects.select_related("project", "task", "workspace").get(pk=pk)
    steps = {PullState.PREPARING: _prepare, PullState.MERGING: _merge}
    step = steps.get(PullState(row.state))
    if step is None or not pulls.claim(pk, clock.now()):
        return
    try:
        step(row)
    except HubError as error:
        logger.warning("pull request %s: %s", pk, error)
        _refuse(row, error.message, Check())


def _prepare(row: PullRequest) -> None:
    bare = places.bare(row.project)
    head = repository.branch_tip(bare, row.branch) or ""
    base_tip = repository.branch_tip(bare, row.base_branch) or ""
    facts = {
        "pull": row.number,
        "base_commit": git_merges.merge_base(bare, base_tip, head),
        "head_commit": head,
        "tree": repository.tree_of(bare, head),
    }
    registry.call(identify.of_hub(row.project_id), "pull.prepared", facts)


def _merge(row: PullRequest) -> None:
    bare, source = places.bare(row.project), row.project.repository
    repository.ensure_mirror(source, bare)
    base = repository.branch_tip(bare, row.base_branch) or ""
    result = git_merges.rebase(bare, row.branch, row.base_branch)
    if result.tip is None or result.tree is None:
        _refuse(
            row, f"It conflicts with {row.base_branch} in: {', '.join(result.conflicts)}.", Check()
        )
        return
    if not git_merges.same_change(bare, (row.base_commit, row.tree), (base, result.tree)):
        _refuse(
            row,
            "The branch holds something other than what was approved; review it again.",
            Check(),
        )
        return
    check = _check(row, result.tree)
    if check.exit_code != 0:
        how = "ran out of time" if check.exit_code is None else f"ended with {check.exit_code}"
        _refuse(row, f"The check command {how} on the result.", check)
        return
    publishing.publish(bare, source, row.base_branch, tip=result.tip, expected=base)
    git_merges.fast_forward(bare, row.base_branch, tip=result.tip, expected=base)
    facts = {
        "pull": row.number,
        "commit": result.tip,
        "check_output": check.output,
        "check_exit_code": check.exit_code,
    }
    registry.call(identify.of_hub(row.project_id), "pull.merged", facts)


def _check(row: PullRequest, tree: str) -> Check:
    command = row.project.check_command
    if not command:
        return Check()
    path = places.trial(row.project, row.number)
    if path.exists():
        git_checkouts.remove_checkout(path)
    git_checkouts.extract(places.bare(row.project), tree, path)
    try:
        desk = tools.Workspace(path=path, home=places.agent_home(path))
        result = tools.call(desk, "run_command", {"command": command, "timeout_s": CHECK_TIMEOUT_S})
    finally:
        git_checkouts.remove_checkout(path)
    return Check(output=result.text, exit_code=result.exit_code)


def _refuse(row: PullRequest, reason: str, check: Check) -> None:
    facts = {
        "pull": row.number,
        "reason": reason,
        "check_output": check.output,
        "check_exit_code": check.exit_code,
    }
    registry.call(identify.of_hub(row.project_id), "pull.refused", facts)
