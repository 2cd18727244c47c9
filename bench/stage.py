"""The rows that the cases work on: a project, its members with tokens, tasks, unread messages."""

from dataclasses import dataclass, replace
from urllib.parse import quote

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection

from agents.actions import sessions
from agents.models import Entry, EntryKind, Session, SessionState
from agents.models.sessions import REHEARSAL
from hub import clock, identify, registry
from hub.actions import members
from hub.actor import Actor
from hub.models import HOUSE, Channel, ChannelKind, Member, MemberKind, Project, Run, Task, User
from hub.models.projects import project_lock

UNREAD = 20
LINES = 20
SAID = "The parser now takes **both** forms; see `wordcount/words.py`. Tests are green."
TASKS_SQL = (
    "INSERT INTO hub_task (project_id, number, name, title, brief, state, phase, rounds,"
    " extra_rounds, priority, fence, opened_by_id, outcome, opened_at)"
    " SELECT %(project)s, n, 'task-' || n, 'Task ' || n, '', 'open', '', 0, 0, 0,"
    " 0, %(member)s, '', clock_timestamp()"
    " FROM generate_series(%(first)s::int, %(last)s::int) n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One project. `actors` and `tokens` are of the same members, in the same order."""

    project_id: int
    slug: str
    channel_id: int
    channel: int
    owner: Actor
    user: User
    actors: list[Actor]
    tokens: list[str]


def build(name: str, clients: int, script: str = "") -> Stage:
    """Make a project with an owner and as many agents as there are clients."""
    user = User.objects.create_user(name, password=None)
    house = replace(identify.of_hub(HOUSE, "bench"), user_id=user.pk)
    made = registry.call(house, "project.create", {"name": name, "script": script})
    project = Project.objects.get(pk=made["id"])
    owner = identify.of_user(user, project.slug, "bench")
    tokens = []
    for number in range(clients):
        agent = f"agent-{number}"
        with project_lock(project.pk) as lock:
            members.add(identify.of_hub(project.pk).at(lock.now), agent, "implementer")
        wanted = {"label": "bench", "member": agent}
        tokens.append(registry.call(owner, "token.create", wanted)["secret"])
    room = Channel.objects.get(project=project, kind=ChannelKind.PROJECT)
    return Stage(
        project_id=project.pk,
        slug=project.slug,
        channel_id=room.pk,
        channel=room.number,
        owner=owner,
        user=user,
        actors=[identify.of_token(token) for token in tokens],
        tokens=tokens,
    )


def add_tasks(stage: Stage, count: int) -> range:
    """Write open tasks; returns their numbers."""
    last = Task.objects.filter(project_id=stage.project_id).order_by("-number").first()
    first = last.number + 1 if last else 1
    names = {"project": stage.project_id, "member": stage.owner.member_id}
    with connection.cursor() as cursor:
        cursor.execute(TASKS_SQL, {**names, "first": first, "last": first + count - 1})
    return range(first, first + count)


def seat(stage: Stage, count: int) -> list[Session]:
    """Write agents that are asleep, as rows: each has a session with some lines of transcript."""
    now, target = clock.now(), sessions.local_target()
    last = Session.objects.filter(project_id=stage.project_id).count()
    people = Member.objects.bulk_create(
        Member(
            project_id=stage.project_id,
            kind=MemberKind.AGENT,
            role="tester",
            name=f"Robin{number:04}",
            created_at=now,
        )
        for number in range(last + 1, last + count + 1)
    )
    runs = Run.objects.bulk_create(Run(member=member) for member in people)
    rows = Session.objects.bulk_create(
        Session(
            project_id=stage.project_id,
            role="tester",
            provider=REHEARSAL,
            number=number,
            member=run.member,
            run=run,
            state=SessionState.RUNNING,
            target=target,
            created_at=now,
        )
        for number, run in enumerate(runs, last + 1)
    )
    Entry.objects.bulk_create(
        Entry(session=row, seq=seq, kind=EntryKind.TOOL, title=f"read_file {seq}", at=now)
        for row in rows
        for seq in range(1, LINES + 1)
    )
    return rows


def archive(stage: Stage) -> None:
    """Let no worker look at a project any more; plain SQL still writes to it."""
    registry.call(stage.owner, "project.archive", {})


def leave_unread(stage: Stage) -> None:
    """Let every agent's inbox hold the same messages, and nothing else."""
    upto = registry.call(stage.owner, "log.read", {"limit": 200})[-1]["seq"]
    for actor in stage.actors:
        registry.call(actor, "inbox.ack", {"upto": upto})
    for _ in range(UNREAD):
        registry.call(stage.owner, "message.post", {"channel": stage.channel, "text": SAID})


def cookie_of(user: User) -> str:
    """Log a person in, as a browser is."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return quote(str(session.session_key))
