"""Keys of the System screen."""

from __future__ import annotations

from typing import Any

from tui_fakes import NOW, FakeSource, Session

from key_cases.case import Case

FIRST = NOW - 598.0


def gpus(source: FakeSource) -> None:
    """Two GPUs: two pages of charts at 120x40."""
    source.add_figures(gpus=2)


def state(session: Session) -> Any:
    return session.desk.system


def title(session: Session) -> Any:
    """What the focused picture is called."""
    return state(session).focus.rpartition("|")[2]


def case(look: Any, before: tuple[str, ...] = (), after: Any = None) -> Case:
    return Case(look, before, after, store=gpus)


CASES: dict[str, Case] = {
    "system.up": case(title, ("down",), after="gpu0 util %"),
    "system.down": case(title, after="gpu1 util %"),
    "system.next": case(title, after="gpu0 mem GiB"),
    "system.previous": case(title, ("l",), after="gpu0 util %"),
    "system.page_up": case(lambda s: state(s).page, ("pagedown",), after=0),
    "system.page_down": case(lambda s: state(s).page, after=1),
    "system.first": case(lambda s: state(s).x.cursor, after=FIRST),
    "system.last": case(lambda s: state(s).x.cursor, after=NOW),
    "system.cursor_left": case(lambda s: state(s).x.cursor, ("end",)),
    "system.cursor_right": case(lambda s: state(s).x.cursor, ("home",)),
    "system.zoom_in": case(lambda s: state(s).x.zoom),
    "system.zoom_out": case(lambda s: state(s).x.zoom, ("plus",), after=None),
    "system.zoom_reset": case(lambda s: state(s).x.zoom is None, ("plus", "plus"), after=True),
    "system.pan_left": case(lambda s: state(s).x.zoom, ("plus",)),
    "system.pan_right": case(lambda s: state(s).x.zoom, ("plus", "shift+left", "shift+left")),
    "system.enlarge": case(lambda s: state(s).enlarged, after=True),
    "system.search": case(lambda s: s.app.view.edit is not None, after=True),
    "system.x_axis": case(lambda s: state(s).x.kind, after="relative"),
    "system.metric": case(lambda s: state(s).chosen, after=("train/acc",)),
    "system.metric_back": case(lambda s: state(s).chosen),
    "system.beside": case(lambda s: state(s).beside, after=1),
    "system.mode": case(lambda s: state(s).mode, after="host"),
    "system.sort": case(lambda s: state(s).sort, after="memory"),
}
