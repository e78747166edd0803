"""Keys of the Compare screen."""

from __future__ import annotations

from typing import Any

from tui_fakes import FakeSource, Session

from key_cases.case import Case

CHOOSE = ("1", "home", "space", "space", "c")
"""The live run and the one before it."""

DIFF = (*CHOOSE, "tab", "tab")


def state(session: Session) -> Any:
    return session.app.views["compare"].state


def settings(source: FakeSource) -> None:
    """More settings than a panel has lines, and more runs than columns."""
    for n, run in enumerate(source.runs):
        run["config"] = {f"key{k:02d}": f"value {k} of run {n} " * 3 for k in range(40)}


def many(source: FakeSource) -> None:
    settings(source)
    for n in range(6):
        source.add_run(f"20261101-000000-m{n:03d}", name=f"more-{n}", age_s=200_000 + n)
        source.runs[-1]["config"] = dict(source.runs[0]["config"], lr=n)


CASES: dict[str, Case] = {
    "compare.up": Case(lambda s: state(s).chosen(), (*CHOOSE, "down"), after="train/loss"),
    "compare.down": Case(lambda s: state(s).chosen(), CHOOSE, after="train/acc"),
    "compare.next": Case(lambda s: state(s).chosen(), CHOOSE, after="train/acc"),
    "compare.previous": Case(lambda s: state(s).chosen(), (*CHOOSE, "n"), after="train/loss"),
    "compare.left": Case(lambda s: state(s).x.cursor, CHOOSE, after=499),
    "compare.right": Case(
        lambda s: state(s).left, ("1", "home", *["space"] * 8, "c", "tab", "tab"), after=1, store=many
    ),
    "compare.page_up": Case(lambda s: state(s).top, (*DIFF, "pagedown"), after=0, store=settings),
    "compare.page_down": Case(lambda s: state(s).top > 0, DIFF, after=True, store=settings),
    "compare.first": Case(lambda s: state(s).x.cursor, CHOOSE, after=0),
    "compare.last": Case(lambda s: state(s).chosen(), (*CHOOSE, "tab"), after="more/3"),
    "compare.enlarge": Case(lambda s: state(s).enlarged, CHOOSE, after=True),
    "compare.search": Case(lambda s: s.app.view.edit is not None, CHOOSE, after=True),
    "compare.group": Case(lambda s: s.app.view.purpose, CHOOSE, after="group"),
    "compare.smooth": Case(lambda s: state(s).smooth, CHOOSE, after="ma(50)"),
    "compare.x_axis": Case(lambda s: state(s).x.kind, CHOOSE, after="time"),
    "compare.log_y": Case(lambda s: set(state(s).log_y), CHOOSE, after={"train/loss"}),
    "compare.everything": Case(lambda s: state(s).everything, CHOOSE, after=True),
}
