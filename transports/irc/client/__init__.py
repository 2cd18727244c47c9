"""Parley as a client of somebody else's IRC server."""
