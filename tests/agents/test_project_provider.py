"""A project's choice of its provider: known ones only, and for sessions started afterwards."""

import pytest

from agents.models import Session
from hub import registry
from hub.errors import Invalid

from .stage import Set


def test_sessions_started_afterwards_have_the_projects_new_provider(stage: Set) -> None:
    before = stage.start("em")

    stage.act("project.update", provider="anthropic")
    after = stage.start("implementer")

    assert Session.objects.get(pk=before.pk).provider == "rehearsal"
    assert after.provider == "anthropic"
    assert after.is_rehearsal is False


def test_an_unknown_provider_is_refused_by_name(stage: Set) -> None:
    with pytest.raises(Invalid, match="no provider gpt; known are anthropic, rehearsal") as refused:
        registry.call(stage.person, "project.update", {"provider": "gpt"})

    assert refused.value.code == "provider.unknown"
    stage.stage.project.refresh_from_db()
    assert stage.stage.project.provider == "rehearsal"
