"""How far a change reaches: other numbers, other code, or what nobody but a person should decide.

`low`: only literals, or settings, became others, none of them a text that could be code. `medium`: local code.
`high`: anything that a rule asks or refuses for, among them the definition of the metric that will judge the
change: who is judged by a number does not write it. A text is never run or imported here.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from opengraphs.guard.changes.configs import SAYS, about_setting, read_config
from opengraphs.guard.changes.finding import Classified, Finding, Risk
from opengraphs.guard.changes.judged import definition_of
from opengraphs.guard.changes.names import about, words
from opengraphs.guard.changes.sinks import aliases_of, has_sinks, names_of, sinks_in
from opengraphs.guard.changes.undefined import line_of, undefined_names
from opengraphs.guard.changes.units import (
    Constant,
    Unit,
    changed_constants,
    changed_units,
    labelled,
    units_of,
)
from opengraphs.guard.patch import Applied

__all__ = ["Classified", "Finding", "classify"]

_HIDDEN = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e0fff]")
_COOKIE = re.compile(r"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)", re.MULTILINE)
_PLAIN_TEXT = re.compile(r"[\w.+\- ]{0,60}")
_LOGS = words(
    "log log_metric log_metrics log_dict add_scalar add_scalars define_metric log_scalar record_metric"
)
_NUMERIC = ("math.", "cmath.", "numpy.", "torch.", "jax.", "scipy.", "tensorflow.")
_SEEDS = words(
    "seed manual_seed manual_seed_all set_seed seed_everything default_rng PRNGKey RandomState Random use_deterministic_algorithms"
)
_RESUMES = words(
    "resume override load_state_dict load_state load_checkpoint resume_from_checkpoint from_checkpoint restore latest_checkpoint should_checkpoint should_stop checkpoint save_checkpoint state_dict save_state ckpt_path"
)
_MAY_CHANGE = frozenset({"override"})
_LOOSE = frozenset({"indent", "unicode"})
_RISKS: tuple[Risk, ...] = ("none", "low", "medium", "high")


def classify(change: Applied, *, metric: str | None) -> Classified:
    """Judge one file's edit.

    Args:
        change: from `apply_edits`.
        metric: what the change will be judged by, as it is logged; None when nothing is.

    Returns:
        `high` whenever a finding asks or refuses; findings in order of their lines.
    """
    suffix = PurePosixPath(change.path).suffix.lower()
    findings = list(_of_text(change))
    if suffix == ".py":
        plain, more = _python(change, metric)
    elif suffix in {".json", ".toml", ".yaml", ".yml"}:
        plain, more = read_config(change, suffix)
    else:
        plain, more = False, [Finding("kind", "ask", "og cannot read this kind of file", change.path)]
    findings += more
    risk = _RISKS.index("low" if plain else "medium")
    if _LOOSE & set(change.rungs):
        findings.append(
            Finding(
                "loose",
                "info",
                "a block fitted only after its indentation or signs were changed",
                change.path,
            )
        )
        risk += 1
    if any(one.level != "info" for one in findings):
        risk = _RISKS.index("high")
    unique = dict.fromkeys(sorted(findings, key=lambda one: (one.line or 0, one.rule)))
    return Classified(_RISKS[min(risk, 3)], list(unique))


def _of_text(change: Applied) -> Iterator[Finding]:
    """What is hidden from a reader, in a file of any kind."""
    before = Counter(_HIDDEN.findall(change.before))
    if Counter(_HIDDEN.findall(change.after)) - before:
        yield Finding(
            "hidden", "refuse", "signs that cannot be seen, or that turn the direction of a line", change.path
        )
    cookies = [_COOKIE.findall("\n".join(text.split("\n", 2)[:2])) for text in (change.before, change.after)]
    if cookies[0] != cookies[1]:
        yield Finding(
            "hidden",
            "refuse",
            "another encoding: the script would be read otherwise than it was shown",
            change.path,
            1,
        )


def _python(change: Applied, metric: str | None) -> tuple[bool, list[Finding]]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            after = ast.parse(change.after.removeprefix("\ufeff"))
            compile(change.after.removeprefix("\ufeff"), change.path, "exec", dont_inherit=True)
    except SyntaxError as error:
        return False, [
            Finding("syntax", "refuse", f"the new text is no Python: {error.msg}", change.path, error.lineno)
        ]
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        return False, [Finding("syntax", "refuse", f"the new text cannot be read: {error}", change.path)]
    try:
        before = ast.parse(change.before.removeprefix("\ufeff"))
    except (SyntaxError, ValueError):
        before = ast.Module(body=[], type_ignores=[])
    try:
        return _Script(change, before, after, metric).judged()
    except RecursionError:
        return False, [
            Finding("syntax", "refuse", "the new text is nested too deeply to be checked", change.path)
        ]


class _Script:
    """Two versions of a script, side by side."""

    def __init__(self, change: Applied, before: ast.Module, after: ast.Module, metric: str | None) -> None:
        self.change, self.metric = change, metric
        self.trees = before, after
        self.aliases = aliases_of(ast.Module(body=[*before.body, *after.body], type_ignores=[]))
        self.gone, self.come = changed_units(units_of(before), units_of(after))

    def judged(self) -> tuple[bool, list[Finding]]:
        constants = changed_constants(*self.trees)
        rules = (
            self._undefined,
            self._sinks,
            self._logging,
            self._calls,
            self._resume,
            self._metric,
            self._settings,
            self._signs,
        )
        findings = [one for rule in rules for one in rule()]
        findings += self._texts(constants)
        plain = constants is not None and all(self._is_plain(one) for one in constants)
        return plain, findings

    def _says(self, rule: str, text: str, line: int | None, *, refuse: bool = False) -> Finding:
        return Finding(rule, "refuse" if refuse else "ask", text, self.change.path, line)

    def _undefined(self) -> Iterator[Finding]:
        texts = [text.removeprefix("\ufeff") for text in (self.change.before, self.change.after)]
        missing = undefined_names(texts[1], self.change.path)
        if not missing:
            return
        try:
            missing -= undefined_names(texts[0], self.change.path)
        except (SyntaxError, ValueError):
            pass
        for name in sorted(missing):
            yield self._says(
                "undefined", f"{name} is used and nowhere defined", line_of(self.trees[1], name), refuse=True
            )

    def _sinks(self) -> Iterator[Finding]:
        for unit in self.come:
            for rule, text in sinks_in(unit, self.aliases):
                yield self._says(rule, text, unit.line)
        for unit in self.gone:
            if isinstance(unit.node, ast.Import | ast.ImportFrom):
                yield self._says("imports", "imports are changed", None)

    def _logging(self) -> Iterator[Finding]:
        gone, come = (Counter(self._log_calls(units)) for units in (self.gone, self.come))
        if gone != come:
            line = next((unit.line for unit in self.come if list(self._log_calls([unit]))), None)
            yield self._says("logging", "what is logged, or how, is changed", line)

    def _log_calls(self, units: Sequence[Unit]) -> Iterator[str]:
        for node in (node for unit in units for node in unit.walk()):
            is_log = (
                isinstance(node, ast.Call) and _terminal(node.func) in _LOGS and (node.args or node.keywords)
            )
            if is_log and not any(name.startswith(_NUMERIC) for name in names_of(node, self.aliases)):
                yield ast.dump(node)

    def _calls(self) -> Iterator[Finding]:
        """Evaluation and seeding: in functions for it, or by calls of it."""
        for side, units in (("", self.gone), ("+", self.come)):
            for unit in units:
                line = unit.line if side else None
                around = [word for word in re.split(r"[.:/]", unit.where) if word]
                named = (
                    [unit.node.name] if isinstance(unit.node, ast.FunctionDef | ast.AsyncFunctionDef) else []
                )
                if any(about(word) == "evaluation" for word in (*around, *named)):
                    yield self._says(
                        "evaluation",
                        f"{'.'.join((*around, *named))} is part of how the run is evaluated",
                        line,
                    )
                for word in sorted(
                    {_terminal(node.func) for node in unit.walk() if isinstance(node, ast.Call)}
                ):
                    if word in _SEEDS:
                        yield self._says("seeding", f"{word}() {SAYS['seeding']}", line)
                    elif about(word) == "evaluation":
                        yield self._says("evaluation", f"{word}() {SAYS['evaluation']}", line)

    def _resume(self) -> Iterator[Finding]:
        before, after = (_resume_marks(ast.walk(tree)) for tree in self.trees)
        for mark in sorted(before.keys() - after.keys()):
            yield self._says(
                "resume", f"{mark} is gone: the run could not go on from a checkpoint", None, refuse=True
            )
        changed = _resume_marks(node for unit in (*self.gone, *self.come) for node in unit.walk())
        for mark in sorted((changed.keys() & before.keys()) - _MAY_CHANGE):
            yield self._says("resume", f"a line with {mark} is changed", None)

    def _metric(self) -> Iterator[Finding]:
        if not self.metric:
            return
        before, after = (definition_of(tree, self.metric) for tree in self.trees)
        if not before.found:
            yield Finding(
                "metric", "info", f"{self.metric} is not logged by name in this file", self.change.path
            )
        if before.parts != after.parts:
            new = (after.parts - before.parts) or (before.parts - after.parts)
            line = min((after.lines.get(part) or 0 for part in new), default=0)
            text = f"the lines that {self.metric} is computed or logged by are changed, and it judges this change"
            yield self._says("metric", text, line or None)

    def _settings(self) -> Iterator[Finding]:
        changed = labelled(self.come) ^ labelled(self.gone)
        for name in sorted({name for name, _ in changed}):
            line = next(
                (unit.line for unit in self.come if any(name == own for own, _ in labelled([unit]))), None
            )
            yield from about_setting(name, self.change.path, line)

    def _signs(self) -> Iterator[Finding]:
        lines = {
            line
            for unit in self.come
            if unit.line
            for line in range(unit.line, (getattr(unit.node, "end_lineno", None) or unit.line) + 1)
        }
        for token in tokenize.generate_tokens(io.StringIO(self.change.after.removeprefix("\ufeff")).readline):
            if token.type == tokenize.NAME and not token.string.isascii() and token.start[0] in lines:
                yield self._says(
                    "hidden", f"{token.string!r} is a name of other letters than it looks", token.start[0]
                )

    def _texts(self, constants: list[Constant] | None) -> Iterator[Finding]:
        """Settings by literal, and texts in a script that could make something of them."""
        for one in constants or ():
            yield from about_setting(one.label, self.change.path, one.line)
        texts = Counter(_long_texts(self.come)) - Counter(_long_texts(self.gone))
        if texts and has_sinks(self.trees[1], self.aliases):
            line = next((unit.line for unit in self.come if set(_long_texts([unit])) & set(texts)), None)
            yield self._says(
                "text", "a new text, in a script that opens files, programs or addresses by text", line
            )

    def _is_plain(self, one: Constant) -> bool:
        if isinstance(one.after, bytes):
            return False
        return (
            not isinstance(one.after, str)
            or one.label == "docstring"
            or _PLAIN_TEXT.fullmatch(one.after) is not None
        )


def _terminal(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _resume_marks(nodes: Iterator[ast.AST]) -> Counter[str]:
    found: Counter[str] = Counter()
    for node in nodes:
        called = node.func if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else node
        if (called is not node or isinstance(node, ast.Attribute)) and _terminal(called) in _RESUMES:
            found[_terminal(called)] += 1
        elif isinstance(node, ast.keyword) and node.arg in _RESUMES:
            found[str(node.arg)] += 1
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and re.fullmatch(r"OG_[A-Z_]+", node.value)
        ):
            found[node.value] += 1
    return found


def _long_texts(units: Sequence[Unit]) -> Iterator[str]:
    """Texts in statements that are no single word, docstrings aside."""
    for unit in units:
        is_doc = isinstance(unit.node, ast.Expr) and isinstance(unit.node.value, ast.Constant)
        for node in () if is_doc else unit.walk():
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and not _PLAIN_TEXT.fullmatch(node.value)
            ):
                yield node.value
