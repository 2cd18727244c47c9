"""Addresses of the networks' pages, below a project's."""

from django.urls import URLPattern, path

from . import pages

in_project: list[URLPattern] = [path("networks/", pages.networks, name="networks")]
