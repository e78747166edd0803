"""A script as a row of statements, each without those inside of it, so that a change is a few of them."""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from opengraphs.guard.ends import shared_ends

_INNER = {"body", "orelse", "finalbody", "handlers", "cases"}
_WORD = re.compile(r"[\w.+\-]{0,60}")
Scalar = bool | int | float | complex | str | bytes | None


class Unit(NamedTuple):
    """One statement, or the head of one that has others inside.

    dump: what it says, the same for the same code wherever it stands; where: the functions and classes around it.
    heads: its expressions.
    """

    dump: str
    where: str
    node: ast.AST
    heads: tuple[ast.AST, ...]

    @property
    def line(self) -> int | None:
        return getattr(self.node, "lineno", None)

    def walk(self) -> Iterator[ast.AST]:
        """The statement itself and every node of its head."""
        yield self.node
        for head in self.heads:
            yield from ast.walk(head)


class Constant(NamedTuple):
    """A literal that became another. label: the setting it belongs to, "" where none is told."""

    label: str
    before: Scalar
    after: Scalar
    line: int | None


def units_of(tree: ast.Module) -> list[Unit]:
    """The statements of a script, from top to bottom."""
    return list(_units(tree.body, ""))


def _units(body: Iterable[ast.AST], where: str) -> Iterator[Unit]:
    for node in body:
        heads = tuple(_heads(node))
        name = getattr(node, "name", "") or ""
        dump = " ".join((type(node).__name__, str(name), *(ast.dump(head) for head in heads)))
        yield Unit(dump, where, node, heads)
        named = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        inside = (
            f"{where}.{name}" if named else f"{where}:{type(node).__name__}" if _has_body(node) else where
        )
        for field in ("body", "handlers", "cases", "orelse", "finalbody"):
            inner = getattr(node, field, None)
            if isinstance(inner, list):
                yield from _units(inner, inside if field == "body" else f"{inside}/{field}")


def _has_body(node: ast.AST) -> bool:
    return isinstance(getattr(node, "body", None), list)


def _heads(node: ast.AST) -> Iterator[ast.AST]:
    compound = _has_body(node) or isinstance(node, ast.Match)
    for field, value in ast.iter_fields(node):
        if compound and field in _INNER:
            continue
        if isinstance(value, ast.AST):
            yield value
        elif isinstance(value, list):
            yield from (one for one in value if isinstance(one, ast.AST))


def changed_units(before: Sequence[Unit], after: Sequence[Unit]) -> tuple[list[Unit], list[Unit]]:
    """The statements that went, and those that came; one that moved did both."""
    old, new = ([(unit.where, unit.dump) for unit in side] for side in (before, after))
    head, tail = shared_ends(old, new)
    match = difflib.SequenceMatcher(None, old[head : len(old) - tail], new[head : len(new) - tail])
    gone: list[Unit] = []
    come: list[Unit] = []
    for tag, i, j, k, m in match.get_opcodes():
        if tag != "equal":
            gone += before[head + i : head + j]
            come += after[head + k : head + m]
    return gone, come


def changed_constants(before: ast.Module, after: ast.Module) -> list[Constant] | None:
    """The literals that are different, if nothing else is; None if something else is."""
    found: list[Constant] = []
    todo: list[tuple[object, object, str]] = [(before, after, "")]
    while todo:
        old, new, label = todo.pop()
        if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
            todo += [(one, other, label) for one, other in zip(old, new, strict=True)]
        elif isinstance(old, ast.AST) and isinstance(new, ast.AST):
            if (mine := _scalar(old)) is not None and (theirs := _scalar(new)) is not None:
                if not _alike(mine[0], theirs[0]):
                    return None
                if repr(mine[0]) != repr(theirs[0]):
                    found.append(Constant(label, mine[0], theirs[0], getattr(new, "lineno", None)))
            elif type(old) is not type(new):
                return None
            else:
                todo += _children(old, new, label)
        elif old != new:
            return None
    return found


def _children(old: ast.AST, new: ast.AST, label: str) -> list[tuple[object, object, str]]:
    labels = _labels(old, label)
    pairs: list[tuple[object, object, str]] = []
    for field in old._fields:
        mine, theirs = getattr(old, field, None), getattr(new, field, None)
        own = labels.get(field, label)
        if isinstance(own, list) and isinstance(mine, list) and isinstance(theirs, list):
            if len(mine) != len(theirs):
                return [(0, 1, "")]
            pairs += [(one, other, name) for one, other, name in zip(mine, theirs, own, strict=True)]
        else:
            pairs.append((mine, theirs, own if isinstance(own, str) else label))
    return pairs


def _labels(node: ast.AST, label: str) -> dict[str, str | list[str]]:
    """What the literals in the fields of a node belong to."""
    if isinstance(node, ast.keyword):
        return {"value": label if node.arg == "default" and label else node.arg or label}
    if isinstance(node, ast.Dict):
        return {"values": [_text(key) or label for key in node.keys]}
    if isinstance(node, ast.Assign):
        return {"value": target_name(node.targets[0]) or label}
    if isinstance(node, ast.AnnAssign | ast.AugAssign | ast.NamedExpr):
        return {"value": target_name(node.target) or label}
    first = _text(node.args[0]) if isinstance(node, ast.Call) and node.args else ""
    if first and (first.startswith("-") or _WORD.fullmatch(first)):
        name = first.lstrip("-").replace("-", "_")
        return {"args": name, "keywords": name if first.startswith("-") else label}
    if isinstance(node, ast.arguments):
        places = [*node.posonlyargs, *node.args]
        named = [arg.arg for arg in places[len(places) - len(node.defaults) :]]
        return {"defaults": named, "kw_defaults": [arg.arg for arg in node.kwonlyargs]}
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return {"value": "docstring"}
    return {}


def target_name(target: ast.AST) -> str:
    """`lr` of `lr`, `self.lr` and `config["lr"]`."""
    if isinstance(target, ast.Name):
        return target.id
    if isinstance(target, ast.Attribute):
        return target.attr
    return _text(target.slice) if isinstance(target, ast.Subscript) else ""


def _text(node: ast.AST | None) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _scalar(node: ast.AST) -> tuple[Scalar] | None:
    """The value of a literal, signed or not, in a tuple; None for anything else."""
    if isinstance(node, ast.Constant) and node.value is not ...:
        return (node.value,)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        inner = _scalar(node.operand)
        if inner and isinstance(inner[0], int | float) and not isinstance(inner[0], bool):
            return (-inner[0] if isinstance(node.op, ast.USub) else inner[0],)
    return None


def _alike(one: Scalar, other: Scalar) -> bool:
    return isinstance(one, str | bytes) == isinstance(other, str | bytes) and isinstance(
        one, bytes
    ) == isinstance(other, bytes)


def labelled(units: Iterable[Unit]) -> set[tuple[str, str]]:
    """The settings in these statements: a name, and what it is set to."""
    found: set[tuple[str, str]] = set()
    for unit in units:
        for node in unit.walk():
            if isinstance(node, ast.keyword) and node.arg:
                found.add((node.arg, ast.dump(node.value)))
            elif isinstance(node, ast.Dict):
                found |= {
                    (_text(key), ast.dump(value))
                    for key, value in zip(node.keys, node.values, strict=True)
                    if _text(key)
                }
            elif isinstance(node, ast.Assign):
                found |= {
                    (name, ast.dump(node.value)) for target in node.targets if (name := target_name(target))
                }
            elif isinstance(node, ast.AnnAssign | ast.AugAssign) and node.value:
                found.add((target_name(node.target), ast.dump(node.value)))
    return found
