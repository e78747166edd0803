"""What a model wrote: a list of samples, one sample to read, and two to compare. Pure.

step  score    prompt                  completion
 150  0.731 ✓  What is 2 + 2?          It is 4.
 200  0.204 ✗  What is 3 + 3?          It is 7.
"""

from __future__ import annotations

import json
import re

from opengraphs.tui.painters import numbers
from opengraphs.tui.painters.cells import fit
from opengraphs.tui.painters.text import cell_len, clip, pad

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from opengraphs.tui.glyphs import Glyphs
    from opengraphs.tui.painters.cells import Row

    Sample = Mapping[str, Any]

PROMPTS = ("prompt", "input", "question", "instruction", "messages", "query")
COMPLETIONS = ("completion", "output", "response", "answer", "generated", "prediction", "text")
EXPECTED = ("expected", "target", "reference", "label", "ground_truth", "solution")
SCORES = ("score", "reward", "accuracy", "correct", "rating", "loss")
FACTS = ("time", "step", "rank", "name", "columns")

MOST_TOKENS = 1500
"""Two longer texts are compared line by line."""

_SHORT = 40
_TOKEN = re.compile(r"\w+\s*|[^\w\s]\s*|\s+")


def columns_of(sample: Sample) -> Mapping[str, Any]:
    columns = sample.get("columns")
    return columns if isinstance(columns, dict) else {}


def role_of(sample: Sample, names: Sequence[str]) -> str | None:
    """The first of `names` that the sample has as a column."""
    columns = columns_of(sample)
    return next((name for name in names if columns.get(name) is not None), None)


def numeric(sample: Sample) -> list[str]:
    """The columns that hold numbers, in their order."""
    return [name for name, value in columns_of(sample).items() if _is_number(value)]


def score_column(samples: Sequence[Sample]) -> str:
    """Which number stands beside each sample: a usual name for a score, else the first number there is."""
    found = [name for sample in samples for name in numeric(sample)]
    return next((name for name in SCORES if name in found), found[0] if found else "")


def as_expected(sample: Sample) -> bool | None:
    """Whether the answer is what was expected; None where nothing says what was."""
    expected, answer = role_of(sample, EXPECTED), role_of(sample, COMPLETIONS)
    if expected is None or answer is None:
        return None
    columns = columns_of(sample)
    return text_of(columns[expected]).strip() == text_of(columns[answer]).strip()


