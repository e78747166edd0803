"""Did it help: what happened to each metric, in a sentence. Pure.

    train/loss  ✓ bigger ends 4.1 % lower at step 1 000
    eval/acc    ✗ bigger is 0.8 % lower so far at step 400; base goes on to step 1 000

Runs are compared at the last step that all of them have. What cannot be compared is said, not guessed.
"""

from __future__ import annotations

import json
import math

from opengraphs.tui.painters import numbers
from opengraphs.tui.painters.cells import fit
from opengraphs.tui.painters.text import cell_len, clip, clip_left, pad

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from opengraphs.protocol.compare import DiffMetric
    from opengraphs.tui.glyphs import Glyphs
    from opengraphs.tui.painters.cells import Row

_LONGEST_NAME = 20
_MOST_CHANGES = 3
_ROLES = {"better": "ok", "worse": "error", "wrong": "warn"}


class Verdict:
    """A sentence, and its kind: better, worse, same, unknown, or wrong where a value is no number."""

    __slots__ = ("kind", "text")

    def __init__(self, text: str, kind: str = "unknown") -> None:
        self.text = text
        self.kind = kind


def grouped(step: float) -> str:
    """A step as people read it: 1 000, 12 500."""
    return f"{round(step):,}".replace(",", " ")


def short_names(runs: Sequence[Mapping[str, Any]], glyphs: Glyphs) -> list[str]:
    """A name a run, no two alike: the end of the id stands behind those that are."""
    names = [glyphs.clean(str(run.get("name") or run["run"])) for run in runs]
    return [
        f"{name} {run['run'].rpartition('-')[2]}" if names.count(name) > 1 else name
        for name, run in zip(names, runs, strict=True)
    ]


def verdict_of(row: DiffMetric, names: Sequence[str], *, running: Sequence[bool]) -> Verdict:
    """What happened to a metric. names: of the runs, the first is the baseline."""
    names = [clip(name, _LONGEST_NAME) for name in names]
    there = [at for at in range(len(names)) if at not in row["missing"]]
    if len(there) < 2:
        return Verdict(f"only {names[there[0]]} has it" if there else "no run has it")
    if row["step"] is None:
        return Verdict("no step in common")
    wrong = [at for at in there if not math.isfinite(numbers.to_float(row["values"][at]))]
    if wrong:
        return _not_finite(row, names, wrong)
    found = _pair(row, names, running) if len(names) == 2 else _many(row, names, there)
    return Verdict("; ".join([found.text, *_remarks(row, names, there)]), found.kind)


def _at_step(row: DiffMetric) -> str:
    step = row["step"]
    assert step is not None
    exact = all(own in (None, step) for own in row["steps"])
    return f"{'at' if exact else 'about'} step {grouped(step)}"


def _not_finite(row: DiffMetric, names: Sequence[str], wrong: Sequence[int]) -> Verdict:
    if len(wrong) > 2:
        return Verdict(f"{len(wrong)} runs are not finite {_at_step(row)}", "wrong")
    said = [f"{names[at]} is {numbers.value(row['values'][at])}" for at in wrong]
    return Verdict(f"{' and '.join(said)} {_at_step(row)}", "wrong")


def _pair(row: DiffMetric, names: Sequence[str], running: Sequence[bool]) -> Verdict:
    delta = row["deltas"][1]
    if not delta:
        return Verdict(f"the same {_at_step(row)}", "same")
    ends = row["last"]["steps"][1] == row["steps"][1]
    verb, so_far = ("is", " so far") if running[1] else ("ends" if ends else "is", "")
    how = apart(numbers.to_float(row["values"][0]), delta)
    return Verdict(f"{names[1]} {verb} {how}{so_far} {_at_step(row)}", row["verdicts"][1])


def _many(row: DiffMetric, names: Sequence[str], there: Sequence[int]) -> Verdict:
    """The best run against the baseline; where neither end is better, from lowest to highest."""
    values = {at: numbers.to_float(row["values"][at]) for at in there}
    low, high = min(there, key=values.__getitem__), max(there, key=values.__getitem__)
    if values[low] == values[high]:
        return Verdict(f"all the same {_at_step(row)}", "same")
    if row["better"] is None:
        ends = f"{numbers.short(values[low])} ({names[low]}) to {numbers.short(values[high])} ({names[high]})"
        return Verdict(f"{ends} {_at_step(row)}")
    best = low if row["better"] == "min" else high
    shared = [at for at in there if values[at] == values[best]]
    if len(shared) > 1:
        return Verdict(f"{' and '.join(names[at] for at in shared[:3])} are best {_at_step(row)}", "same")
    if best == 0:
        return Verdict(f"{names[0]}, the baseline, is best {_at_step(row)}", "worse")
    if 0 not in values:
        return Verdict(f"{names[best]} is best {_at_step(row)}; {names[0]} lacks it")
    how = apart(values[0], values[best] - values[0])
    return Verdict(f"{names[best]} is best {_at_step(row)}, {how} than {names[0]}", "better")


