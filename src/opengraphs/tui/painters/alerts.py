"""Alerts: a list with how each stands, and one to be read: what it says and what it saw. Pure.

status          level    age  run        alert
● firing        warn      3m  train-gpt  loss is flat
◐ acknowledged  error     2h  baseline   gradient spike
○ resolved      info      4d  baseline   disk nearly full
"""

from __future__ import annotations

from opengraphs.tui.painters import numbers
from opengraphs.tui.painters.cells import fit
from opengraphs.tui.painters.chartspec import Curve, Mark
from opengraphs.tui.painters.samples import wrap
from opengraphs.tui.painters.text import cell_len, clip, pad

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from opengraphs.tui.glyphs import Glyphs
    from opengraphs.tui.painters.cells import Row

    Alert = Mapping[str, Any]

STATUS_ROLES = {"firing": "b:error", "acknowledged": "warn", "resolved": "dim"}
LEVEL_ROLES = {"info": "accent", "warn": "warn", "error": "error"}
LINES = ("threshold", "baseline", "mean", "level", "limit")
"""Figures of the evidence that are drawn as a line."""

BANDS = (("low", "high"), ("lower", "upper"))
WIDE = 64


def sign(status: str, glyphs: Glyphs) -> str:
    """● firing, ◐ acknowledged, ○ resolved."""
    signs = "*~-" if glyphs.ascii_only else "●◐○"
    return signs[("firing", "acknowledged", "resolved").index(status)]


def heading(width: int, sort: str, glyphs: Glyphs) -> Row:
    arrow = glyphs.arrows[1 if sort.startswith("-") else 0]
    by = sort.removeprefix("-")
    wide = width >= WIDE

    def name(text: str, key: str) -> str:
        return f"{arrow}{text}" if key == by else text

    status = pad(name("status", "status") if wide else "", 14 if wide else 2)
    shown = f" {status} {pad(name('level', 'level'), 6)} {name('age', 'time'):>4}  {pad(name('run', 'run'), _run_width(width))} alert"
    return fit([(shown, "dim")], width, ellipsis=glyphs.ellipsis)


def line(alert: Alert | None, width: int, glyphs: Glyphs, *, now: float, lit: bool) -> Row:
    """One alert in one row; None is one that was asked for and is not here yet."""
    if alert is None:
        return fit([(f"  {glyphs.ellipsis}", "faint")], width)
    status, level = alert["status"], alert["level"]
    word = pad(
        f"{sign(status, glyphs)} {status}" if width >= WIDE else sign(status, glyphs),
        14 if width >= WIDE else 2,
    )
    run_width = _run_width(width)
    row: Row = [
        (f" {word} ", STATUS_ROLES[status]),
        (pad(level, 6), LEVEL_ROLES[level]),
        (f" {numbers.age(now - alert['fired_at']):>4}  ", "dim"),
        (pad(glyphs.clean(str(alert["run"])), run_width, ellipsis=glyphs.ellipsis) + " ", "text"),
        (glyphs.clean(title_of(alert)), "text" if status == "firing" else "dim"),
    ]
    row = fit(row, width, ellipsis=glyphs.ellipsis)
    return [(text, f"sel:{role}") for text, role in row] if lit else row


def title_of(alert: Alert) -> str:
    """What an alert is called; its detector and metric where nobody gave it a title."""
    parts = [str(alert[key]) for key in ("detector", "metric") if alert.get(key)]
    return str(alert.get("title") or " ".join(parts) or "alert")


def _run_width(width: int) -> int:
    return max(5, min(20, width // 5))


def read(alert: Alert, width: int, glyphs: Glyphs) -> list[Row]:
    """What an alert says: title, how it stands, where, its text, the figures of its evidence."""
    status = alert["status"]
    rows: list[Row] = [[(f" {shown}", "b:title")] for shown in wrap(title_of(alert), width - 2, glyphs)]
    facts = [
        ("", f"{sign(status, glyphs)} {status}", STATUS_ROLES[status]),
        ("", str(alert["level"]), LEVEL_ROLES[alert["level"]]),
        *(
            (name, _place(alert, key), "text")
            for name, key in (("onset step", "onset_step"), ("fired at step", "step"))
        ),
        *((name, str(alert.get(name) or ""), "text") for name in ("run", "metric", "detector")),
    ]
    rows += _facts([fact for fact in facts if fact[1]], width, glyphs)
    for label, text in (("", alert.get("text")), ("note", alert.get("note"))):
        if text:
            rows.append([])
            rows += [[(f" {label}", "b:title")]] if label else []
            rows += [[(f" {shown}", "text")] for shown in wrap(str(text), width - 2, glyphs)]
    figures = [(key, _figure(value)) for key, value in alert["evidence"].items()]
    if figures:
        rows += [[], [(" evidence", "b:title")]]
        key_width = min(24, max(cell_len(glyphs.clean(key)) for key, _ in figures))
        for key, shown in figures:
            name = pad(glyphs.clean(key), key_width, ellipsis=glyphs.ellipsis)
            rows.append([(f" {name}  ", "dim"), (glyphs.clean(shown), "text")])
    return rows


def _place(alert: Alert, key: str) -> str:
    step = alert.get(key)
    return numbers.step(step) if isinstance(step, int) else ""


def _facts(facts: Sequence[tuple[str, str, str]], width: int, glyphs: Glyphs) -> list[Row]:
    rows: list[Row] = [[]]
    used = 0
    for name, value, role in facts:
        shown, lead = glyphs.clean(value), f" {name} " if name else " "
        size = cell_len(lead) + cell_len(shown) + 1
        if used and used + size > width:
            rows.append([])
            used = 0
        rows[-1] += [(lead, "dim"), (clip(shown, max(1, width - 1), ellipsis=glyphs.ellipsis) + " ", role)]
        used += size
    return rows


def _figure(value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return numbers.value(value).strip()
    if isinstance(value, list) and all(isinstance(one, int | float) for one in value):
        return "  ".join(numbers.value(one).strip() for one in value[:12])
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


# The evidence on the curve


def window(alert: Alert) -> tuple[float, float] | None:
    """The steps to look at: the onset well before the middle; None where nothing says when it was."""
    fired, onset = alert.get("step"), alert.get("onset_step")
    if not isinstance(fired, int):
        return None
    start = onset if isinstance(onset, int) and onset <= fired else fired
    span = max(20, fired - start)
    return max(0.0, float(start - 3 * span)), float(fired + 2 * span)


def marks(alert: Alert) -> list[Mark]:
    """Where it began, where it was told."""
    fired, onset = alert.get("step"), alert.get("onset_step")
    found = [Mark(float(onset), "note", "onset")] if isinstance(onset, int) and onset != fired else []
    return [*found, Mark(float(fired), alert["level"], "fired")] if isinstance(fired, int) else found


def lines(alert: Alert, span: tuple[float, float]) -> list[Curve]:
    """Thresholds and the like of the evidence as level curves over `span`; a band as its two edges."""
    evidence = alert["evidence"]
    edges = [name for pair in BANDS if all(_is_number(evidence.get(one)) for one in pair) for name in pair]
    found = [name for name in LINES if _is_number(evidence.get(name))]
    return [
        Curve(
            list(span),
            [float(evidence[name])] * 2,
            series=at + 1,
            thin=True,
            label=name,
            last=float(evidence[name]),
        )
        for at, name in enumerate([*found, *edges])
    ]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
