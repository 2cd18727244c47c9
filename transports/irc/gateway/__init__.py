"""Parley as an IRC server: a project is a network, a channel a channel, a member a nick."""
