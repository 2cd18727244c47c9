"""The breaker of a provider: opened when sessions fail alike, closed by a person."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from agents.models import ProviderBreaker, Session, Turn, TurnState
from agents.policy import guards
from hub import identify
from hub.actions import decisions, events
from hub.actions.effects import Effect
from hub.actor import Actor
from hub.errors import Conflict
from hub.markdown import RichText
from hub.models import DecisionKind
from hub.registry import action
from hub.schemas import Done
from hub.text import clip

ProviderName = Annotated[str, Field(pattern=r"^[a-z_]+$", max_length=40)]
MAX_FAILURES = 200


def failed_alike(actor: Actor, row: Session, error: str) -> None:
    """Open the provider's breaker, under the lock, once five sessions failed alike in ten minutes.

    It holds for all projects; the card that closes it is opened in the fifth one's project.
    """
    breaker, _ = ProviderBreaker.objects.get_or_create(provider=row.provider)
    since = actor.now - timedelta(seconds=guards.FAILING_ALIKE_S)
    rows = Turn.objects.filter(
        state=TurnState.FAILED,
        ended_at__gt=max(since, breaker.closed_at or since),
        session__provider=row.provider,
    )
    found = rows.order_by("-ended_at").values_list("session_id", "error")[:MAX_FAILURES]
    like = guards.alike(error)
    alike = {pk for pk, words in found if guards.alike(words) == like}
    if len(alike) < guards.FAILING_ALIKE_SESSIONS:
        return
    closed = ProviderBreaker.objects.filter(pk=breaker.pk, opened_at=None)
    if not closed.update(opened_at=actor.now, error=clip(error, 500)):
        return
    subject, reason = f"project:{actor.project_id}", clip(error, 160)
    hub = identify.of_hub(actor.project_id, "hub").at(actor.now)
    events.record(hub, "provider.stopped", subject, provider=row.provider, reason=reason)
    again = Effect(action="provider.retry", payload={"provider": row.provider})
    text = (
        f"{guards.FAILING_ALIKE_SESSIONS} sessions failed alike within ten minutes, so no turn "
        f"with the provider {row.provider} begins, in any project: {clip(error, 300)}"
    )
    choices = (("Try it again", again), ("Leave it stopped", None))
    decisions.open_card(hub, DecisionKind.BRAKE, RichText.of(text), choices)


@action("provider.retry", needs="decide", returns=Done)
def retry(actor: Actor, provider: ProviderName) -> Done:
    """Let turns with a provider begin again after its sessions failed alike; for people."""
    rows = ProviderBreaker.objects.filter(provider=provider, opened_at__isnull=False)
    if not rows.update(opened_at=None, closed_at=actor.now):
        raise Conflict(f"{provider} is not stopped.", code="provider.not_stopped")
    subject = f"project:{actor.project_id}"
    events.record(actor, "provider.retried", subject, provider=provider)
    return Done()
