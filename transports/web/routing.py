"""Addresses of the live socket."""

from django.urls import path

from .consumers import LiveConsumer

urlpatterns = [path("live/<slug:slug>/", LiveConsumer.as_asgi())]  # type: ignore[arg-type]
