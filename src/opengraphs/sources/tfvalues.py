"""Values of TensorBoard's summaries: scalars in both encodings, and what plug-ins put beside them."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator

from opengraphs.sources.protowire import (
    BYTES,
    FIXED32,
    FIXED64,
    Value,
    WireError,
    fields,
    messages,
    signed,
    single,
    text,
    varint,
    whole,
)

HPARAMS = "_hparams_/"
MAX_TEXT_BYTES = 1 << 18
_BFLOAT16 = 14
_CONTENT = {1: "<f", 2: "<d", 3: "<i", 4: "<B", 5: "<h", 6: "<b", 9: "<q", 10: "<?", 17: "<H", 19: "<e"} | {
    22: "<I",
    23: "<Q",
}
"""Types of tensor (enum DataType) and how one element of each stands in `tensor_content`."""
_WHOLE_FIELDS = {7, 10, 11, 16, 17}


def values(summary: bytes) -> Iterator[tuple[str, float | None, bytes | None]]:
    """(name, number, other content) of each value: the number of a scalar, the content of hparams and texts."""
    for value in messages(summary, 1):
        tag, number, tensor, plugin, content = "", None, None, "", None
        for field, kind, part in fields(value):
            if field == 1:
                tag = text(part)
            elif field == 2 and kind == FIXED32:
                number = single(part)
            elif field == 8 and isinstance(part, bytes):
                tensor = part
            elif field == 9 and isinstance(part, bytes):
                plugin, content = _plugin(part)
        if plugin == "hparams" or tag.startswith(HPARAMS):
            yield tag, None, content
        elif plugin == "text":
            yield tag, None, None if tensor is None else _string(tensor)
        elif number is None and tensor is not None and plugin in ("", "scalars"):
            yield tag, _tensor_number(tensor), None
        else:
            yield tag, number, None


def _plugin(metadata: bytes) -> tuple[str, bytes | None]:
    for plugin in messages(metadata, 1):
        name, content = "", None
        for field, kind, part in fields(plugin):
            if field == 1:
                name = text(part)
            elif field == 2 and kind == BYTES and isinstance(part, bytes):
                content = part
        return name, content
    return "", None


def _tensor_number(tensor: bytes) -> float | None:
    """The number of a tensor that holds a single one; None for any other tensor."""
    dtype, content = 0, b""
    numbers: list[float] = []
    for field, kind, part in fields(tensor):
        if field == 1:
            dtype = whole(part)
        elif field == 4 and isinstance(part, bytes):
            content = part
        elif field == 5:
            numbers += _packed(part, kind, FIXED32, "<f")
        elif field == 6:
            numbers += _packed(part, kind, FIXED64, "<d")
        elif field == 13:
            numbers += [_half(number, dtype) for number in _varints(part)]
        elif field in _WHOLE_FIELDS:
            numbers += [float(number if field == 17 else signed(number)) for number in _varints(part)]
        if len(numbers) > 1:
            return None
    if content and not numbers:
        if dtype == _BFLOAT16 and len(content) == 2:
            return _half(int.from_bytes(content, "little"), dtype)
        code = _CONTENT.get(dtype)
        if code is None or struct.calcsize(code) != len(content):
            return None
        return float(struct.unpack(code, content)[0])
    return numbers[0] if numbers else None


def _packed(part: Value, kind: int, single_kind: int, code: str) -> list[float]:
    if isinstance(part, int):
        raise WireError("not floats")
    if kind == single_kind or len(part) == struct.calcsize(code):
        return [struct.unpack(code, part)[0]]
    return [math.nan] * 2 if part else []  # more than one: the caller wants none of them


def _varints(part: Value) -> list[int]:
    """A repeated varint field, packed or not; two at most."""
    if isinstance(part, int):
        return [part]
    numbers: list[int] = []
    at = 0
    while at < len(part) and len(numbers) < 2:
        number, at = varint(part, at)
        numbers.append(number)
    return numbers


def _half(bits: int, dtype: int) -> float:
    bits &= 0xFFFF
    if dtype == _BFLOAT16:
        return float(struct.unpack("<f", struct.pack("<I", bits << 16))[0])
    return float(struct.unpack("<e", struct.pack("<H", bits))[0])


def _string(tensor: bytes) -> bytes | None:
    return next(messages(tensor, 8), None) if len(tensor) <= MAX_TEXT_BYTES else None
