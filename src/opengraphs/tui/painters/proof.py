"""What the agent wants to do, is doing and has done: the card of an approval, the steps of an action, its effect. Pure."""

from __future__ import annotations

from opengraphs.tui.painters import markdown, numbers
from opengraphs.tui.painters.cells import fit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from opengraphs.tui.glyphs import Glyphs
    from opengraphs.tui.painters.cells import Row

DIFF_ROWS, MOST_DIFF_ROWS = 12, 2000
RISK_ROLES = {"none": "ok", "low": "ok", "medium": "warn", "high": "error"}
OUTCOMES = {
    "kept": ("kept", "ok"),
    "rolled_back": ("rolled back", "warn"),
    "refused": ("refused by the guard", "warn"),
    "denied": ("denied", "warn"),
    "failed": ("failed", "error"),
    "stopped": ("stopped", "warn"),
}
VERDICTS = {
    "improved": ("it helped", "ok"),
    "regressed": ("it made things worse", "error"),
    "no_evidence": ("no evidence that it helped", "warn"),
    "waiting": ("still measuring", "dim"),
}
STEP_WORDS = {"rolling_back": "rolling back"}


def approval(
    data: Mapping[str, Any], width: int, glyphs: Glyphs, *, left_s: float | None, whole: bool
) -> list[Row]:
    """Title, risk, findings, command and diff, and what can be answered. left_s: until it is a no."""
    decided = str(data.get("decision") or "")
    if not decided and left_s is not None and left_s <= 0:
        decided = "expired"
    risk = str(data.get("risk") or "none")
    rows: list[Row] = [
        [
            ("? " if not decided else "  ", "b:warn"),
            (glyphs.clean(str(data.get("title") or "a change")), "b:title"),
        ],
        [("  risk ", "dim"), (glyphs.clean(risk), RISK_ROLES.get(risk, "warn")), *_answered(decided, left_s)],
    ]
    if data.get("command"):
        rows.append([("  $ ", "dim"), (glyphs.clean(str(data["command"])), "text")])
    rows += findings(data.get("findings") or (), glyphs)
    rows += diff(str(data.get("diff") or ""), glyphs, whole=whole)
    if data.get("note"):
        rows.append([("  note ", "dim"), (glyphs.clean(str(data["note"])), "text")])
    if not decided:
        rows.append(_answers(bool(data.get("diff"))))
    return [fit(row, width, ellipsis=glyphs.ellipsis) for row in rows]


def _answered(decided: str, left_s: float | None) -> Row:
    if decided:
        said = {"approve": ("approved", "ok"), "deny": ("denied", "warn")}
        return [("   ", "text"), said.get(decided, ("no: nobody decided in time", "warn"))]
    if left_s is None:
        return []
    return [("   no in ", "dim"), (numbers.duration(left_s), "warn" if left_s < 60 else "text")]


def _answers(has_diff: bool) -> Row:
    keys = [("y", "approve"), ("n", "deny"), *([("e", "edit"), ("d", "whole diff")] if has_diff else [])]
    return [
        ("  ", "text"),
        *[run for key, word in keys for run in ((key, "b:accent"), (f" {word}   ", "dim"))],
    ]


def findings(found: Sequence[Mapping[str, Any]], glyphs: Glyphs) -> list[Row]:
    """What the guard has to say, the grave first."""
    signs = {"refuse": ("x ", "error"), "ask": ("! ", "warn")}
    order = {"refuse": 0, "ask": 1}
    rows: list[Row] = []
    for one in sorted(found, key=lambda one: order.get(str(one.get("level")), 2)):
        where = str(one.get("path") or "") + (f":{one['line']}" if one.get("line") else "")
        sign = signs.get(str(one.get("level")), ("- ", "dim"))
        text = str(one.get("text") or one.get("rule") or "")
        rows.append([("  ", "text"), sign, (glyphs.clean(text), "text"), (f"  {glyphs.clean(where)}", "dim")])
    return rows


def diff(text: str, glyphs: Glyphs, *, whole: bool) -> list[Row]:
    """A unified diff: its signs tell what colours tell. The beginning of it, or all."""
    lines = text.rstrip("\n").split("\n") if text else []
    shown = lines[: MOST_DIFF_ROWS if whole else DIFF_ROWS]
    rows: list[Row] = [
        [(f"  {glyphs.separator} ", "border"), (glyphs.clean(line), _diff_role(line))] for line in shown
    ]
    if len(lines) > len(shown):
        rows.append([(f"  {glyphs.separator} {len(lines) - len(shown)} more lines", "dim")])
    return rows