def text_of(value: Any) -> str:
    """A value as people read it: a conversation as its turns, anything else without quotes or as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(one, dict) and "content" in one for one in value):
        return "\n".join(f"{one.get('role', '?')}: {text_of(one['content'])}" for one in value)
    if isinstance(value, float):
        return numbers.value(value).strip()
    return json.dumps(value, ensure_ascii=False)


# The list


def heading(width: int, glyphs: Glyphs, *, number: str, sort: str) -> Row:
    """The names over the columns; the one that is sorted by has an arrow."""
    down = sort.startswith("-")
    by = sort.removeprefix("-")
    arrow = glyphs.arrows[1 if down else 0]
    prompt_width = _prompt_width(width)
    step = f"{arrow if by == 'step' else ''}step"
    score = clip(f"{arrow if by == number else ''}{glyphs.clean(number)}", 7, ellipsis="")
    text = f"{step:>8} {pad(score, 7, align='right')}   {pad('prompt', prompt_width)} completion"
    return fit([(text, "dim")], width, ellipsis=glyphs.ellipsis)


def line(
    sample: Sample | None, width: int, glyphs: Glyphs, *, number: str, lit: bool, words: Sequence[str]
) -> Row:
    """One sample in one row; None is one that was asked for and is not here yet."""
    if sample is None:
        return fit([(f"{glyphs.ellipsis:>8}", "faint")], width)
    columns = columns_of(sample)
    score = columns.get(number)
    shown = _score(score) if isinstance(score, int | float) and _is_number(score) else ""
    mark, role = _mark(sample, glyphs)
    prompt, answer = (_one_line(columns, names, glyphs) for names in (PROMPTS, COMPLETIONS))
    if not prompt and not answer:
        prompt = " ".join(f"{name}={_flat(value, glyphs)}" for name, value in columns.items())
    step = sample.get("step")
    lead = f"{numbers.step(step) if isinstance(step, int) else '':>8} {pad(shown, 7, align='right', ellipsis='')} "
    prompt_width = _prompt_width(width)
    row: Row = [
        (lead, "dim"),
        (f"{mark} ", role),
        *_lit(pad(prompt, prompt_width, ellipsis=glyphs.ellipsis), "text", words),
        (" ", "text"),
        *_lit(answer, "text", words),
    ]
    row = fit(row, width, ellipsis=glyphs.ellipsis)
    return [(text, f"sel:{own}") for text, own in row] if lit else row


def _score(score: float) -> str:
    """Three decimals, so that scores stand below each other."""
    return f"{score:.3f}" if abs(score) < 100 else numbers.value(score).strip()


def _prompt_width(width: int) -> int:
    return max(6, (width - 20) * 9 // 20)


def _mark(sample: Sample, glyphs: Glyphs) -> tuple[str, str]:
    right = as_expected(sample)
    if right is None:
        return " ", "text"
    return (glyphs.status["finished"], "ok") if right else (glyphs.status["failed"], "error")


def _one_line(columns: Mapping[str, Any], names: Sequence[str], glyphs: Glyphs) -> str:
    name = next((name for name in names if columns.get(name) is not None), None)
    return "" if name is None else _flat(columns[name], glyphs)


def _flat(value: Any, glyphs: Glyphs) -> str:
    return glyphs.clean(" ".join(text_of(value)[:400].split()))


# One sample


def read(sample: Sample, width: int, glyphs: Glyphs, *, words: Sequence[str]) -> list[Row]:
    """A sample to be read: its short values in front, then every text below its name."""
    columns = columns_of(sample)
    short = {
        name: value for name, value in columns.items() if _is_short(value) and not _is_text(name, sample)
    }
    rows = facts(sample, short, width, glyphs)
    for name in _reading_order(sample):
        if name not in short:
            rows += [[], _label(name, sample, glyphs), *_body(text_of(columns[name]), width, glyphs, words)]
    return rows


def facts(sample: Sample, short: Mapping[str, Any], width: int, glyphs: Glyphs) -> list[Row]:
    """` step 150   score 0.731`: names dim, as many in a row as fit."""
    pairs = [("step", sample.get("step")), *short.items()]
    if sample.get("name") not in (None, "samples"):
        pairs.append(("table", sample["name"]))
    if sample.get("rank"):
        pairs.append(("rank", sample["rank"]))
    rows: list[Row] = [[]]
    used = 0
    for name, value in pairs:
        shown = glyphs.clean(text_of(value))
        piece = f" {glyphs.clean(name)} {shown}  "
        if used and used + cell_len(piece) > width:
            rows.append([])
            used = 0
        rows[-1] += [(f" {glyphs.clean(name)} ", "dim"), (f"{shown}  ", "text")]
        used += cell_len(piece)
    return rows


def raw(sample: Sample, width: int, glyphs: Glyphs, *, words: Sequence[str]) -> list[Row]:
    """The record as it was logged."""
    record = {name: sample[name] for name in FACTS if name in sample}
    return _body(json.dumps(record, ensure_ascii=False, indent=2), width, glyphs, words)


def difference(base: Sample, sample: Sample, width: int, glyphs: Glyphs) -> list[Row]:
    """What is written anew in `sample`: `[-gone-]`, `{+new+}`; equal texts once, dim."""
    before, after = columns_of(base), columns_of(sample)
    names = [*_reading_order(sample), *(name for name in before if name not in after)]
    rows: list[Row] = []
    for name in names:
        old, new = (text_of(side[name]) if name in side else "" for side in (before, after))
        if old == new:
            rows += [_label(name, sample, glyphs, note="the same"), *_body(new, width, glyphs, (), "dim"), []]
        else:
            whole = not any(isinstance(side.get(name), str | list | dict) for side in (before, after))
            changes = [(old, "-"), (new, "+")] if whole else _changes(old, new)
            rows += [_label(name, sample, glyphs), *_painted(changes, width, glyphs), []]
    return rows


def _reading_order(sample: Sample) -> list[str]:
    """Prompt, completion, what was expected, then the rest as logged."""
    first = [name for names in (PROMPTS, COMPLETIONS, EXPECTED) if (name := role_of(sample, names))]
    return [*first, *(name for name in columns_of(sample) if name not in first)]


def _label(name: str, sample: Sample, glyphs: Glyphs, *, note: str = "") -> Row:
    row: Row = [(f" {glyphs.clean(name)}", "b:title")]
    if name == role_of(sample, COMPLETIONS) and not note:
        right = as_expected(sample)
        if right is not None:
            mark, role = _mark(sample, glyphs)
            row.append((f"  {mark} {'as expected' if right else 'not as expected'}", role))
    if name in sample.get("cut", ()):
        note = "shortened"
    return [*row, (f"  {note}", "dim")] if note else row


def _body(text: str, width: int, glyphs: Glyphs, words: Sequence[str], role: str = "text") -> list[Row]:
    rows = []
    for shown in wrap(text, width - 3, glyphs):
        rows.append([("  ", "text"), *_lit(shown, role, words)])
    return rows


def _is_text(name: str, sample: Sample) -> bool:
    return name in (role_of(sample, names) for names in (PROMPTS, COMPLETIONS, EXPECTED))


def _is_short(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= _SHORT and "\n" not in value
    return not isinstance(value, list | dict)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


# Texts


def wrap(text: str, width: int, glyphs: Glyphs) -> list[str]:
    """Cleaned lines of at most `width` cells; words stay whole where they fit."""
    return wrap_clean("\n".join(map(glyphs.clean, text.expandtabs(4).split("\n"))), width)


def wrap_clean(text: str, width: int) -> list[str]:
    """`wrap` for a text whose lines are clean; every line is a piece of it."""
    out: list[str] = []
    for whole in text.split("\n"):
        rest = whole
        while cell_len(rest) > width:
            head = clip(rest, max(1, width), ellipsis="") or rest[:1]
            space = head.rfind(" ")
            at = len(head) if rest[len(head) : len(head) + 1] == " " or space <= len(head) // 3 else space + 1
            out.append(rest[:at].rstrip())
            rest = rest[at:].lstrip(" ")
        out.append(rest)
    return out


def _lit(text: str, role: str, words: Sequence[str]) -> Row:
    """`text` with every one of `words` lit."""
    wanted = [re.escape(word) for word in words if word]
    if not wanted:
        return [(text, role)]
    row: Row = []
    at = 0
    for match in re.finditer("|".join(wanted), text, re.IGNORECASE):
        if match.start() > at:
            row.append((text[at : match.start()], role))
        row.append((match.group(), "hit"))
        at = match.end()
    return [*row, (text[at:], role)] if at < len(text) else row


def _changes(old: str, new: str) -> list[tuple[str, str]]:
    """(text, `=` `-` or `+`) from one text to the other, by words, of long texts by lines."""
    from difflib import SequenceMatcher

    before, after = _TOKEN.findall(old), _TOKEN.findall(new)
    if max(len(before), len(after)) > MOST_TOKENS:
        before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    out: list[tuple[str, str]] = []
    for tag, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            out.append(("".join(before[a:b]), "="))
            continue
        if b > a:
            out.append(("".join(before[a:b]), "-"))
        if d > c:
            out.append(("".join(after[c:d]), "+"))
    return out


def _painted(changes: Sequence[tuple[str, str]], width: int, glyphs: Glyphs) -> list[Row]:
    """Changes wrapped into rows; a change that goes over several rows keeps its colour."""
    marks = {"=": ("", "", "text"), "-": ("[-", "-]", "error"), "+": ("{+", "+}", "ok")}
    text, roles = "", []
    for piece, kind in changes:
        before, after, role = marks[kind]
        shown = "\n".join(glyphs.clean(part) for part in f"{before}{piece}{after}".expandtabs(4).split("\n"))
        text += shown
        roles += [role] * len(shown)
    rows: list[Row] = []
    at = 0
    for shown in wrap_clean(text, width - 3):
        at = text.index(shown, at) if shown else at
        row: Row = [("  ", "text")]
        for offset, char in enumerate(shown):
            role = roles[at + offset]
            if len(row) > 1 and row[-1][1] == role:
                row[-1] = (row[-1][0] + char, role)
            else:
                row.append((char, role))
        rows.append(row)
        at += len(shown)
    return rows
