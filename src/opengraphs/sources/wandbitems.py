"""Key and value pairs in the records of a `.wandb` file, as they stand on the wire.

History, summary, config and system records are lists of items, each a key (or the parts of a
nested one) and a value in JSON. Those of the common shape are cut out of the bytes at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from opengraphs.sources import plain
from opengraphs.sources.protowire import BYTES, WireError, fields, varint

JOINT = "."
"""Nested names are joined as W&B shows them, and as og's own mirror of wandb does."""
MAX_NAME_BYTES = 1024
MAX_DEPTH = 12
_KEY, _NESTED, _VALUE = 1, 2, 16
_TYPE = b"_type"


class Item(NamedTuple):
    """path: parts of the key. value: JSON."""

    path: tuple[bytes, ...]
    value: bytes


class Row(NamedTuple):
    """The items of one record: the key's bytes → JSON for those with a plain key, the others, and other fields."""

    plain: dict[bytes, bytes]
    nested: list[Item]
    others: list[tuple[int, bytes]]


def row(data: bytes, at: int, end: int, *, field: int = 1) -> Row:
    """Cut up the record in `data[at:end]`, whose items are in field `field` (below 16).

    Raises:
        WireError: it is no such record.
    """
    found: dict[bytes, bytes] = {}
    nested: list[Item] = []
    others: list[tuple[int, bytes]] = []
    tag = field << 3 | BYTES
    try:
        while at < end:
            size = data[at + 1]
            if data[at] == tag and size < 0x80:
                at += 2
                stop = at + size
                key_end = at + 2 + data[at + 1]
                if (
                    (data[at] == 0x12 or data[at] == 0x0A)
                    and data[at + 1] < 0x80
                    and key_end + 3 <= stop
                    and data[key_end] == 0x82
                    and data[key_end + 1] == 1
                    and key_end + 3 + data[key_end + 2] == stop
                ):
                    found[data[at + 2 : key_end]] = data[key_end + 3 : stop]
                    at = stop
                    continue
            else:
                number, at = varint(data, at)
                if number & 7 != BYTES:
                    _, at = varint(data, at)
                    continue
                size, at = varint(data, at)
                stop = at + size
                if number != tag:
                    others.append((number >> 3, data[at:stop]))
                    at = stop
                    continue
            if stop > end:
                raise WireError("an item is cut off")
            cut = item(data[at:stop])
            if len(cut.path) == 1:
                found[cut.path[0]] = cut.value
            else:
                nested.append(cut)
            at = stop
    except IndexError:
        raise WireError("an item is cut off") from None
    if at != end:
        raise WireError("an item is cut off")
    return Row(found, nested, others)


def item(data: bytes) -> Item:
    """One item that stands alone.

    Raises:
        WireError: it is none.
    """
    path: list[bytes] = []
    key, value = b"", b""
    for number, kind, part in fields(data):
        if kind != BYTES or not isinstance(part, bytes):
            continue
        if number == _KEY:
            key = part
        elif number == _NESTED and len(path) < MAX_DEPTH:
            path.append(part)
        elif number == _VALUE:
            value = part
    return Item(tuple(path) if path else (key,), value)


class Names:
    """From keys in a file to names of metrics; what does not become one is None."""

    def __init__(self, internal: frozenset[str]) -> None:
        """internal: keys (their first part, if nested) that are no metrics."""
        self._known: dict[bytes, str | None] = {}
        self._internal = internal

    def of(self, key: bytes) -> str | None:
        """The metric of a key; parts of nested ones are joined already."""
        if key in self._known:
            return self._known[key]
        name: str | None = plain.clean(key.decode("utf-8", "replace"), MAX_NAME_BYTES)
        if not name or len(key) > MAX_NAME_BYTES or name.split(JOINT, 1)[0] in self._internal:
            name = None
        if len(self._known) < plain.MAX_METRICS:
            self._known[key] = name
        return name


def numbers(found: Row, names: Names) -> dict[str, float]:
    """The metrics of a row: numbers and bools; typed values (media, tables, histograms) are left out."""
    metrics: dict[str, float] = {}
    for key, value in found.plain.items():
        name = names.of(key)
        if name is not None:
            try:
                metrics[name] = float(value)
            except ValueError:
                _odd(name, value, metrics)
    if found.nested:
        typed = {cut.path[:-1] for cut in found.nested if cut.path[-1] == _TYPE}
        for path, value in found.nested:
            if typed and any(path[:depth] in typed for depth in range(1, len(path))):
                continue
            name = names.of(JOINT.encode().join(path))
            if name is not None:
                try:
                    metrics[name] = float(value)
                except ValueError:
                    _odd(name, value, metrics)
    return metrics


_ODD = {b"true": 1.0, b"false": 0.0} | {
    b'"%s"' % name: float(name) for name in (b"NaN", b"Infinity", b"-Infinity")
}


def _odd(name: str, value: bytes, metrics: dict[str, float]) -> None:
    """What `float` does not read: bools, non-finite values as strings, whole dicts of older files."""
    if value in _ODD:
        metrics[name] = _ODD[value]
    elif value[:1] == b"{":
        try:
            _flatten(name, plain.decoded(value), metrics, 0)
        except ValueError:
            return


def _flatten(name: str, values: Mapping[str, Any], metrics: dict[str, float], depth: int) -> None:
    if "_type" in values or depth > MAX_DEPTH:
        return
    for key, value in values.items():
        inner = f"{name}{JOINT}{plain.clean(str(key))}"
        if isinstance(value, dict):
            _flatten(inner, value, metrics, depth + 1)
        elif isinstance(value, bool):
            metrics[inner] = float(value)
        elif (number := plain.number(value)) is not None and len(metrics) < plain.MAX_METRICS:
            metrics[inner] = number


def tree(found: Row) -> Iterator[tuple[tuple[str, ...], Any]]:
    """(path, value) of the items of a config or summary; values that are no JSON are left out."""
    for key, value in found.plain.items():
        yield from _decoded((key,), value)
    for cut in found.nested:
        yield from _decoded(cut.path, cut.value)


def _decoded(path: tuple[bytes, ...], value: bytes) -> Iterator[tuple[tuple[str, ...], Any]]:
    try:
        yield tuple(part.decode("utf-8", "replace") for part in path), plain.decoded(value) if value else None
    except ValueError:
        return


def put(target: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    """Set a value in nested dicts."""
    for part in path[:-1]:
        inner = target.get(part)
        if not isinstance(inner, dict):
            inner = target[part] = {}
        target = inner
    target[path[-1]] = value
