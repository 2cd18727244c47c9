"""The tools a session is offered, and running one: an action, or something in its checkout."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents import checkouts, containment, places, tools
from agents.models import Session, Workspace
from agents.processes import Child
from agents.providers.base import ToolSpec, ToolUse
from hub import registry
from hub.actor import Actor
from hub.errors import HubError, Invalid
from hub.policy.roles import role as role_of
from hub.text import clip

OnStart = Callable[[Child], None]
READ = ("read_file", "list_files", "search", "git_status", "git_diff")
RUN = (*READ, "run_command")
WRITE = (*RUN, "write_file", "edit_file", "commit")
CHECKOUT_TOOLS: Mapping[str, tuple[str, ...]] = {
    "manager": READ,
    "implementer": WRITE,
    "tester": RUN,
    "reviewer": READ,
    "documenter": WRITE,
}
WRITERS = frozenset(role for role, names in CHECKOUT_TOOLS.items() if "run_command" in names)
COMMIT = ToolSpec(
    name="commit",
    description="Commit everything that stands in the checkout, under your name.",
    schema={
        "type": "object",
        "properties": {"message": {"type": "string", "minLength": 3, "maxLength": 4000}},
        "required": ["message"],
        "additionalProperties": False,
    },
)
ALWAYS = ("log.read",)
ENDING = "session.finish"  # not for an engineering manager, who is there as long as the project
MAX_RESULT_CHARS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a tool call came to; `value` is an action's answer as plain values."""

    text: str
    is_error: bool = False
    exit_code: int | None = None
    seconds: float | None = None
    value: Any = None


def specs(actor: Actor, session: Session) -> tuple[ToolSpec, ...]:
    """List the tools of a session's role: few, and only what it may do."""
    end = () if session.role == "em" else (ENDING,)
    names = (*role_of(session.role).tools, *ALWAYS, *end)
    actions = [registry.ACTIONS[name] for name in names if actor.may(registry.ACTIONS[name].needs)]
    offered = [
        ToolSpec(
            name=tool_name(found.name),
            description=found.summary,
            schema=found.payload.model_json_schema(),
        )
        for found in actions
    ]
    if session.workspace_id:
        offered += [_checkout_spec(name) for name in CHECKOUT_TOOLS.get(session.role, ())]
    return tuple(offered)


def tool_name(action: str) -> str:
    """Turn an action's name into one that every model API takes: `task.open` → `task_open`."""
    return action.replace(".", "_", 1)


def action_name(tool: str) -> str | None:
    """Turn a tool's name back into an action's; None when it is none."""
    name = tool.replace("_", ".", 1)
    return name if name in registry.ACTIONS else None


def _checkout_spec(name: str) -> ToolSpec:
    if name == COMMIT.name:
        return COMMIT
    tool = tools.TOOLS[name]
    return ToolSpec(
        name=name, description=tool.description, schema=tool.arguments.model_json_schema()
    )


def is_repeatable(tool: str) -> bool:
    """Tell whether a call may be made again after a crash: an action's key makes it safe."""
    return action_name(tool) is not None


def run(
    actor: Actor, session: Session, use: ToolUse, key: str, on_start: OnStart | None = None
) -> Outcome:
    """Run one tool call; a refusal is an outcome that the model can act on.

    `on_start` hears of the program that a command starts.
    """
    offered = {spec.name for spec in specs(actor, session)}
    try:
        if use.name not in offered:
            raise Invalid(f"You have no tool called {use.name}.", code="tool.unknown")
        action = action_name(use.name)
        if action == ENDING:
            _save(actor, session)
        if action:
            value = registry.call(actor, action, use.arguments, key)
            text = clip(json.dumps(value, ensure_ascii=False), MAX_RESULT_CHARS)
            return Outcome(text=text, value=value)
        return _in_checkout(actor, session, use, on_start)
    except HubError as error:
        return Outcome(text=f"Refused ({error.code}): {error.message}", is_error=True)


def _save(actor: Actor, session: Session) -> None:
    """Commit what the agent wrote before it goes; nobody else would do it in its name."""
    workspace = session.workspace
    if workspace is not None and workspace.writer_id == session.run_id:
        checkouts.save(actor, session, workspace)


def _in_checkout(actor: Actor, session: Session, use: ToolUse, on_start: OnStart | None) -> Outcome:
    workspace = session.workspace
    if workspace is None:
        raise Invalid("This session has no checkout.", code="workspace.none")
    if use.name == COMMIT.name:
        made = checkouts.commit(actor, session, workspace, _message(use.arguments))
        return Outcome(text=f"Committed {made[:10]}.", value={"commit": made})
    result = tools.call(_desk(session, workspace, on_start), use.name, dict(use.arguments))
    return Outcome(text=result.text, exit_code=result.exit_code, seconds=result.seconds)


def _message(arguments: Mapping[str, Any]) -> str:
    message = arguments.get("message")
    if not isinstance(message, str) or len(message.strip()) < 3:
        raise Invalid("A commit needs a message.", code="commit.message")
    return message


def _desk(session: Session, workspace: Workspace, on_start: OnStart | None) -> tools.Workspace:
    path = Path(workspace.path)
    return tools.Workspace(
        path=path,
        home=places.agent_home(path),
        owner=containment.user(),
        readable=(places.objects(session.project),),
        network=session.project.allows_network,
        is_our_own=session.is_rehearsal,
        on_start=on_start,
    )
