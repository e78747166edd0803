"""Whether a condition makes sense: kinds, units and windows, before anything is computed.

Kinds are `number` (metrics, bare numbers, percentages), `seconds` (what age() gives),
`duration` (30s) and `condition`. Seconds compare with bare numbers and with durations; a
duration compares with nothing but seconds.
"""

from __future__ import annotations

from opengraphs.alerts.rules.faults import fault_at
from opengraphs.alerts.rules.functions import FUNCTIONS, MAX_WINDOW, signature
from opengraphs.alerts.rules.globs import check_globs
from opengraphs.alerts.rules.tree import COMPARISONS, Binary, Call, Expr, Metric, Number, Unary, parts, walk

_TIMES = ("seconds", "duration")


def check(expr: Expr, text: str) -> None:
    """That a rule's condition is one.

    Raises:
        UsageError: a kind, unit, window or argument that cannot be; with its place.
    """
    kind = _Checker(text).kind(expr)
    if kind != "condition":
        hint = f"compare it with something: {text[expr.at : expr.end]} > 5"
        raise fault_at(text, expr.at, f"a rule is a condition, and this is {_a(kind)}", hint)
    if not any(isinstance(part, Metric) for part in walk(expr)):
        raise fault_at(text, expr.at, "the rule names no metric, so nothing can change it")
    check_globs(expr, text)


def depends_on_clock_alone(expr: Expr) -> bool:
    """Whether metrics stand in age() and missing() only, so that no point ever counts."""
    if isinstance(expr, Call) and expr.name in ("age", "missing"):
        return True
    if isinstance(expr, Metric):
        return False
    return all(depends_on_clock_alone(part) for part in parts(expr))


def _a(kind: str) -> str:
    return {"seconds": "a time in seconds", "duration": "a duration"}.get(kind, f"a {kind}")


class _Checker:
    def __init__(self, text: str) -> None:
        self._text = text

    def _fault(self, at: int, what: str, hint: str = "") -> Exception:
        return fault_at(self._text, at, what, hint)

    def kind(self, expr: Expr) -> str:
        """Of an expression, after everything in it was checked."""
        if isinstance(expr, Number):
            return "duration" if expr.unit not in ("", "%") else "number"
        if isinstance(expr, Metric):
            return "number"
        if isinstance(expr, Call):
            return self._call(expr)
        return self._unary(expr) if isinstance(expr, Unary) else self._binary(expr)

    def _unary(self, expr: Unary) -> str:
        kind = self.kind(expr.inner)
        if expr.op == "not" and kind != "condition":
            raise self._fault(
                expr.inner.at, f"not is about a condition, and this is {_a(kind)}", "such as not (x > 1)"
            )
        if expr.op == "-" and kind == "condition":
            raise self._fault(expr.inner.at, "a condition has no minus", "not turns it around")
        return kind

    def _binary(self, expr: Binary) -> str:
        left, right = self.kind(expr.left), self.kind(expr.right)
        if expr.op in ("and", "or"):
            return self._logic(expr, left, right)
        for side, kind in ((expr.left, left), (expr.right, right)):
            if kind == "condition":
                hint = "count(condition, n) makes a number of it; and, or, not join conditions"
                raise self._fault(side.at, f"{expr.op} is about numbers, and this is a condition", hint)
        if expr.op in COMPARISONS:
            self._comparable(expr, left, right)
            return "condition"
        return self._arithmetic(expr, left, right)

    def _logic(self, expr: Binary, left: str, right: str) -> str:
        for side, kind in ((expr.left, left), (expr.right, right)):
            if kind != "condition":
                hint = f"compare it with something: {self._text[side.at : side.end]} > 0"
                raise self._fault(side.at, f"{expr.op} joins conditions, and this is {_a(kind)}", hint)
        return "condition"

    def _comparable(self, expr: Binary, left: str, right: str) -> None:
        if "duration" in (left, right) and "number" in (left, right):
            side = expr.left if left == "duration" else expr.right
            hint = "a duration compares with age(metric) only; write the number that the metric logs"
            raise self._fault(side.at, "a duration beside a number that has no unit", hint)

    def _arithmetic(self, expr: Binary, left: str, right: str) -> str:
        times = [kind for kind in (left, right) if kind in _TIMES]
        if not times:
            return "number"
        if expr.op == "*" and len(times) == 2:
            raise self._fault(expr.place, "a time multiplied by a time")
        if expr.op == "/" and left == "number":
            raise self._fault(
                expr.place, "a number divided by a time", "turn it around, or divide by a bare number"
            )
        if expr.op in "+-" and "number" in (left, right) and "duration" in times:
            side = expr.left if left == "duration" else expr.right
            raise self._fault(side.at, "a duration added to a number that has no unit", "write both as times")
        if expr.op == "/" and len(times) == 2:
            return "number"
        return "duration" if set(times) == {"duration"} else "seconds"

    def _call(self, call: Call) -> str:
        function = FUNCTIONS[call.name]
        least = sum(not param.endswith("?") for param in function.params)
        if not least <= len(call.args) <= len(function.params):
            at = call.args[len(function.params)].at if len(call.args) > len(function.params) else call.at
            what = f"{call.name} takes {_counted(least, len(function.params))}, not {len(call.args)}"
            raise self._fault(at, what, signature(call.name))
        for param, arg in zip(function.params, call.args, strict=False):
            self._argument(call, param.rstrip("?"), arg)
        return function.gives

    def _argument(self, call: Call, param: str, arg: Expr) -> None:
        if param == "points":
            self._points(call, arg)
        elif param == "share":
            if not (isinstance(arg, Number) and arg.unit in ("", "%") and 0 <= arg.value <= 1):
                raise self._fault(arg.at, f"{call.name} needs a share from 0 to 1", "such as 0.95 or 95%")
        elif param == "duration":
            if self.kind(arg) != "duration" or not isinstance(arg, Number):
                raise self._fault(
                    arg.at, f"{call.name} needs a time", "as it is written: missing(metric, 10m)"
                )
        elif param == "metric":
            if not isinstance(arg, Metric):
                raise self._fault(
                    arg.at, f"{call.name} is about a metric, and this is none", signature(call.name)
                )
        else:
            self._changing(call, param, arg)

    def _changing(self, call: Call, param: str, arg: Expr) -> None:
        kind = self.kind(arg)
        if kind == "condition" and param != "any":
            hint = "only count takes a condition"
            raise self._fault(arg.at, f"{call.name} is about a number, and this is a condition", hint)
        below = walk(arg)
        if not any(isinstance(part, Metric) for part in below):
            raise self._fault(arg.at, f"{call.name} of what never changes", "name a metric in it")
        timed = [part for part in below if isinstance(part, Call) and part.name in ("age", "missing")]
        if timed:
            hint = "it changes with the clock, not with points; compare it, and use for 30s"
            raise self._fault(timed[0].at, f"{timed[0].name} cannot stand in {call.name}", hint)

    def _points(self, call: Call, arg: Expr) -> None:
        least = FUNCTIONS[call.name].least
        if not isinstance(arg, Number) or arg.unit:
            what = "a window is a plain number of points"
            raise self._fault(arg.at, what, f"write {call.name}(metric, 20); windows of time do not exist")
        if arg.value != int(arg.value) or not least <= arg.value <= MAX_WINDOW:
            what = f"a window of {self._text[arg.at : arg.end]} points"
            raise self._fault(arg.at, what, f"{call.name} takes a whole number from {least} to {MAX_WINDOW}")


def _counted(least: int, most: int) -> str:
    if least == most:
        return "one argument" if least == 1 else f"{least} arguments"
    return f"{least} or {most} arguments"
