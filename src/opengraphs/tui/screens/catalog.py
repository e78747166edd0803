"""Every screen, in the order of its tabs."""

from __future__ import annotations

from opengraphs.tui.screens.alerts import AlertsView
from opengraphs.tui.screens.base import View
from opengraphs.tui.screens.compare import CompareView
from opengraphs.tui.screens.graphs import GraphsView
from opengraphs.tui.screens.logs import LogsView
from opengraphs.tui.screens.runs import RunsView
from opengraphs.tui.screens.samples import SamplesView
from opengraphs.tui.screens.system import SystemView

VIEWS: dict[str, type[View]] = {
    view.name: view
    for view in (RunsView, GraphsView, CompareView, LogsView, SystemView, SamplesView, AlertsView)
}

LATE: dict[str, tuple[str, str]] = {"chat": ("opengraphs.tui.screens.chat", "ChatView")}
"""Screens that are loaded when they are first gone to: module and class."""
