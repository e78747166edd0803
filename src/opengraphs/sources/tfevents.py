"""Events of TensorBoard: what the bytes of one record say.

Scalars come in two encodings (a float beside the name, or a tensor of one element), and all
events of one name look alike but for time, step and value. The layout of a name is learned
from the first event and proven by decoding it again with another value put in; from then on
an event of that name is one look into a table and one unpacking.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Any, NamedTuple

from opengraphs.sources.protowire import FIXED64, VARINT, WireError, double, fields, signed, varint, whole
from opengraphs.sources.tfnotes import Notes, note
from opengraphs.sources.tfvalues import values

SAME_MOMENT_S = 0.1
"""Scalars of one step that were written within this time are one record, with the first's time."""
MAX_NAME = 1024
_MAX_LAYOUTS = 65_536
_DOUBLE = struct.Struct("<d").unpack_from
_FLOAT = struct.Struct("<f").unpack_from
_START = 1
Emit = Callable[[int, float, dict[str, float]], None]


class _Layout(NamedTuple):
    """Where the value stands: `width` bytes, `behind` bytes before the end. names: the bytes around it → name."""

    behind: int
    width: int
    unpack: Callable[[bytes, int], tuple[Any, ...]]
    names: dict[bytes, str]


class Head(NamedTuple):
    """How a file begins. purge_step: it takes over from this step on. is_known: no more can come of that."""

    purge_step: int | None
    is_known: bool
    tag: str | None
    wall_time: float | None


class Decoder:
    """Decodes the events of one file.

    Attributes:
        last_step: the highest step of a scalar so far; None before the first.
        unreadable: records that were whole and no event.
    """

    def __init__(self, rename: Callable[[str], str] = str) -> None:
        """rename: from the name in the file to the metric's."""
        self._rename = rename
        self._layouts: dict[int, list[_Layout]] = {}
        self._learned = 0
        self.last_step: int | None = None
        self.unreadable = 0

    def decode(
        self, data: bytes, spans: list[tuple[int, int]], emit: Emit, *, before: int | None, notes: Notes
    ) -> None:
        """Hand scalars to `emit` as (step, time, {name: value}), in the order of the file.

        Args:
            spans: where the events are in `data`.
            before: scalars from this step on are void, a later file has them; None: all count.
        """
        layouts = self._layouts.get
        limit = before if before is not None else 1 << 63
        group: dict[str, float] = {}
        group_step, group_time = 0, -math.inf
        highest = self.last_step if self.last_step is not None else -(1 << 63)
        for start, stop in spans:
            try:
                if data[start] != 9:
                    raise WireError("no time")
                time = _DOUBLE(data, start + 1)[0]
                at = start + 9
                step = 0
                if at < stop and data[at] == 16:
                    step = data[at + 1]
                    at += 2
                    if step >= 0x80:
                        step, at = varint(data, at - 1)
                        step = signed(step)
                for behind, width, unpack, names in layouts(stop - at, ()):
                    value_at = stop - behind - width
                    around = data[at:value_at]
                    name = names.get(around + data[stop - behind : stop] if behind else around)
                    if name is not None:
                        found: tuple[tuple[str, float], ...] = ((name, unpack(data, value_at)[0]),)
                        break
                else:
                    step, time, found = self._slowly(data[start:stop], data[at:stop], notes)
            except (WireError, struct.error, IndexError):
                self.unreadable += 1
                continue
            if step >= limit:
                continue
            for name, value in found:
                if (
                    step != group_step
                    or name in group
                    or not -SAME_MOMENT_S < time - group_time < SAME_MOMENT_S
                ):
                    if group:
                        emit(group_step, group_time, group)
                    group = {}
                    group_step, group_time = step, time
                    highest = max(highest, step)
                group[name] = value
        if group:
            emit(group_step, group_time, group)
        if highest > -(1 << 63):
            self.last_step = highest

    def _slowly(
        self, event: bytes, rest: bytes, notes: Notes
    ) -> tuple[int, float, tuple[tuple[str, float], ...]]:
        time, step, summary = 0.0, 0, b""
        for number, kind, value in fields(event):
            if number == 1 and kind == FIXED64:
                time = double(value)
            elif number == 2 and kind == VARINT:
                step = whole(value)
            elif number == 5 and isinstance(value, bytes):
                summary = value
        found = []
        for tag, number_found, content in values(summary):
            if number_found is not None and 0 < len(tag) <= MAX_NAME:
                found.append((self._rename(tag), number_found))
            elif content is not None:
                note(tag, content, notes)
        if len(found) == 1 and self._learned < _MAX_LAYOUTS:
            self._learn(rest, *found[0])
        return step, time, tuple(found)

    def _learn(self, rest: bytes, name: str, value: float) -> None:
        """Remember the layout of one event behind time and step, if the value is a float in it."""
        for code, unpack in (("<f", _FLOAT), ("<d", _DOUBLE)):
            try:
                packed = struct.pack(code, value)
            except OverflowError:
                continue
            at = rest.rfind(packed)
            while at >= 0:
                end = at + len(packed)
                if self._is_scalar(rest[:at] + struct.pack(code, -1234.5) + rest[end:], name, -1234.5):
                    behind = len(rest) - end
                    self._add(len(rest), behind, len(packed), unpack, rest[:at] + rest[end:], name)
                    return
                at = rest.rfind(packed, 0, end - 1)

    def _add(self, length: int, behind: int, width: int, unpack: Any, around: bytes, name: str) -> None:
        known = self._layouts.setdefault(length, [])
        for layout in known:
            if layout[:3] == (behind, width, unpack):
                layout.names[around] = name
                break
        else:
            known.append(_Layout(behind, width, unpack, {around: name}))
        self._learned += 1

    def _is_scalar(self, rest: bytes, name: str, value: float) -> bool:
        """Whether the bytes are one summary of one scalar, and nothing beside it."""
        try:
            parts = list(fields(rest))
            if len(parts) != 1 or parts[0][0] != 5 or not isinstance(parts[0][2], bytes):
                return False
            return [(self._rename(tag), found) for tag, found, _ in values(parts[0][2])] == [(name, value)]
        except (WireError, struct.error):
            return False


def read_head(data: bytes, spans: list[tuple[int, int]], *, is_all: bool) -> Head:
    """What the first events of a file tell before the first summary. `is_all`: the bytes were enough."""
    purge_step, wall_time = None, None
    for start, stop in spans:
        step, tag = 0, None
        try:
            for number, kind, value in fields(data[start:stop]):
                if number == 1 and kind == FIXED64 and wall_time is None:
                    wall_time = double(value)
                elif number == 2:
                    step = whole(value)
                elif number == 5 and isinstance(value, bytes):
                    tag = next((name for name, _, _ in values(value)), "")
                elif number == 7 and isinstance(value, bytes) and (1, VARINT, _START) in fields(value):
                    purge_step = step
        except (WireError, struct.error):
            continue
        if tag is not None:
            return Head(purge_step, True, tag, wall_time)
    return Head(purge_step, is_all, None, wall_time)
