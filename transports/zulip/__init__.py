"""Zulip: its text, its calls and one connected account with a bot for each agent."""
