"""Keys of every screen."""

from __future__ import annotations

from tui_fakes import Session

from key_cases.case import Case
from key_cases.chat import long_talk


def panels(s: Session) -> tuple[object, ...]:
    """What `tab` changes, on any screen."""
    views = s.app.views
    panels = [views[name].state.panel for name in ("compare", "samples", "alerts")]
    if "chat" in views:
        panels.append(views["chat"].lit)
    return s.desk.runs.on_cards, views["graphs"].panel, s.desk.system.focus, *panels


CASES: dict[str, Case] = {
    "screen.runs": Case(lambda s: s.desk.screen, after="runs"),
    "screen.graphs": Case(lambda s: s.desk.screen, after="graphs"),
    "screen.compare": Case(lambda s: s.desk.screen, after="compare"),
    "screen.logs": Case(lambda s: s.desk.screen, after="logs"),
    "screen.system": Case(lambda s: s.desk.screen, after="system"),
    "screen.samples": Case(lambda s: s.desk.screen, after="samples"),
    "screen.alerts": Case(lambda s: s.desk.screen, after="alerts"),
    "screen.chat": Case(lambda s: s.desk.screen, after="chat"),
    "help": Case(lambda s: ": keys" in s.text, after=True),
    "leave": Case(lambda s: "still running" in s.text, after=True),
    "back": Case(lambda s: s.app.overlay is None, before=("question_mark",), after=True),
    "panel.next": Case(panels, store=long_talk),
    "panel.previous": Case(panels, store=long_talk),
    "palette": Case(lambda s: "actions" in s.text, after=True),
    "views": Case(lambda s: "views of " in s.text, after=True),
    "export": Case(lambda s: "save what is shown" in s.text, after=True),
    "options": Case(lambda s: "options" in s.text and "refresh_ms" in s.text, after=True),
    "rescan": Case(lambda s: len(s.source.asked)),
    "suspend": Case(lambda s: s.app.suspended, after=1),
    "redraw": Case(lambda s: s.app.redrawn, after=1),
}
