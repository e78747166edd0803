"""Event files and `.wandb` files written by hand, so that tests can break them where they want."""

from __future__ import annotations

import json
import struct
import zlib
from typing import Any

from opengraphs.sources.leveldblog import BLOCK_BYTES, FILE_HEADER
from opengraphs.sources.tfrecord import masked_crc


def varint(number: int) -> bytes:
    number &= (1 << 64) - 1
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out) + bytes([number])


def field(number: int, value: bytes | int) -> bytes:
    """A field of a message: a number as varint, bytes with their length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def double_field(number: int, value: float) -> bytes:
    return varint(number << 3 | 1) + struct.pack("<d", value)


def float_field(number: int, value: float) -> bytes:
    return varint(number << 3 | 5) + struct.pack("<f", value)


# -- event files -----------------------------------------------------------------------------------


def framed(payload: bytes) -> bytes:
    """One TFRecord."""
    length = struct.pack("<Q", len(payload))
    crcs = struct.pack("<I", masked_crc(length)), struct.pack("<I", masked_crc(payload))
    return length + crcs[0] + payload + crcs[1]


def event(step: int = 0, time: float = 1_700_000_000.0, *, rest: bytes = b"") -> bytes:
    return framed(double_field(1, time) + (field(2, step) if step else b"") + rest)


def version(time: float = 1_700_000_000.0) -> bytes:
    return event(0, time, rest=field(3, b"brain.Event:2"))


def scalar(tag: str, value: float, step: int, time: float = 1_700_000_000.0) -> bytes:
    value_message = field(1, tag.encode()) + float_field(2, value)
    return event(step, time, rest=field(5, field(1, value_message)))


def session_start(step: int) -> bytes:
    return event(step, rest=field(7, field(1, 1)))


def text_summary(tag: str, text: str) -> bytes:
    tensor = field(1, 7) + field(8, text.encode())
    metadata = field(1, field(1, b"text"))
    return event(rest=field(5, field(1, field(1, tag.encode()) + field(8, tensor) + field(9, metadata))))


def hparams_end(status: int, ended_at: float | None) -> bytes:
    end = field(1, status) + (double_field(2, ended_at) if ended_at else b"")
    content = field(4, end)
    metadata = field(1, field(1, b"hparams") + field(2, content))
    return event(rest=field(5, field(1, field(1, b"_hparams_/session_end_info") + field(9, metadata))))


# -- .wandb files ----------------------------------------------------------------------------------


class WandbLog:
    """The bytes of a `.wandb` file as they grow."""

    def __init__(self) -> None:
        self.data = bytearray(FILE_HEADER)

    def add(self, record: bytes) -> int:
        """Append a record; where it ends."""
        first = True
        while True:
            left = BLOCK_BYTES - len(self.data) % BLOCK_BYTES
            if left < 7:
                self.data += bytes(left)
                continue
            part, record = record[: left - 7], record[left - 7 :]
            kind = (1 if first else 4) if not record else (2 if first else 3)
            crc = zlib.crc32(bytes([kind]) + part)
            self.data += struct.pack("<IHB", crc, len(part), kind) + part
            first = False
            if not record:
                return len(self.data)


def _item(path: tuple[str, ...], value: Any, *, is_raw: bool = False) -> bytes:
    key = b"".join(field(2, part.encode()) for part in path)
    return key + field(16, value.encode() if is_raw else json.dumps(value).encode())


def timestamp(seconds: float) -> bytes:
    return field(1, int(seconds)) + field(2, round(seconds % 1 * 1e9))


def wandb_run(name: str = "a run", started: float = 1_700_000_000.0, **config: Any) -> bytes:
    items = b"".join(
        field(1, field(1, key.encode()) + field(16, json.dumps(value).encode()))
        for key, value in config.items()
    )
    run = (
        field(1, b"abc")
        + field(3, b"proj")
        + field(4, items)
        + field(8, name.encode())
        + field(17, timestamp(started))
    )
    return field(1, 1) + field(17, run)


def wandb_row(step: int, time: float = 1_700_000_001.0, /, **values: Any) -> bytes:
    """A row of history; `a__b` is a nested key."""
    named = {"_step": step, "_timestamp": time, **values}
    items = b"".join(field(1, _item(tuple(key.split("__")), value)) for key, value in named.items())
    return field(1, step + 2) + field(2, items + field(2, field(1, step)))


def wandb_summary(**values: Any) -> bytes:
    items = b"".join(
        field(1, field(1, key.encode()) + field(16, json.dumps(value).encode()))
        for key, value in values.items()
    )
    return field(1, 3) + field(3, items)


def wandb_exit(code: int = 0, runtime: int = 2) -> bytes:
    return field(1, 9) + field(18, (field(1, code) if code else b"") + field(2, runtime))


def wandb_output(line: bytes, time: float = 1_700_000_001.0) -> bytes:
    return field(13, field(1, 1) + field(2, timestamp(time)) + field(3, line))


def wandb_stats(time: float, **figures: float) -> bytes:
    items = b"".join(
        field(3, field(1, key.encode()) + field(16, json.dumps(value).encode()))
        for key, value in figures.items()
    )
    return field(7, field(2, timestamp(time)) + items)
