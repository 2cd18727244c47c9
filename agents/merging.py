"""Git work for pull requests: say exactly what one offers, and merge an approved one."""

import logging
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import connections

from agents import brakes, containment, places, tools
from agents.actions import pulls
from agents.git import checkouts as git_checkouts
from agents.git import merges as git_merges
from agents.git import publishing, repository
from agents.git.run import GitError
from agents.keeping import Keeper
from agents.models import PullRequest, PullState, Session
from agents.models.sessions import REHEARSAL
from hub import clock, faults, identify, registry
from hub.actions import failures
from hub.errors import Conflict, HubError

CHECK_TIMEOUT_S = 600
MAX_ROUNDS = 3  # of a merge whose base branch moves while the result is checked
# Not ours to judge: a later job goes on.
LEAVE = frozenset({"house.stopped", "project.busy", "pull.claim_lost"})

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """How the project's check command ended on the result of a merge."""

    output: str = ""
    exit_code: int | None = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One attempt at a pull request; all it reports carries the attempt's number."""

    row: PullRequest
    attempt: int
    keeper: Keeper
    check: Check = field(default_factory=Check)

    def report(self, action: str, **facts: Any) -> None:
        """Report as the project's hub member. Raises Conflict `pull.claim_lost`."""
        payload = {"pull": self.row.number, "attempt": self.attempt, **facts}
        registry.call(identify.of_hub(self.row.project_id), action, payload)
        connections.close_all()  # what follows is git, which takes its time

    def refuse(self, reason: str, check: Check | None = None) -> None:
        """Report why it is not merged, or could not be prepared."""
        shown = check or Check()
        self.report(
            "pull.refused",
            reason=reason,
            check_output=shown.output,
            check_exit_code=shown.exit_code,
        )


