"""The other readers: `wandb leet`, TensorBoard's event accumulator and Trackio, on the same points.

Each writes the points into its own format (straight into the file, as its SDK would have
after hours) and opens them as its user's screen does. The library ones work in a process
of their own, so that their memory is theirs alone:

    python -m bench.engine_peers NAME FOLDER KEYS RECORDS   prints one JSON object
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import json
import os
import re
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

from bench.engine_home import Memory, forget_pages
from bench.engine_points import BEGAN, STEP_S, Shape, columns, rows, wide
from bench.peers import leveldb_records

BIN = Path(sys.executable).parent
BRAILLE = re.compile("[\u2801-\u28ff]")
QUIET_S = 1.5
"""A viewer that used next to no processor time for so long has read what there is."""
LIMIT_S = 180.0


class Peer:
    """One reader. `most_points`: beyond it a measurement would take longer than all the rest."""

    label: ClassVar[str] = ""
    package: ClassVar[str] = ""
    most_points: ClassVar[int] = 10_000_000

    @classmethod
    def why_not(cls) -> str:
        """Empty, or why it cannot be measured here."""
        return "" if importlib.util.find_spec(cls.package) else "not installed"

    @classmethod
    def version(cls) -> str:
        return importlib.metadata.version(cls.package)

    @staticmethod
    def write(folder: Path, shape: Shape) -> None:
        raise NotImplementedError

    @classmethod
    def open(cls, folder: Path, shape: Shape) -> dict[str, float]:
        """`cold_ms`, `whole_ms`, `warm_ms`, `zoom_ms`, `rss_mb`: what it has of these; the
        files are not in the page cache."""
        forget_pages(folder)
        return child(cls.label, folder, shape)

    @staticmethod
    def measure(folder: Path, shape: Shape) -> dict[str, float]:
        """The same, in the process that is measured."""
        raise NotImplementedError


def child(name: str, folder: Path, shape: Shape) -> dict[str, float]:
    """`Peer.measure` in a process of its own."""
    command = [sys.executable, "-m", "bench.engine_peers", name, str(folder)]
    command += [str(len(shape.keys)), str(shape.records)]
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    if done.returncode:
        raise RuntimeError(f"{name} failed: {done.stderr.strip().splitlines()[-1:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])  # type: ignore[no-any-return]


def _expect(what: str, found: float, wanted: float) -> None:
    if found != wanted:
        raise RuntimeError(f"{what}: {found!r} came back instead of {wanted!r}")


# -- wandb leet ----------------------------------------------------------------------------------------


class Leet(Peer):
    """W&B's terminal interface in a pseudo-terminal of 120×40, as `wandb leet FOLDER`.

    Its first curve is drawn from the oldest thousand records; `whole` is when its process
    tree falls quiet. Its Python wrapper (0.4 s) is part of both, as for its user.
    """

    label = "wandb leet"
    package = "wandb"

    @staticmethod
    def write(folder: Path, shape: Shape) -> None:
        """A short offline run of wandb's own, its history replaced by ours."""
        from wandb.proto.wandb_internal_pb2 import Record

        header, before, after, path = leet_template(folder)
        with path.open("wb") as file:
            file.write(header)
            frames = Frames(file.write)
            for data in before:
                frames.add(data)
            for number, data in enumerate(wandb_history(shape)):
                if number == 0:
                    record = Record()
                    record.ParseFromString(data)
                    _expect("items of a history record", len(record.history.item), len(shape.keys) + 3)
                frames.add(data)
            for data in after:
                frames.add(data)

    @classmethod
    def open(cls, folder: Path, shape: Shape) -> dict[str, float]:
        from bench.pty_meter import Meter, cpu_s, process_tree

        forget_pages(folder)
        env = {"WANDB_MODE": "offline", "WANDB_CONFIG_DIR": str(folder / "config"), "HOME": str(folder)}
        with Meter([str(BIN / "wandb"), "leet", str(folder / "wandb")], env=env) as meter:
            first_s = meter.wait(lambda text: bool(BRAILLE.search(text)), 60)
            if first_s is None:
                raise RuntimeError(f"wandb leet showed no curve:\n{meter.text()}")
            peak, used, quiet_since = 0.0, 0.0, time.perf_counter()
            while time.perf_counter() - quiet_since < QUIET_S and meter.elapsed_s < LIMIT_S:
                meter.settle(0.05)
                pids = process_tree(meter.pid)
                peak = max(peak, _rss_mb(pids))
                now = cpu_s(pids)
                if now - used > 0.02:
                    quiet_since = time.perf_counter()
                used = now
            whole_s = meter.elapsed_s - (time.perf_counter() - quiet_since)
        return {"cold_ms": first_s * 1e3, "whole_ms": whole_s * 1e3, "rss_mb": peak, "cpu_ms": used * 1e3}


