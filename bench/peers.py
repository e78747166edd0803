"""Trackers measured side by side, each behind the same four calls.

A contestant is imported only in the child process that measures it. `rows` reads back,
in a fresh process, how many calls of `log` a killed process left behind.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sqlite3
import struct
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

Log = Callable[[Mapping[str, float], int], None]


class Contestant:
    """One way to log; this one does not. `needs` is the module that must be installed."""

    label: ClassVar[str] = "no logging"
    needs: ClassVar[str] = ""
    env: ClassVar[dict[str, str]] = {}

    @classmethod
    def is_installed(cls) -> bool:
        return not cls.needs or importlib.util.find_spec(cls.needs) is not None

    def open(self, folder: Path) -> Log:
        """Import, start a run in `folder` and return its log function."""
        return lambda _metrics, _step: None

    def close(self) -> None:
        """Finish the run."""

    @staticmethod
    def rows(folder: Path) -> int:
        """Calls of `log` that can be read back from `folder`."""
        return 0


class BareWrite(Contestant):
    """The floor with a system call: orjson and one `os.write`, no lock, no safety."""

    label = "orjson + os.write"
    needs = "orjson"

    def open(self, folder: Path) -> Log:
        import time

        import orjson

        write, dumps, now = os.write, orjson.dumps, time.time
        newline = orjson.OPT_APPEND_NEWLINE
        self._fd = fd = os.open(folder / "rows.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

        def log(metrics: Mapping[str, float], step: int) -> None:
            write(fd, dumps({"step": step, "time": now(), "metrics": metrics}, option=newline))

        return log

    def close(self) -> None:
        os.close(self._fd)

    @staticmethod
    def rows(folder: Path) -> int:
        return (folder / "rows.jsonl").read_bytes().count(b"\n")


class Og(Contestant):
    """og as it is, with the fastest encoder there is."""

    label = "og (orjson)"
    needs = "orjson"
    hidden: ClassVar[tuple[str, ...]] = ()

    def open(self, folder: Path) -> Log:
        for name in self.hidden:
            sys.modules[name] = None  # type: ignore[assignment]
        import opengraphs as og

        og.init(project="bench", store=folder)
        log: Log = og.log
        return log

    def close(self) -> None:
        import opengraphs as og

        og.finish()

    @staticmethod
    def rows(folder: Path) -> int:
        paths = folder.glob("runs/*/metrics/*.jsonl")
        lines = (line for path in paths for line in path.read_bytes().split(b"\n")[:-1])
        return sum("step" in json.loads(line.strip(b"\0")) for line in lines)


class OgStdlib(Og):
    """og where nothing is installed: the standard library encodes."""

    label = "og (stdlib only)"
    needs = ""
    hidden = ("orjson", "msgspec")


class OgAppend(Og):
    """og on a file system that cannot be mapped."""

    label = "og (orjson, append)"
    env: ClassVar[dict[str, str]] = {"OG_JOURNAL": "append"}


class Trackio(Contestant):
    label = "trackio"
    needs = "trackio"

    def open(self, folder: Path) -> Log:
        os.environ["TRACKIO_DIR"] = str(folder)
        import trackio

        trackio.init(project="bench")
        self._finish = trackio.finish
        return lambda metrics, step: trackio.log(dict(metrics), step=step)

    def close(self) -> None:
        self._finish()

    @staticmethod
    def rows(folder: Path) -> int:
        databases = list(folder.glob("*.db"))
        if not databases:
            return 0
        with sqlite3.connect(databases[0]) as database:
            try:
                return int(database.execute("select count(*) from metrics").fetchone()[0])
            except sqlite3.OperationalError:
                return 0


class Wandb(Contestant):
    label = "wandb offline"
    needs = "wandb"
    env: ClassVar[dict[str, str]] = {"WANDB_MODE": "offline", "WANDB_SILENT": "true"}

    def open(self, folder: Path) -> Log:
        import wandb

        self._run = wandb.init(project="bench", dir=str(folder))
        log = self._run.log
        return lambda metrics, step: log(dict(metrics), step=step)

    def close(self) -> None:
        self._run.finish()

    @staticmethod
    def rows(folder: Path) -> int:
        from wandb.proto.wandb_internal_pb2 import Record

        count = 0
        for path in folder.glob("wandb/offline-run-*/*.wandb"):
            for data in leveldb_records(path.read_bytes()[7:], first_block=(32 << 10) - 7):
                record = Record()
                record.ParseFromString(data)
                count += record.WhichOneof("record_type") == "history"
        return count


class TensorboardX(Contestant):
    """One event a scalar, as training code calls it."""

    label = "tensorboardX"
    needs = "tensorboardX"

    def open(self, folder: Path) -> Log:
        from tensorboardX import SummaryWriter

        self._writer = SummaryWriter(str(folder))
        add = self._writer.add_scalar

        def log(metrics: Mapping[str, float], step: int) -> None:
            for key, value in metrics.items():
                add(key, value, step)

        return log

    def close(self) -> None:
        self._writer.close()

    @staticmethod
    def rows(folder: Path) -> int:
        events = sum(1 for path in folder.glob("events.*") for _ in tfrecords(path.read_bytes()))
        return max(0, events - 1) // 10  # the first event names the file's version


def leveldb_records(data: bytes, *, first_block: int, block: int = 32 << 10) -> Iterator[bytes]:
    """Records of a leveldb log up to the first that is torn; the file's own header taken off."""
    at, left, parts = 0, first_block, b""
    while at + 7 <= len(data):
        if left < 7:
            at, left = at + left, block
            continue
        length, kind = struct.unpack("<HB", data[at + 4 : at + 7])
        body = data[at + 7 : at + 7 + length]
        if kind == 0 or len(body) < length:
            return
        at, left = at + 7 + length, left - 7 - length
        parts += body
        if kind in (1, 4):  # whole, or the last part
            yield parts
            parts = b""


def tfrecords(data: bytes) -> Iterator[bytes]:
    """Records of a TFRecord file up to the first that is torn."""
    at = 0
    while at + 12 <= len(data):
        (length,) = struct.unpack("<Q", data[at : at + 8])
        end = at + 12 + length
        if end + 4 > len(data):
            return
        yield data[at + 12 : end]
        at = end + 4


CONTESTANTS: dict[str, type[Contestant]] = {
    "nothing": Contestant,
    "os.write": BareWrite,
    "og": Og,
    "og-stdlib": OgStdlib,
    "og-append": OgAppend,
    "trackio": Trackio,
    "wandb": Wandb,
    "tensorboardX": TensorboardX,
}


def contestant(name: str) -> Any:
    """A fresh contestant by its key in `CONTESTANTS`."""
    return CONTESTANTS[name]()
