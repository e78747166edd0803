"""Keys of the Runs screen."""

from __future__ import annotations

from tui_fakes import OLD_RUN, RUN

from key_cases.case import Case, graphs

CASES: dict[str, Case] = {
    "runs.up": Case(lambda s: s.desk.runs.cursor, ("end",), after=1),
    "runs.down": Case(lambda s: s.desk.runs.cursor, ("home",), after=1),
    "runs.left": Case(lambda s: s.desk.runs.card, ("tab", "right", "right"), after=1),
    "runs.right": Case(lambda s: s.desk.runs.card, ("tab",), after=1),
    "runs.page_up": Case(lambda s: s.desk.runs.cursor, ("end",), after=0, size=(120, 5)),
    "runs.page_down": Case(lambda s: s.desk.runs.cursor, ("home",), after=2, size=(120, 5)),
    "runs.first": Case(lambda s: s.desk.runs.cursor, ("end",), after=0),
    "runs.last": Case(lambda s: s.desk.runs.cursor, ("home",), after=2),
    "runs.open": Case(lambda s: (s.desk.screen, graphs(s).run_id), after=("graphs", RUN)),
    "runs.select": Case(lambda s: list(s.desk.runs.selected), after=[RUN]),
    "runs.clear": Case(lambda s: list(s.desk.runs.selected), ("space", "space"), after=[]),
    "runs.compare": Case(
        lambda s: (s.desk.screen, s.app.views["compare"].state.runs),
        ("home", "space", "space"),
        after=("compare", (RUN, OLD_RUN)),
    ),
    "runs.filter": Case(lambda s: s.app.view.edit is not None, after=True),
    "runs.sort": Case(lambda s: s.desk.runs.sort),
    "runs.reverse": Case(lambda s: s.desk.runs.sort, after=("created_at", False)),
}
