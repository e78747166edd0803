"""Keys of the Graphs screen."""

from __future__ import annotations

from key_cases.case import Case, graphs

CASES: dict[str, Case] = {
    "graphs.up": Case(lambda s: graphs(s).focused(), ("down",), after="train/loss"),
    "graphs.down": Case(lambda s: graphs(s).focused(), after="grad_norm"),
    "graphs.next": Case(lambda s: graphs(s).focused(), after="train/acc"),
    "graphs.previous": Case(lambda s: graphs(s).focused(), ("l", "l"), after="train/acc"),
    "graphs.page_up": Case(lambda s: graphs(s).page, ("pagedown",), after=0, size=(80, 24)),
    "graphs.page_down": Case(lambda s: graphs(s).page, after=1, size=(80, 24)),
    "graphs.first": Case(lambda s: graphs(s).x.cursor, after=0),
    "graphs.last": Case(lambda s: graphs(s).x.cursor, after=371),
    "graphs.enlarge": Case(lambda s: graphs(s).enlarged, after=True),
    "graphs.search": Case(lambda s: s.app.view.purpose, after="search"),
    "graphs.ask": Case(lambda s: s.app.view.purpose, after="ask"),
    "graphs.log_y": Case(lambda s: set(graphs(s).log_y), after={"train/loss"}),
    "graphs.smooth": Case(lambda s: graphs(s).smooth, after="ma(50)"),
    "graphs.ranks": Case(lambda s: s.desk.toast and s.desk.toast.text, after="only one rank logs here"),
    "graphs.family": Case(
        lambda s: s.desk.toast and s.desk.toast.text,
        after="no other run went on from this one, and it from none",
    ),
    "graphs.panels": Case(
        lambda s: s.desk.toast and s.desk.toast.text,
        after="no panel is installed; docs/plugins.md tells how to make one",
    ),
    "graphs.x_metric": Case(lambda s: s.app.view.purpose, after="x axis"),
    "graphs.fold": Case(lambda s: set(graphs(s).folded), after={"train"}),
    "graphs.link": Case(lambda s: graphs(s).linked, after=False),
    "graphs.log_line": Case(lambda s: s.desk.screen, ("end",), after="logs"),
    "graphs.group": Case(lambda s: s.app.view.purpose, after="group by"),
    "graphs.bind": Case(lambda s: type(s.app.overlay).__name__, after="MetricPicker"),
    "graphs.note": Case(lambda s: s.app.view.purpose, after="note"),
    "graphs.tag": Case(lambda s: s.app.view.purpose, after="tag"),
    "graphs.x_axis": Case(lambda s: graphs(s).x.kind, after="time"),
    "graphs.cursor_left": Case(lambda s: graphs(s).x.cursor),
    "graphs.cursor_right": Case(lambda s: graphs(s).x.cursor, ("home",)),
    "graphs.zoom_in": Case(lambda s: graphs(s).x.zoom, after=(185.5, 371.0)),
    "graphs.zoom_out": Case(lambda s: graphs(s).x.zoom, ("plus", "plus"), after=(185.5, 371.0)),
    "graphs.zoom_reset": Case(lambda s: graphs(s).x.zoom is None, ("plus",), after=True),
    "graphs.pan_left": Case(lambda s: graphs(s).x.zoom, ("plus",), after=(139.125, 324.625)),
    "graphs.pan_right": Case(lambda s: graphs(s).x.zoom, ("plus", "shift+left"), after=(185.5, 371.0)),
    "graphs.compare": Case(lambda s: s.desk.screen, after="compare"),
    "graphs.pause": Case(lambda s: (s.desk.paused, s.app.live.paused), after=(True, True)),
}
