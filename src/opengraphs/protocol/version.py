"""The numbers that say whether a client and a daemon understand each other."""

from __future__ import annotations

VERSION = "0.1.0"
"""This release, as in pyproject.toml (a test compares); asking the installed metadata takes 20 ms."""

PROTOCOL_VERSION = 1
"""Raised when a client of the last release could no longer talk to this daemon."""

SCHEMA = 1
"""Stands in every JSON reply; keys are only ever added under one schema."""
