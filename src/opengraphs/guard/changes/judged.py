"""What defines the metric that will judge a fix: its log calls, and the statements its value comes from.

The value is followed backwards through assignments, arithmetic, methods and the script's own functions, as
far as one call of something unknown (a criterion and what goes into it); not into the model behind it, which a
fix may change. Statements count as text: if those of the old script and of the new are not the same, the
definition was touched. Settings of the training passed by name (`lr=…`) are left out.
"""

from __future__ import annotations

import ast
import copy
import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from opengraphs.guard.changes.names import HYPERPARAMETERS, words
from opengraphs.guard.changes.units import Unit, units_of

MAX_STEPS = 20_000
_LIGHT = words(
    "float int abs round sum min max len mean item detach cpu numpy tolist get dict list tuple sorted zip"
)
_GROWS = words("append extend update add setdefault insert appendleft")
_PRINTED = re.compile(r"([\w/.\-]+)\W{0,8}\Z")
_LOGGING = re.compile("log|metric|report|dict|scalar|postfix|track|record|update")
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
Function = ast.FunctionDef | ast.AsyncFunctionDef


class Scope(NamedTuple):
    """function: None for the script itself. binds: the statements that give a name its value."""

    function: Function | None
    binds: dict[str, list[Unit]]


class Definition(NamedTuple):
    """found: whether the metric is logged in this script at all. parts: its statements, as text, with how often."""

    found: bool
    parts: Counter[str]
    lines: dict[str, int | None]


def definition_of(tree: ast.Module, metric: str) -> Definition:
    """What defines a metric in a script."""
    return _Slice(tree, metric).run()


def _masked(node: ast.AST) -> str:
    """A node as text, without the values of settings of the training."""
    copied = copy.deepcopy(node)
    for one in ast.walk(copied):
        if isinstance(one, ast.Call):
            one.keywords = [word for word in one.keywords if word.arg not in HYPERPARAMETERS]
    return ast.dump(copied)


