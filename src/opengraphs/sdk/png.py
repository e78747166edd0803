"""A PNG from rows of bytes, with the standard library alone."""

from __future__ import annotations

import struct
import zlib
from math import isfinite

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List, Tuple

_COLOUR_TYPES = {1: 0, 3: 2, 4: 6}
_FAST = 1
"""zlib level: a picture is written inside `log()`."""


def pixels(image: Any) -> Tuple[int, int, int, List[bytes]]:
    """(width, height, channels, rows) of a PIL image or an array.

    Raises:
        ValueError: the shape is no picture's.
    """
    if hasattr(image, "tobytes") and hasattr(image, "convert"):
        mode = image.mode if image.mode in ("L", "RGB", "RGBA") else "RGB"
        width, height = image.size
        return (width, height, len(mode), _rows(image.convert(mode).tobytes(), width * len(mode), height))
    nested, shape = _nested(image)
    if len(shape) == 2:
        nested, shape = [[[cell] for cell in row] for row in nested], (*shape, 1)
    if len(shape) != 3 or shape[2] not in _COLOUR_TYPES:
        raise ValueError("a picture has shape (height, width[, 1, 3 or 4]), not %s" % (tuple(shape),))
    height, width, channels = shape
    flat = [value for row in nested for pixel in row for value in pixel]
    return width, height, channels, _rows(_as_bytes(flat), width * channels, height)


def _nested(image: Any) -> Tuple[Any, Tuple[int, ...]]:
    """An array as nested lists, channels last, and its shape."""
    is_torch = type(image).__module__.partition(".")[0] == "torch"
    for method in ("detach", "cpu"):
        convert = getattr(image, method, None)
        image = convert() if callable(convert) else image
    if is_torch and image.ndim == 3 and image.shape[0] in _COLOUR_TYPES:
        image = image.permute(1, 2, 0)
    nested = image.tolist() if hasattr(image, "tolist") else image
    shape, inner = [], nested
    while isinstance(inner, (list, tuple)):
        shape.append(len(inner))
        inner = inner[0] if inner else None
    return nested, tuple(shape)


def _as_bytes(values: List[Any]) -> bytes:
    """Floats from 0 to 1 are spread over a byte, truths are black and white, the rest is cut to a byte."""
    if values and isinstance(values[0], float):
        return bytes(min(255, max(0, round(value * 255))) if isfinite(value) else 0 for value in values)
    if values and isinstance(values[0], bool):
        return bytes(255 * value for value in values)
    return bytes(min(255, max(0, value)) for value in values)


def _rows(data: bytes, length: int, height: int) -> List[bytes]:
    return [data[row * length : (row + 1) * length] for row in range(height)]


def write(path: str, width: int, height: int, channels: int, rows: List[bytes]) -> None:
    """Write the file.

    Args:
        channels: 1 grey, 3 colour, 4 colour with transparency; a byte each.
    """
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOUR_TYPES[channels], 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + row for row in rows), _FAST)
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        for name, data in ((b"IHDR", header), (b"IDAT", body), (b"IEND", b"")):
            crc = zlib.crc32(name + data)
            file.write(struct.pack(">I", len(data)) + name + data + struct.pack(">I", crc))
