"""Which model plays a session now: the project's choice for its role, or the next one with room."""

from datetime import datetime

from django.utils import timezone

from agents import providers
from agents.models import ProviderLimit, Session
from agents.providers.base import Provider
from hub.models import RoleSettings
from hub.policy import prices
from hub.policy.roles import role as role_of


def wanted(session: Session, provider: Provider) -> list[str]:
    """List the models that a session may use, the preferred one first."""
    chosen = RoleSettings.objects.filter(project_id=session.project_id, role=session.role).first()
    first = session.model or (chosen.model if chosen else "")
    default = provider.models.get(role_of(session.role).tier, "")
    models = [first or default, *(chosen.fallback_models if chosen else [])]
    return list(dict.fromkeys(models))


def model_for(
    session: Session, provider: Provider, now: datetime
) -> tuple[str, datetime] | tuple[None, datetime]:
    """Give the first wanted model that no limit holds back; None and when the next is free."""
    models = wanted(session, provider)
    rows = ProviderLimit.objects.filter(provider=session.provider, model__in=models, until__gt=now)
    limited = dict(rows.values_list("model", "until"))
    free = next((model for model in models if model not in limited), None)
    if free is None:
        return None, min(limited.values())
    return free, now


def note_limit(provider: str, model: str, until: datetime) -> None:
    """Remember, for every session, that a model answers nobody before a moment."""
    ProviderLimit.objects.update_or_create(
        provider=provider, model=model, defaults={"until": until}
    )


def context_limit(session: Session) -> int:
    """Give how many tokens a session's conversation may have."""
    chosen = RoleSettings.objects.filter(project_id=session.project_id, role=session.role).first()
    model = session.model or (chosen.model if chosen else "")
    return limit_of(session, chosen.context_limit_tokens if chosen else None, model)


def limit_of(session: Session, chosen: int | None, model: str) -> int:
    """Give the tokens at which a conversation is too long: the role's choice, or its model's."""
    provider = providers.PROVIDERS.get(session.provider)  # a page shows it whatever became of it
    tiers = provider.models if provider else {}
    name = model or tiers.get(role_of(session.role).tier, "")
    return chosen or prices.context_limit(name, timezone.now().date())
