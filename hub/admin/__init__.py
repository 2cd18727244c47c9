"""The operators' admin: everything can be looked at; what changes goes through the registry."""

from . import log, people, talk, troubles, work

__all__ = ["log", "people", "talk", "troubles", "work"]