def _diff_role(line: str) -> str:
    if line.startswith(("+++", "---", "diff ")):
        return "b:title"
    if line.startswith("@@"):
        return "accent"
    return {"+": "ok", "-": "error"}.get(line[:1], "text")


def action(
    data: Mapping[str, Any], width: int, glyphs: Glyphs, *, steps: Sequence[str], done_mark: str
) -> list[Row]:
    """How far an action is, a word a step; while it is measured how much it helps; at the end what came of it."""
    seen: Mapping[str, str] = data["steps"]
    outcome = str(data.get("outcome") or "")
    rows: list[Row] = [_head(data, outcome, glyphs)]
    gone = [step for step in steps if step in seen]
    row: Row = [("  ", "text")]
    for step in gone:
        now = step == data["step"] and not outcome
        word = STEP_WORDS.get(step, step)
        row += [
            (f"{'>' if now else done_mark} ", "b:accent" if now else "ok"),
            (f"{word}  ", "b:text" if now else "dim"),
        ]
    if gone:
        rows += _flow(row, width)
    said = seen.get(data["step"], "")
    if said and not outcome:
        rows.append([("  ", "text"), (glyphs.clean(said), "text")])
    if data.get("effect"):
        rows += effect(data["effect"], width, glyphs, ended=bool(outcome))
    if data.get("text"):
        rows += _sentence(str(data["text"]), width, glyphs, "text")
    return [fit(one, width, ellipsis=glyphs.ellipsis) for one in rows]


def _head(data: Mapping[str, Any], outcome: str, glyphs: Glyphs) -> Row:
    word, role = OUTCOMES.get(outcome, ("under way", "accent")) if outcome else ("under way", "accent")
    row: Row = [("action ", "dim"), (glyphs.clean(str(data.get("action_id") or "")), "title"), ("  ", "text")]
    return [*row, (word, f"b:{role}")]


def _flow(row: Row, width: int) -> list[Row]:
    """Pairs of sign and word over as many rows as they need."""
    rows: list[Row] = [[row[0]]]
    used = len(row[0][0])
    for at in range(1, len(row), 2):
        size = len(row[at][0]) + len(row[at + 1][0])
        if used + size > width and used > 2:
            rows.append([row[0]])
            used = len(row[0][0])
        rows[-1] += [row[at], row[at + 1]]
        used += size
    return rows


def _sentence(text: str, width: int, glyphs: Glyphs, role: str) -> list[Row]:
    return [[("  ", "text"), *row] for row in markdown.paint(text, width - 2, glyphs, role=role)[0]]


def effect(found: Mapping[str, Any], width: int, glyphs: Glyphs, *, ended: bool) -> list[Row]:
    """How much better the child is at equal steps; at the end before and after beside each other."""
    points, needed = int(found.get("points") or 0), int(found.get("needed") or 0)
    word, role = VERDICTS.get(str(found.get("verdict")), ("", "dim"))
    metric = glyphs.clean(str(found.get("metric") or "metric"))
    rows: list[Row] = []
    if not ended:
        rows.append([("  verify ", "dim"), (f"{points} of {needed}", "text"), *_interval(found)])
        return rows
    before, after = _value(found.get("before")), _value(found.get("after"))
    rows.append([(f"  {metric:<20} {'before':>10} {'after':>10}", "dim"), *_span(found)])
    rows.append([(f"  {'mean':<20} {before:>10} {after:>10}", "text"), *_interval(found)])
    text = str(found.get("text") or "")
    rows += _sentence(": ".join(part for part in (word, text) if part), width, glyphs, f"b:{role}")
    rows += findings(found.get("guards") or (), glyphs)
    return rows


def _interval(found: Mapping[str, Any]) -> Row:
    if found.get("effect") is None:
        return []
    value, low, high = (_value(found.get(name)) for name in ("effect", "low", "high"))
    return [("   effect ", "dim"), (value, "text"), (f" [{low}, {high}]", "dim")]


def _span(found: Mapping[str, Any]) -> Row:
    if found.get("from_step") is None or found.get("to_step") is None:
        return []
    paired = "the same steps" if found.get("paired") else "steps"
    return [(f"   {paired} {found['from_step']} to {found['to_step']}", "dim")]


def _value(value: Any) -> str:
    return numbers.short(float(value)) if isinstance(value, (int, float)) else "?"
