"""Every address of the site; the composition root of pages."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from agents.web import urls as agent_pages
from hub import api
from hub.web import (
    accounts,
    channels,
    costs,
    decisions,
    do,
    events,
    health,
    home,
    objectives,
    projects,
    results,
    settings,
    tasks,
    team,
    troubles,
)
from transports import urls as network_pages
from transports.matrix import views as matrix

in_project: list[URLPattern | URLResolver] = [
    path("", home.home, name="home"),
    path("team/", team.team, name="team"),
    path("c/<int:number>/", channels.channel, name="channel"),
    path("m/<int:number>/", channels.message, name="message"),
    path("o/<int:number>/", objectives.objective, name="objective"),
    path("settings/", settings.settings, name="settings"),
    path("board/", tasks.board, name="board"),
    path("t/<int:number>/", tasks.task, name="task"),
    path("needs-you/", decisions.decisions, name="decisions"),
    path("costs/", costs.costs, name="costs"),
    path("costs.csv", costs.ledger, name="costs-csv"),
    path("results/", results.results, name="results"),
    path("errors/", troubles.errors, name="errors"),
    path("log/", events.log, name="events"),
    path("do/<str:name>/", do.do, name="do"),
    *agent_pages.in_project,
    *network_pages.in_project,
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", projects.projects, name="projects"),
    path("p/<slug:slug>/", include(in_project)),
    path("enter/<str:token>/", accounts.enter, name="enter"),
    path("account/", include("allauth.urls")),
    path("api/", api.make().urls),
    path("admin/", admin.site.urls),
    path("matrix/<int:network>/<path:rest>", matrix.pushed, name="matrix-push"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
]
