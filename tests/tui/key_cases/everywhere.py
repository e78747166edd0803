"""Keys of every screen."""

from __future__ import annotations

from tui_fakes import Session

from key_cases.case import Case


def panels(s: Session) -> tuple[object, ...]:
    """What `tab` changes, on any screen."""
    views = s.app.views
    return s.desk.runs.on_cards, views["graphs"].panel, views["compare"].state.panel, s.desk.system.focus


CASES: dict[str, Case] = {
    "screen.runs": Case(lambda s: s.desk.screen, after="runs"),
    "screen.graphs": Case(lambda s: s.desk.screen, after="graphs"),
    "screen.compare": Case(lambda s: s.desk.screen, after="compare"),
    "screen.logs": Case(lambda s: s.desk.screen, after="logs"),
    "screen.system": Case(lambda s: s.desk.screen, after="system"),
    "help": Case(lambda s: ": keys" in s.text, after=True),
    "leave": Case(lambda s: "still running" in s.text, after=True),
    "back": Case(lambda s: s.app.overlay is None, before=("question_mark",), after=True),
    "panel.next": Case(panels),
    "panel.previous": Case(panels),
    "palette": Case(lambda s: "actions" in s.text, after=True),
    "rescan": Case(lambda s: len(s.source.asked)),
    "suspend": Case(lambda s: s.app.suspended, after=1),
    "redraw": Case(lambda s: s.app.redrawn, after=1),
}
