"""Keys of the Alerts screen."""

from __future__ import annotations

from typing import Any

from tui_fakes import RUN, FakeSource, Session

from key_cases.case import Case


def store(source: FakeSource) -> None:
    """A hundred alerts of one run."""
    for n in range(100):
        source.add_alert(
            RUN, f"a{n}", title=f"alert {n}", step=n, metric="train/loss", level="error" if n == 3 else "warn"
        )


def alerts(session: Session) -> Any:
    return session.app.views["alerts"].state


CASES: dict[str, Case] = {
    "alerts.up": Case(lambda s: alerts(s).cursor, ("end",), after=98, store=store),
    "alerts.down": Case(lambda s: alerts(s).cursor, after=1, store=store),
    "alerts.page_up": Case(lambda s: alerts(s).cursor, ("end",), after=65, store=store),
    "alerts.page_down": Case(lambda s: alerts(s).cursor, after=34, store=store),
    "alerts.first": Case(lambda s: alerts(s).cursor, ("end",), after=0, store=store),
    "alerts.last": Case(lambda s: alerts(s).cursor, after=99, store=store),
    "alerts.open": Case(
        lambda s: (s.desk.screen, s.desk.graphs.x.cursor), after=("graphs", 0.0), store=store
    ),
    "alerts.ack": Case(lambda s: alerts(s).current()["status"], after="acknowledged", store=store),
    "alerts.status": Case(lambda s: alerts(s).status, after="firing", store=store),
    "alerts.filter": Case(lambda s: s.app.view.edit is not None, after=True, store=store),
    "alerts.sort": Case(lambda s: alerts(s).sort, after="-level", store=store),
    "alerts.reverse": Case(lambda s: alerts(s).sort, after="time", store=store),
}
