"""Keys of the Logs screen."""

from __future__ import annotations

from key_cases.case import Case

CASES: dict[str, Case] = {
    "logs.up": Case(lambda s: s.desk.logs.top, after=961),
    "logs.down": Case(lambda s: s.desk.logs.top, ("home",), after=1),
    "logs.left": Case(lambda s: s.desk.logs.left, ("right",), after=0),
    "logs.right": Case(lambda s: s.desk.logs.left, after=8),
    "logs.page_up": Case(lambda s: s.desk.logs.top, after=925),
    "logs.page_down": Case(lambda s: s.desk.logs.top, ("home",), after=37),
    "logs.first": Case(lambda s: (s.desk.logs.top, s.desk.logs.follow), after=(0, False)),
    "logs.last": Case(lambda s: (s.desk.logs.top, s.desk.logs.follow), ("home",), after=(962, True)),
    "logs.find": Case(lambda s: s.app.view.edit is not None, after=True),
    "logs.next": Case(lambda s: s.desk.logs.match, ("home", "slash", *"step", "enter"), after=1),
    "logs.previous": Case(lambda s: s.desk.logs.match, ("home", "slash", *"step", "enter", "n"), after=0),
    "logs.filter": Case(lambda s: (s.app.view.edit is not None, s.app.view.purpose), after=(True, "filter")),
    "logs.jump": Case(lambda s: (s.app.view.edit is not None, s.app.view.purpose), after=(True, "go to")),
    "logs.regex": Case(lambda s: s.desk.logs.wanted.regex, after=False),
    "logs.case": Case(lambda s: s.desk.logs.wanted.case, after="exact"),
    "logs.wrap": Case(lambda s: s.desk.logs.wrap, after=True),
    "logs.mark": Case(lambda s: s.desk.logs.marked, ("home",), after=(0, 0)),
    "logs.copy": Case(
        lambda s: s.desk.clipboard.text,
        ("home", "V", "down"),
        after="step     0 loss 2.0000\nstep     1 loss 1.0000",
    ),
}