def leet_template(folder: Path) -> tuple[bytes, list[bytes], list[bytes], Path]:
    """Of a short offline run: the file's header, its records before and after the history, and the file."""
    from wandb.proto.wandb_internal_pb2 import Record

    path = _tiny_run(folder)
    before: list[bytes] = []
    after: list[bytes] = []
    for data in leveldb_records(path.read_bytes()[7:], first_block=(32 << 10) - 7):
        record = Record()
        record.ParseFromString(data)
        if record.WhichOneof("record_type") in ("history", "summary"):
            continue
        (after if record.WhichOneof("record_type") == "exit" else before).append(data)
    return path.read_bytes()[:7], before, after, path


def _rss_mb(pids: list[int]) -> float:
    total = 0.0
    for pid in pids:
        with contextlib.suppress(OSError, KeyError):
            total += Memory(pid).pss
    return total


def _tiny_run(folder: Path) -> Path:
    code = (
        "import wandb\n"
        f"run = wandb.init(project='bench', dir={str(folder)!r}, name='points', mode='offline')\n"
        "run.log({'x': 1.0}, step=0)\n"
        "run.finish()\n"
    )
    env = {**os.environ, "WANDB_SILENT": "true", "WANDB_MODE": "offline", "HOME": str(folder)}
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, "-c", code], env=env, check=True, capture_output=True, cwd=folder)
    return next(folder.glob("wandb/offline-run-*/*.wandb"))


def wandb_history(shape: Shape) -> Iterator[bytes]:
    """wandb's history records: each value as JSON text beside its key."""
    number = 1_000
    for step, at, metrics in rows(shape):
        items = b"".join(_item(key.encode(), repr(value).encode()) for key, value in metrics.items())
        items += _item(b"_timestamp", repr(at).encode())
        items += _item(b"_runtime", repr(at - BEGAN).encode()) + _item(b"_step", b"%d" % step)
        history = items + _field(2, b"\x08" + _varint(step))
        number += 1
        yield b"\x08" + _varint(number) + _field(2, history)


def _item(key: bytes, value: bytes) -> bytes:
    return _field(1, _field(2, key) + _field(16, value))