def apart(reference: float, delta: float) -> str:
    """How far a value is from another: `4.1 % lower`, or `0.31 higher` where a share would say nothing."""
    word = "lower" if delta < 0 else "higher"
    if reference == 0 or (reference < 0) != (reference + delta < 0):
        return f"{numbers.short(abs(delta))} {word}"
    share = abs(delta / reference) * 100
    if not share < 1000:
        return f"{numbers.short(abs(delta))} {word}"
    shown = "under 0.1" if share < 0.1 else f"{share:.1f}" if share < 9.95 else f"{share:.0f}"
    return f"{shown} % {word}"


def _remarks(row: DiffMetric, names: Sequence[str], there: Sequence[int]) -> list[str]:
    """Ends that are no number, runs that go on, runs without the metric."""
    said: list[str] = []
    ends = row["last"]
    lost = [at for at in there if not math.isfinite(numbers.to_float(ends["values"][at]))]
    said += [f"{names[at]} ends at {numbers.value(ends['values'][at])}" for at in lost[:2]]
    on = [at for at in there if (ends["steps"][at] or 0) > (row["step"] or 0) and at not in lost]
    if len(on) == 1:
        said.append(f"{names[on[0]]} goes on to step {grouped(ends['steps'][on[0]] or 0)}")
    elif on:
        said.append(f"{len(on)} go on")
    if row["missing"] and len(names) > 2 and 0 in there:
        said.append(f"{len(row['missing'])} without it")
    return said


def value_text(value: Any) -> str:
    """A setting on one line, as the script would write it: 3e-4, not 0.0003."""
    if isinstance(value, float):
        return _float_text(value)
    if isinstance(value, str):
        return value or '""'
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return json.dumps(value, ensure_ascii=False, default=str)


def _float_text(value: float) -> str:
    """Every digit that counts; small ones with an exponent."""
    if value and abs(value) < 1e-2:
        for digits in range(17):
            text = f"{value:.{digits}e}"
            if float(text) == value:
                head, _, power = text.partition("e")
                return f"{head}e{int(power)}"
    return repr(value)


def changes(reply: Mapping[str, Any]) -> str:
    """What was done differently: `lr 3e-4 → 1e-4, 2 more differ`; of more than two runs, which settings."""
    section = next((name for name in ("config", "args", "git", "packages") if reply.get(name)), None)
    if section is None:
        return "no setting differs"
    rows = reply[section]
    pair = len(reply["runs"]) == 2
    said = [_change(row) if pair else row["key"] for row in rows[:_MOST_CHANGES]]
    more = len(rows) + reply.get("left_out", {}).get(section, 0) - len(said)
    text = ", ".join(said) + (f", {more} more" if more else "")
    return text if pair else f"they differ in {text}"


def _change(row: Mapping[str, Any]) -> str:
    before, after = (
        "none" if at in row["missing"] else clip(value_text(row["values"][at]), 16) for at in (0, 1)
    )
    return f"{row['key']} {before} → {after}"


def mark(kind: str, glyphs: Glyphs) -> tuple[str, str]:
    """A sign for a verdict, and its role: colour is never the only sign."""
    signs = {
        "better": glyphs.status["finished"],
        "worse": glyphs.status["failed"],
        "same": "=",
        "wrong": "!",
    }
    return signs.get(kind, " "), _ROLES.get(kind, "dim")


def headline(text: str, width: int, *, rows: int) -> list[Row]:
    """A sentence over at most `rows` rows."""
    lines, line = list[str](), ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if line and cell_len(longer) > width:
            lines.append(line)
            line = word
        else:
            line = longer
    lines.append(line)
    if len(lines) > rows:
        lines = [*lines[: rows - 1], " ".join(lines[rows - 1 :])]
    return [[(" ", "text"), (clip(line, width), "b:text")] for line in lines]


def paint(
    found: Sequence[tuple[str, Verdict]],
    width: int,
    height: int,
    glyphs: Glyphs,
    *,
    top: int,
    chosen: int,
    lit: bool,
) -> list[Row]:
    """A line a metric from `top` on: key, sign, sentence."""
    longest = max((cell_len(glyphs.clean(key)) for key, _ in found), default=0)
    size = min(longest, max(8, width // 3))
    rows: list[Row] = []
    for at, (key, verdict) in enumerate(found[top : top + height], top):
        name = pad(
            clip_left(glyphs.clean(key), size, ellipsis=glyphs.ellipsis), size, ellipsis=glyphs.ellipsis
        )
        sign, role = mark(verdict.kind, glyphs)
        on = at == chosen
        row: Row = [(f" {name}", "b:accent" if on else "text"), (f" {sign} ", role)]
        row = fit([*row, (verdict.text, "text" if on else "dim")], width, ellipsis=glyphs.ellipsis)
        rows.append([(text, f"sel:{own}") for text, own in row] if on and lit else row)
    return rows
