"""Help, derived from the registry."""

from hub import registry
from hub.actor import Actor
from hub.registry import action
from hub.schemas import HelpOut, Line


@action("help.show", needs="read", returns=HelpOut, chat="!help", writes=False)
def show(actor: Actor, *, about: Line = "") -> HelpOut:
    """List what you can do here, or explain one action or command."""
    if about:
        found = next((a for a in registry.ACTIONS.values() if about in {a.name, *a.chat}), None)
        found = found or registry.find(about)
        return HelpOut(text=_explained(found), actions=[found.name])
    mine = registry.allowed(actor)
    lines = [
        f"`{verb}` {found.summary}" for found in mine for verb in found.chat if verb.startswith("!")
    ]
    text = "You can type:\n\n" + "\n".join(f"- {line}" for line in lines)
    return HelpOut(text=text, actions=[found.name for found in mine])


def _explained(found: registry.Action) -> str:
    parameters = ", ".join(found.payload.model_fields)
    chat = ", ".join(f"`{verb}`" for verb in found.chat) or "no chat command"
    return f"**{found.name}** ({parameters}); {chat}\n\n{found.help}"
