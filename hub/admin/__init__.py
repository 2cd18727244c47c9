"""The operators' admin: everything can be looked at; what changes goes through the registry."""

from . import artifacts, log, money, people, talk, troubles, work

__all__ = ["artifacts", "log", "money", "people", "talk", "troubles", "work"]