def _field(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


class Frames:
    """wandb's LevelDB framing: blocks of 32 KiB, seven bytes before each part."""

    BLOCK = 32 << 10

    def __init__(self, write: Callable[[bytes], Any]) -> None:
        self._write = write
        self._at = 7  # the file's own header

    def add(self, data: bytes) -> None:
        is_first = True
        while is_first or data:
            left = self.BLOCK - self._at % self.BLOCK
            if left < 7:
                self._put(bytes(left))
                left = self.BLOCK
            part, data = data[: left - 7], data[left - 7 :]
            kind = (1 if not data else 2) if is_first else (4 if not data else 3)
            crc = zlib.crc32(part, zlib.crc32(bytes([kind])))
            self._put(struct.pack("<IHB", crc, len(part), kind) + part)
            is_first = False

    def _put(self, data: bytes) -> None:
        self._write(data)
        self._at += len(data)


# -- TensorBoard -----------------------------------------------------------------------------------------


class TensorBoard(Peer):
    """`EventAccumulator(size_guidance={"scalars": 0}).Reload()`: every point, as TensorBoard's
    Python reader keeps them. It reads all before it shows anything."""

    label = "TensorBoard"
    package = "tensorboard"
    most_points = 1_000_000

    @staticmethod
    def write(folder: Path, shape: Shape) -> None:
        from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

        folder.mkdir(parents=True, exist_ok=True)
        tags = [_field(1, key.encode()) for key in shape.keys]
        with (folder / f"events.out.tfevents.{int(BEGAN)}.bench").open("wb") as file:

            def put(event: bytes) -> None:
                length = struct.pack("<Q", len(event))
                file.write(length + struct.pack("<I", masked_crc32c(length)))
                file.write(event + struct.pack("<I", masked_crc32c(event)))

            put(b"\x09" + struct.pack("<d", BEGAN) + _field(3, b"brain.Event:2"))
            for start, values in columns(shape):
                for place, row in enumerate(values.tolist()):
                    step = start + place
                    head = b"\x09" + struct.pack("<d", BEGAN + STEP_S * step) + b"\x10" + _varint(step)
                    for tag, value in zip(tags, row, strict=True):
                        summary = _field(1, tag + b"\x15" + struct.pack("<f", value))
                        put(head + _field(5, summary))

    @staticmethod
    def measure(folder: Path, shape: Shape) -> dict[str, float]:
        began, used = time.perf_counter(), time.process_time()
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
        events.Reload()
        curve = [event.value for event in events.Scalars(shape.keys[0])]
        cold_ms = (time.perf_counter() - began) * 1e3
        cpu = (time.process_time() - used) * 1e3
        _expect("TensorBoard's points", len(curve), shape.records)
        warm_ms = _median_ms(lambda: [(event.step, event.value) for event in events.Scalars(shape.keys[0])])
        low, high = 0.4 * shape.records, 0.41 * shape.records
        zoom_ms = _median_ms(
            lambda: [(e.step, e.value) for e in events.Scalars(shape.keys[0]) if low <= e.step <= high]
        )
        return {
            "cold_ms": cold_ms, "whole_ms": cold_ms, "warm_ms": warm_ms, "zoom_ms": zoom_ms,
            "rss_mb": Memory(os.getpid()).peak, "cpu_ms": cpu, "last": curve[-1],
        }  # fmt: skip


# -- Trackio -----------------------------------------------------------------------------------------------


class Trackio(Peer):
    """Its SQLite store, through the call its dashboard makes: at most 3 000 rows, evenly
    taken, so that a spike between them is not seen."""

    label = "Trackio"
    package = "trackio"

    @staticmethod
    def write(folder: Path, shape: Shape) -> None:
        code = (
            "import sys, datetime\n"
            "from bench.engine_points import rows, wide\n"
            "from trackio.sqlite_storage import SQLiteStorage as S\n"
            "stamp = lambda at: datetime.datetime.fromtimestamp(at, datetime.timezone.utc).isoformat()\n"
            "steps, metrics, times = [], [], []\n"
            f"for step, at, values in rows(wide({shape.records}, keys={len(shape.keys)})):\n"
            "    steps.append(step); metrics.append(values); times.append(stamp(at))\n"
            "    if len(steps) == 50_000:\n"
            "        S.bulk_log('bench', 'points', metrics, steps, times); steps, metrics, times = [], [], []\n"
            "S.bulk_log('bench', 'points', metrics, steps, times)\n"
        )
        folder.mkdir(parents=True, exist_ok=True)
        env = {**os.environ, "TRACKIO_DIR": str(folder), "HF_HUB_OFFLINE": "1"}
        subprocess.run([sys.executable, "-c", code], env=env, check=True, capture_output=True)

    @staticmethod
    def measure(folder: Path, shape: Shape) -> dict[str, float]:
        os.environ["TRACKIO_DIR"] = str(folder)
        os.environ["HF_HUB_OFFLINE"] = "1"
        began, used = time.perf_counter(), time.process_time()
        from trackio.sqlite_storage import SQLiteStorage

        key = shape.keys[0]

        def dashboard(points: int = 3000) -> list[float]:
            logs = SQLiteStorage.get_logs("bench", "points", max_points=points, scalar_only=True)
            return [row[key] for row in logs if key in row]

        curve = dashboard()
        cold_ms = (time.perf_counter() - began) * 1e3
        if not 1000 <= len(curve) <= max(3001, shape.records):
            raise RuntimeError(f"{len(curve)} points came back from Trackio")
        warm_ms = _median_ms(dashboard)
        near = int(0.405 * shape.records)
        zoom_ms = _median_ms(
            lambda: SQLiteStorage.get_metric_values(
                "bench", "points", key, around_step=near, window=0.005 * shape.records
            )
        )
        cpu = (time.process_time() - used) * 1e3
        result = {"cold_ms": cold_ms, "warm_ms": warm_ms, "zoom_ms": zoom_ms, "cpu_ms": cpu}
        began = time.perf_counter()
        whole = SQLiteStorage.get_metric_values("bench", "points", key)
        result["whole_ms"] = (time.perf_counter() - began) * 1e3
        _expect("Trackio's points", len(whole), shape.records)
        return {**result, "last": whole[-1]["value"], "rss_mb": Memory(os.getpid()).peak}


def _median_ms(call: Callable[[], Any]) -> float:
    from bench.engine_rows import MIN_REPEATS, repeat_ms

    return repeat_ms(call, MIN_REPEATS).median


PEERS: dict[str, type[Peer]] = {peer.label: peer for peer in (Leet, TensorBoard, Trackio)}


def main() -> None:
    name, folder, keys, records = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    print(json.dumps(PEERS[name].measure(folder, wide(records, keys=keys))))


if __name__ == "__main__":
    main()
