"""`/views`: how screens look, saved under a name, for a project of a store."""

from __future__ import annotations

from typing import Any, TypedDict


class ViewsRequest(TypedDict, total=False):
    """views: by name; null takes one away, and those that are not named stay.

    default: the name of the view to begin with, "" is none. version: what `GET /views` told;
    with it nothing is changed when somebody else was faster.
    """

    project: str
    views: dict[str, dict[str, Any] | None]
    default: str
    version: str


class ViewsReply(TypedDict):
    """version: changes with every change of the file. default: None where there is none."""

    schema: int
    project: str
    version: str
    default: str | None
    views: dict[str, dict[str, Any]]
