"""The operators' admin: everything can be looked at; what changes goes through the registry."""

from . import log, money, people, talk, work

__all__ = ["log", "money", "people", "talk", "work"]