class _Slice:
    def __init__(self, tree: ast.Module, metric: str) -> None:
        self.metric, self.last = metric, re.split(r"[/.]", metric)[-1]
        self.tree = tree
        self.functions: dict[str, list[Function]] = {}
        for node in ast.walk(tree):
            if isinstance(node, _FUNCTIONS):
                self.functions.setdefault(node.name, []).append(node)
        self.lambdas: dict[str, set[str]] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
                for arg in node.value.args.args:
                    self.lambdas.setdefault(arg.arg, set()).update(_own_name(one) for one in node.targets)
        self.scopes: dict[Function | None, Scope] = {None: self._scope(None, tree)}
        for functions in self.functions.values():
            for function in functions:
                self.scopes[function] = self._scope(function, function)
        self.calls: dict[str, list[tuple[ast.Call, Function | None]]] = {}
        for owner, call in self._calls(tree, None):
            self.calls.setdefault(_callee(call), []).append((call, owner))
        self.parts: Counter[str] = Counter()
        self.lines: dict[str, int | None] = {}
        self.todo: list[tuple[str, Function | None, int]] = []
        self.seen: dict[tuple[str, Function | None], int] = {}
        self.entered: set[tuple[Function, tuple[int, int] | None, int]] = set()
        self.kept: dict[int, ast.AST] = {}
        self.entries: dict[Function, dict[int, tuple[ast.Call, Function | None]]] = {}
        self.open: set[Function | None] = set()
        """Functions that log the metric themselves: whoever calls them counts."""

    def run(self) -> Definition:
        found = False
        for node, owner, value in self._sites():
            found = True
            self.open.add(owner)
            self._keep(node, node)
            self._follow(value, owner, 0)
        if not found:
            self._fall_back()
        steps = 0
        while self.todo and (steps := steps + 1) < MAX_STEPS:
            name, owner, cost = self.todo.pop()
            self._name(name, owner, cost)
        return Definition(found, self.parts, self.lines)

    # -- where it is logged --------------------------------------------------------------------

    def _sites(self) -> Iterator[tuple[ast.AST, Function | None, ast.AST]]:
        """(the key with its value, the function around it, the value)."""
        for owner, node in self._owned(self.tree, None):
            if isinstance(node, ast.Dict):
                for key, value in zip(node.keys, node.values, strict=True):
                    if key is not None and self._is_key(key):
                        yield ast.Tuple([key, value], ast.Load()), owner, value
            elif isinstance(node, ast.Call):
                yield from ((call, owner, value) for call, value in self._logged(node))
            elif isinstance(node, ast.Assign):
                for target in node.targets:
                    if isinstance(target, ast.Subscript) and self._is_key(target.slice):
                        yield node, owner, node.value
            elif isinstance(node, ast.JoinedStr):
                yield from ((node, owner, value) for value in self._printed(node))

    def _logged(self, node: ast.Call) -> Iterator[tuple[ast.AST, ast.AST]]:
        for word in node.keywords:
            named = word.arg in {self.metric, self.last} and _LOGGING.search(_callee(node))
            if named and _callee(word.value) != word.arg:
                yield word, word.value
        if len(node.args) > 1 and self._is_key(node.args[0]):
            yield node, ast.Tuple(list(node.args[1:]), ast.Load())

    def _printed(self, node: ast.JoinedStr) -> Iterator[ast.AST]:
        """`f"loss {value:.4f}"`: a metric read from the output."""
        for text, value in zip(node.values, node.values[1:], strict=False):
            said = text.value if isinstance(text, ast.Constant) and isinstance(text.value, str) else ""
            word = _PRINTED.search(said)
            if (
                isinstance(value, ast.FormattedValue)
                and word
                and word[1].strip("-.") in {self.metric, self.last}
            ):
                yield value

    def _is_key(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Constant):
            return node.value in {self.metric, self.last}
        if isinstance(node, ast.JoinedStr):
            pieces = (
                re.escape(str(one.value)) if isinstance(one, ast.Constant) else ".*" for one in node.values
            )
            return re.fullmatch("".join(pieces), self.metric) is not None
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            texts = [one.value for one in (node.left, node.right) if isinstance(one, ast.Constant)]
            return any(
                isinstance(text, str)
                and text
                and (self.metric.startswith(text) or self.metric.endswith(text))
                for text in texts
            )
        return False

    def _fall_back(self) -> None:
        """A metric that another library logs: what is named like it is taken for it."""
        for scope in self.scopes.values():
            if self.last in scope.binds:
                self.todo.append((self.last, scope.function, 0))
        for name in ("compute_loss", "training_step", "loss_fn", "compute_metrics", "reward_fn"):
            for function in self.functions.get(name, ()):
                self._function(function, 0, None)

    # -- where it comes from ---------------------------------------------------------------------

    def _name(self, name: str, owner: Function | None, cost: int) -> None:
        if cost > 1 or self.seen.get((name, owner), 2) <= cost or name in HYPERPARAMETERS:
            return
        self.seen[(name, owner)] = cost
        binds = self.scopes[owner].binds.get(name)
        if binds is None and owner is not None:
            if name in _parameters(owner):
                self._from_callers(name, owner, cost)
            else:
                self._name(name, self._around(name), cost)
            return
        for unit in binds or ():
            self._bound(name, unit, owner, cost)
        for call, around in (one for own in self.lambdas.get(name, ()) for one in self.calls.get(own, ())):
            for given in call.args:
                self._keep(given, given)
                self._follow(given, around, cost)

    def _around(self, name: str) -> Function | None:
        """The function whose name this is, for closures; mostly the script itself."""
        return (
            next((owner for owner, scope in self.scopes.items() if owner and name in scope.binds), None)
            if name not in self.scopes[None].binds
            else None
        )

    def _bound(self, name: str, unit: Unit, owner: Function | None, cost: int) -> None:
        node = unit.node
        self._keep(node, *unit.heads)
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign) and node.value is not None:
            self._assigned(name, node, owner, cost)
        elif isinstance(node, ast.For | ast.AsyncFor):
            self._follow(node.iter, owner, cost + 1)
        elif isinstance(node, _FUNCTIONS):
            self._function(node, cost, None)
        else:
            for head in unit.heads:
                self._follow(head, owner, cost)

    def _assigned(
        self, name: str, node: ast.Assign | ast.AnnAssign | ast.AugAssign, owner: Function | None, cost: int
    ) -> None:
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        value = node.value
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Call):
            names = [_own_name(one) for one in target.elts]
            place = (names.index(name), len(names)) if name in names else None
            self._call(value, owner, cost, place)
        elif value is not None:
            self._follow(value, owner, cost)

    def _follow(self, node: ast.AST, owner: Function | None, cost: int) -> None:
        """Look for the origin of everything in an expression."""
        if isinstance(node, ast.Call):
            self._call(node, owner, cost, None)
            return
        name = _own_name(node)
        if name and isinstance(node, ast.Name | ast.Attribute):
            self.todo.append((name, owner, cost))
            if isinstance(node, ast.Attribute):
                self._follow(node.value, owner, cost)
            return
        for child in ast.iter_child_nodes(node):
            if not isinstance(child, ast.keyword) or child.arg not in HYPERPARAMETERS:
                self._follow(child, owner, cost)

    def _call(self, node: ast.Call, owner: Function | None, cost: int, place: tuple[int, int] | None) -> None:
        callee = _callee(node)
        own = self.functions.get(callee, ()) if cost <= 1 else ()
        for function in own:
            self._enter(function, node, owner)
            self._function(function, cost, place)
        deeper = cost if callee in _LIGHT else cost + 1
        if own:
            return  # its parameters are followed from inside
        self._follow(node.func.value if isinstance(node.func, ast.Attribute) else node.func, owner, deeper)
        for child in (*node.args, *(word.value for word in node.keywords if word.arg not in HYPERPARAMETERS)):
            self._follow(child, owner, deeper)

    def _enter(self, function: Function, call: ast.Call, owner: Function | None) -> None:
        """Remember by which call a function was entered: only what that call gives it counts."""
        entries = self.entries.setdefault(function, {})
        if id(call) in entries:
            return
        entries[id(call)] = (call, owner)
        self.entered = {one for one in self.entered if one[0] is not function}
        for name in _parameters(function):
            self.seen.pop((name, function), None)

    def _function(self, function: Function, cost: int, place: tuple[int, int] | None) -> None:
        """What one of the script's own functions returns, or of a tuple that it returns, one element."""
        if (function, place, cost) in self.entered:
            return
        self.entered.add((function, place, cost))
        for node in _inside(function):
            if not isinstance(node, ast.Return | ast.Yield) or node.value is None:
                continue
            value = node.value
            if place and isinstance(value, ast.Tuple) and len(value.elts) == place[1]:
                value = value.elts[place[0]]
                self._keep(value, value)
            else:
                self._keep(node, node)
            self._follow(value, function, cost)

    def _from_callers(self, name: str, function: Function, cost: int) -> None:
        """What a parameter is given, wherever the function is called."""
        place = _parameters(function).index(name)
        entries = None if function in self.open else self.entries.get(function)
        for call, owner in list(entries.values()) if entries else self.calls.get(function.name, ()):
            given: list[ast.AST] = [word.value for word in call.keywords if word.arg == name]
            shift = 1 if _parameters(function)[:1] == ["self"] else 0
            given = given or list(call.args[max(0, place - shift) :][:1]) or [*call.args, *call.keywords]
            for one in given:
                self._keep(one, one)
                self._follow(one, owner, cost)

    def _keep(self, node: ast.AST, *heads: ast.AST) -> None:
        if id(node) in self.kept:
            return
        self.kept[id(node)] = node
        text = " ".join((type(node).__name__, *map(_masked, heads)))
        self.parts[text] += 1
        self.lines.setdefault(text, getattr(node, "lineno", None) or getattr(heads[0], "lineno", None))

    # -- what the script has -----------------------------------------------------------------------

    def _scope(self, function: Function | None, top: ast.Module | Function) -> Scope:
        binds: dict[str, list[Unit]] = {}
        for unit in _own_units(top):
            for name in _bound_names(unit):
                binds.setdefault(name, []).append(unit)
        return Scope(function, binds)

    def _owned(self, node: ast.AST, owner: Function | None) -> Iterator[tuple[Function | None, ast.AST]]:
        todo: list[tuple[ast.AST, Function | None]] = [(node, owner)]
        while todo:
            one, around = todo.pop()
            yield around, one
            inner = one if isinstance(one, _FUNCTIONS) else around
            todo += [(child, inner) for child in ast.iter_child_nodes(one)]

    def _calls(self, node: ast.AST, owner: Function | None) -> Iterator[tuple[Function | None, ast.Call]]:
        for around, one in self._owned(node, owner):
            if isinstance(one, ast.Call):
                yield around, one


