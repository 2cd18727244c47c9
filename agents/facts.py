"""What the rows say of a session's work, gathered for whoever goes on with it."""

from django.db.models import Q

from agents import casting
from agents.forms import Child, Claim, Command, Facts, OpenNote, Question
from agents.models import Entry, EntryKind, Note, PullRequest, Session, Step, ToolCall, Workspace
from agents.models.workspaces import WorkspaceState
from hub.models import Decision, DecisionKind, Event, Task
from hub.models.projects import held, is_held
from hub.text import clip

COMMANDS = 8
NOTES = 10
MAX_CLAIMS = 20
COMMAND_CHARS = 300
WORDS_CHARS = 1_200


def gather(session: Session) -> Facts:
    """Read what a session has done and holds now."""
    if is_held(session.project_id):
        held(session.project_id).flush()
    task = session.task
    work = Workspace.objects.filter(task=task).exclude(state=WorkspaceState.ARCHIVED).first()
    pull = PullRequest.objects.filter(task=task).order_by("-number").first() if task else None
    mine = Decision.objects.open().filter(
        asker_id=session.member_id, kind=DecisionKind.QUESTION, project_id=session.project_id
    )
    children = session.children.live().select_related("member").order_by("number")
    return Facts(
        task=f"#{task.number} {task.name}: {task.title}" if task else "",
        phase=task.phase if task else "",
        claims=_claims(session),
        questions=[
            Question(number=one.number, text=clip(one.text, 500))
            for one in mine.order_by("number")[:NOTES]
        ],
        pull=pull.number if pull else None,
        pull_state=pull.get_state_display() if pull else "",
        branch=work.branch if task and work else "",
        commit=_commit(task) if task else "",
        commands=_commands(session),
        notes=_notes(pull) if pull else [],
        children=[
            Child(session=one.number, agent=one.member.name, role=one.role) for one in children
        ],
        turns=session.turns.count(),
        context_tokens=session.context_tokens,
        limit_tokens=casting.context_limit(session),
        last_words=_last_words(session),
        activity=session.activity,
    )


def _claims(session: Session) -> list[Claim]:
    theirs = Q(holder_id=session.member_id) | Q(assignee_id=session.member_id)
    rows = Task.objects.live().filter(theirs, project_id=session.project_id).order_by("number")
    return [Claim(task=one.number, name=one.name, fence=one.fence) for one in rows[:MAX_CLAIMS]]


def _commit(task: Task) -> str:
    rows = Event.objects.filter(project_id=task.project_id, subject=f"task:{task.number}")
    last = rows.filter(name="workspace.committed").order_by("-seq").first()
    return str(last.facts.get("commit", "")) if last else ""


def _commands(session: Session) -> list[Command]:
    """List the last commands with their exit codes, oldest first."""
    rows = ToolCall.objects.filter(step__turn__session=session, exit_code__isnull=False)
    last = list(rows.order_by("-pk")[:COMMANDS])[::-1]
    return [
        Command(
            command=clip(str(one.arguments.get("command") or one.name), COMMAND_CHARS),
            exit_code=one.exit_code or 0,
        )
        for one in last
    ]


def _notes(pull: PullRequest) -> list[OpenNote]:
    """List the reviewers' remarks on the change as it stands."""
    rows = Note.objects.filter(review__pull=pull, review__tree=pull.tree).order_by("-pk")[:NOTES]
    return [OpenNote(path=one.path, line=one.line, text=clip(one.text, 500)) for one in rows]


def _last_words(session: Session) -> str:
    said = Step.objects.filter(turn__session=session).exclude(text="").order_by("-pk").first()
    if said:
        return clip(said.text, WORDS_CHARS)
    noted = Entry.objects.filter(session=session, kind=EntryKind.SAID).order_by("-seq").first()
    return clip(noted.text, WORDS_CHARS) if noted else ""