class Refused(Exception):
    """The merge ends here, for a reason that people are told."""

    def __init__(self, reason: str, check: Check | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.check = check


def work_on(pk: int) -> None:
    """Prepare or merge a pull request, whichever it waits for; once, however often it is called."""
    attempt = pulls.claim(pk, clock.now())
    if attempt is None:
        return
    row = PullRequest.objects.select_related("project", "task", "workspace").get(pk=pk)
    step = {PullState.PREPARING: _prepare, PullState.MERGING: _merge}.get(PullState(row.state))
    connections.close_all()
    faults.passed("merge.claimed")
    if step is None:
        return
    with _keep(pk, attempt) as keeper:
        job = Job(row=row, attempt=attempt, keeper=keeper)
        try:
            _attempt(job, step)
            _look_again(job)
        except HubError as error:
            logger.warning("pull request %s is left for a later job: %s", pk, error)


def _keep(pk: int, attempt: int) -> Keeper:
    def look(renew: bool) -> bool:  # noqa: FBT001 - the keeper calls it
        if renew:
            return pulls.renew_claim(pk, attempt, clock.now())
        return PullRequest.objects.filter(pk=pk, attempt=attempt).exists()

    return Keeper(f"pull request {pk}", settings.PULL_LEASE_S, look, brakes.at_once)


def _attempt(job: Job, step: Any) -> None:
    try:
        step(job)
    except Refused as refused:
        job.refuse(refused.reason, refused.check)
    except HubError as error:
        if error.code in LEAVE:
            raise
        logger.warning("pull request %s: %s", job.row.pk, error)
        job.refuse(error.message)
    except OSError as error:
        logger.exception("pull request %s met trouble on this machine", job.row.pk)
        words = f"There is trouble on the machine that merges: {error.strerror}."
        job.refuse(words)
        failures.report(job.row.project_id, words, subject=f"pull:{job.row.number}")


def _prepare(job: Job) -> None:
    row, bare = job.row, places.bare(job.row.project)
    head = repository.branch_tip(bare, row.branch) or ""
    base_tip = repository.branch_tip(bare, row.base_branch) or ""
    faults.passed("merge.compared")
    job.report(
        "pull.prepared",
        base_commit=git_merges.merge_base(bare, base_tip, head),
        head_commit=head,
        tree=repository.tree_of(bare, head),
    )
    faults.passed("merge.prepared")


def _look_again(job: Job) -> None:
    """Have an open pull request prepared anew when a commit came in while the job was at work."""
    row = PullRequest.objects.get(pk=job.row.pk)
    if row.state != PullState.OPEN or not row.head_commit:
        return
    if repository.branch_tip(places.bare(job.row.project), row.branch) != row.head_commit:
        registry.call(identify.of_hub(row.project_id), "pull.moved", {"pull": row.number})


def _merge(job: Job) -> None:
    row, source = job.row, job.row.project.repository
    bare, passed = places.bare(row.project), dict[str, Check]()
    for number in range(1, MAX_ROUNDS + 1):
        repository.ensure_mirror(source, bare)
        faults.passed("merge.mirrored")
        base = repository.branch_tip(bare, row.base_branch) or ""
        if row.publishing and git_merges.is_ancestor(bare, row.publishing, base):
            job.report("pull.merged", commit=row.publishing)  # its answer was lost, or its job died
            return
        tip, tree = _result(row, base)
        faults.passed("merge.rebased")
        check = passed[tree] = passed.get(tree) or _check(job, tree)
        faults.passed("merge.checked")
        facts = {"check_output": check.output, "check_exit_code": check.exit_code}
        job.report("pull.publish", commit=tip, **facts)
        faults.passed("merge.noted")
        row.publishing = tip
        try:
            _publish(row, tip, base)
        except (Conflict, GitError) as error:
            moved = error.code == "merge.base_moved" or isinstance(error, GitError)
            if not moved or number == MAX_ROUNDS:
                raise Refused(error.message, check) from error
        else:
            faults.passed("merge.published")
            job.report("pull.merged", commit=tip)
            faults.passed("merge.reported")
            return


def _result(row: PullRequest, base: str) -> tuple[str, str]:
    """Rebase the branch; give the commit and its tree, or refuse what was not approved."""
    bare = places.bare(row.project)
    result = git_merges.rebase(bare, row.branch, row.base_branch)
    if result.tip is None or result.tree is None:
        paths = ", ".join(result.conflicts)
        raise Refused(f"It conflicts with {row.base_branch} in: {paths}.")
    if not git_merges.same_change(bare, (row.base_commit, row.tree), (base, result.tree)):
        raise Refused("The branch holds something other than what was approved; review it again.")
    return result.tip, result.tree


def _publish(row: PullRequest, tip: str, base: str) -> None:
    """Bring a commit into the source, and the hub's own branch after it."""
    bare = places.bare(row.project)
    publishing.publish(bare, row.project.repository, row.base_branch, tip=tip, expected=base)
    faults.passed("merge.pushed")
    try:
        git_merges.fast_forward(bare, row.base_branch, tip=tip, expected=base)
    except Conflict:
        now = repository.branch_tip(bare, row.base_branch)
        if now is None or not git_merges.is_ancestor(bare, tip, now):
            raise
        logger.info("a fetch has brought %s along already", row.base_branch)


def _is_rehearsed(row: PullRequest) -> bool:
    """Tell whether only scripted agents worked in the branch."""
    workers = Session.objects.filter(workspace=row.workspace)
    return not workers.exclude(provider=REHEARSAL).exists()


def _check(job: Job, tree: str) -> Check:
    """Run the project's check command on the result; refuse when it does not pass."""
    row, command = job.row, job.row.project.check_command
    if not command:
        return Check()
    path = places.trial(row.project, row.number)
    home = places.agent_home(path)
    git_checkouts.remove_checkout(path)
    owner = containment.user()
    git_checkouts.extract(places.bare(row.project), tree, path, owner=owner)
    desk = tools.Workspace(
        path=path,
        home=home,
        owner=owner,
        network=row.project.allows_network,
        is_our_own=_is_rehearsed(row),
        on_start=job.keeper.watch,
    )
    try:
        result = tools.call(desk, "run_command", {"command": command, "timeout_s": CHECK_TIMEOUT_S})
    finally:
        git_checkouts.remove_checkout(path)
        git_checkouts.remove_checkout(home)
    if job.keeper.killed and not job.keeper.lost.is_set():
        raise Conflict("The check was broken off: everything is stopped.", code="house.stopped")
    check = Check(output=result.text, exit_code=result.exit_code)
    if check.exit_code != 0:
        how = "ran out of time" if check.exit_code is None else f"ended with {check.exit_code}"
        raise Refused(f"The check command {how} on the result.", check)
    return check