def _own_units(top: ast.Module | Function) -> Iterator[Unit]:
    """The statements of a scope, without those of functions in it; classes belong to what is around them."""
    units = units_of(ast.Module(body=list(top.body), type_ignores=[]))
    hidden = {
        id(child)
        for unit in units
        if isinstance(unit.node, _FUNCTIONS)
        for child in ast.walk(unit.node)
        if child is not unit.node
    }
    return (unit for unit in units if id(unit.node) not in hidden)


def _bound_names(unit: Unit) -> set[str]:
    node = unit.node
    if isinstance(node, _FUNCTIONS):
        return {node.name}
    found: set[str] = set()
    for one in unit.walk():
        if isinstance(one, ast.Name | ast.Attribute | ast.Subscript) and isinstance(one.ctx, ast.Store):
            found |= {name for name in (_own_name(one),) if name}
        elif isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute) and one.func.attr in _GROWS:
            found |= {name for name in (_own_name(one.func.value),) if name}
        elif isinstance(one, ast.alias):
            found.add(one.asname or one.name.partition(".")[0])
    return found


def _own_name(node: ast.AST) -> str:
    """`x` of `x`, `x[0]`; `self.x` of `self.x`, and `x.loss` of `x.loss`."""
    while isinstance(node, ast.Subscript | ast.Starred):
        node = node.value
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        inner = _own_name(node.value)
        return f"{inner}.{node.attr}" if inner else ""
    return ""


def _callee(node: ast.AST) -> str:
    func = node.func if isinstance(node, ast.Call) else node
    return func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""


def _parameters(function: Function) -> list[str]:
    given = function.args
    return [arg.arg for arg in (*given.posonlyargs, *given.args, *given.kwonlyargs)]


def _inside(function: Function) -> Iterator[ast.AST]:
    todo: list[ast.AST] = list(function.body)
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, (*_FUNCTIONS, ast.Lambda, ast.ClassDef)):
            todo += ast.iter_child_nodes(node)
