"""Addresses of the agents' pages, below a project's."""

from django.urls import URLPattern, path

from . import handoffs, pulls, sessions

in_project: list[URLPattern] = [
    path("s/<int:number>/", sessions.session, name="session"),
    path("handoffs/<int:number>/", handoffs.handoff, name="handoff"),
    path("s/<int:number>/e/<int:seq>/", sessions.entry, name="entry"),
    path("pull/<int:number>/", pulls.pull, name="pull"),
]
