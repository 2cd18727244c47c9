"""Questions to agents that are gone."""
