"""Keys of the Runs screen."""

from __future__ import annotations

from typing import Any

from tui_fakes import OLD_RUN, RUN, FakeSource, Session

from key_cases.case import Case, graphs


def family(source: FakeSource) -> None:
    source.runs[1]["parent"] = {"run_id": source.runs[2]["run_id"]}


def asking(session: Session) -> Any:
    view: Any = session.app.view
    return view.asking if view.edit is not None else None


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
    "runs.filter": Case(asking, after="filter"),
    "runs.sort": Case(lambda s: s.desk.runs.sort),
    "runs.reverse": Case(lambda s: s.desk.runs.sort, after=("created_at", False)),
    "runs.columns": Case(asking, after="columns"),
    "runs.tree": Case(lambda s: s.desk.runs.tree, after=True),
    "runs.fold": Case(lambda s: s.desk.runs.total, ("T", "end"), after=2, store=family),
    "runs.extend_up": Case(lambda s: len(s.desk.runs.selected), ("end",), after=2),
    "runs.extend_down": Case(lambda s: len(s.desk.runs.selected), ("home",), after=2),
    "runs.range": Case(lambda s: len(s.desk.runs.selected), ("home", "V", "end"), after=3),
    "runs.tag": Case(asking, after="tags"),
    "runs.note": Case(asking, after="note"),
    "runs.rename": Case(asking, after="name"),
    "runs.archive": Case(lambda s: s.desk.runs.total, after=2),
}
