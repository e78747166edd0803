"""Both viewers over a slow line: how long a key takes to show while live charts are drawn, at 32 kB/s and 150 ms each way.

Between the viewer's terminal and the one that is looked at lies a model of SSH on a bad network:
it takes everything at once, like sshd with its buffers, carries so many bytes a second, in
order, and each direction takes its time. The far terminal answers queries, so an answer is
a round trip away, too. Nothing is lost.
"""

from __future__ import annotations

import argparse
import os
import re
import select
import shutil
import statistics
import tempfile
import time
from collections import deque
from pathlib import Path
from typing import NamedTuple

from bench.pty_meter import QUERIES, Meter
from bench.tui_cases import TYPED, answered_ms, typed
from bench.tui_viewers import BRAILLE, Viewer, daemon, leet_viewer, live_run, og_viewer

BUDGET_MS = 500.0
PIECE = 256
"""Bytes that arrive together: the line is no smoother than that."""


class SlowLine(Meter):
    """A program at the far end of a line. `read` delivers what has come out of it."""

    def __init__(
        self, command: list[str], *, bytes_per_s: float, delay_s: float, env: dict[str, str]
    ) -> None:
        self._rate, self._delay_s = bytes_per_s, delay_s
        self._down: deque[tuple[float, bytes]] = deque()
        self._up: deque[tuple[float, bytes]] = deque()
        self._free_at = 0.0
        super().__init__(command, env=env)

    @property
    def backlog(self) -> int:
        """Bytes under way to the far terminal."""
        return sum(len(data) for _, data in self._down)

    def send(self, keys: bytes) -> None:
        self._up.append((time.perf_counter() + self._delay_s, keys))

    def read(self, timeout_s: float) -> bool:
        """Let the line work for at most that long; True when something arrived."""
        end = time.perf_counter() + timeout_s
        while True:
            now = time.perf_counter()
            while self._up and self._up[0][0] <= now:
                os.write(self._fd, self._up.popleft()[1])
            arrived = b""
            while self._down and self._down[0][0] <= now:
                arrived += self._down.popleft()[1]
            if arrived:
                self._deliver(arrived)
                return True
            if now >= end:
                return False
            due = [queue[0][0] for queue in (self._up, self._down) if queue]
            wait = max(0.0, min([end, *due]) - now)
            if select.select([self._fd], [], [], wait)[0] and not self._take_in():
                return False

    def _take_in(self) -> bool:
        try:
            data = os.read(self._fd, 1 << 16)
        except OSError:
            return False
        now = time.perf_counter()
        for at in range(0, len(data), PIECE):
            piece = data[at : at + PIECE]
            self._free_at = max(now, self._free_at) + len(piece) / self._rate
            self._down.append((self._free_at + self._delay_s, piece))
        return bool(data)

    def _deliver(self, data: bytes) -> None:
        self.arrived_s = self.elapsed_s
        self.bytes_seen += len(data)
        self.writes_seen += 1
        for pattern, answer in QUERIES:
            for _ in pattern.findall(data):
                self.send(answer)
        self._stream.feed(re.sub(rb"\x1b\[[<=>][0-9;]*[a-zA-Z]|\x1b[P_][^\x1b]*\x1b\\", b"", data))


class Figures(NamedTuple):
    """Milliseconds from a key to its picture, the line's own two ways in it; what the line carries when nobody types."""

    letters: list[float]
    help: list[float]
    bytes_per_s: float
    most_under_way: int


def opened(line: SlowLine, viewer: Viewer, times: int, pause_s: float) -> list[float]:
    """Help over everything, and away again: about the biggest picture a key asks for."""
    out = []
    for _ in range(times):
        out.append(answered_ms(line, viewer.help_key, lambda screen: viewer.help_text in screen))
        line.settle(pause_s)
        out.append(answered_ms(line, viewer.help_key, lambda screen: viewer.help_text not in screen))
        line.settle(pause_s)
    return out


def measure(viewer: Viewer, *, bytes_per_s: float, delay_s: float, words: int, helps: int) -> Figures:
    """One viewer on a live run of ten metrics at 10 Hz."""
    case = "slow"
    with (
        live_run(viewer, case, seconds=120 + 10.0 * words),
        SlowLine(
            viewer.open_live(viewer.place(case)),
            bytes_per_s=bytes_per_s,
            delay_s=delay_s,
            env=viewer.environ(case),
        ) as line,
    ):
        if line.wait(lambda text: bool(BRAILLE.search(text)), 30) is None:
            raise SystemExit(f"bench: no curve\n{line.text()}")
        line.settle(5.0)
        began, before, most = time.perf_counter(), line.bytes_seen, 0
        while time.perf_counter() - began < 8.0:
            line.read(0.05)
            most = max(most, line.backlog)
        rate = (line.bytes_seen - before) / (time.perf_counter() - began)
        letters = [ms for _ in range(words) for ms in typed(line, viewer, TYPED, 0.37)]
        return Figures(letters, opened(line, viewer, helps, 0.83), rate, most)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kb-per-s", type=float, default=32.0)
    parser.add_argument("--delay-ms", type=float, default=150.0, help="each way")
    parser.add_argument("--og", help="the og to measure; default: the one beside this interpreter")
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="og-slow-"))
    og = og_viewer(folder / "og", args.og)
    late = 0.0
    print(f"p50 and worst in ms; {2 * args.delay_ms:.0f} ms of each is the line itself")
    try:
        daemon(og, "start")
        for viewer in filter(None, (og, leet_viewer(folder / "leet"))):
            found = measure(
                viewer,
                bytes_per_s=args.kb_per_s * 1000,
                delay_s=args.delay_ms / 1000,
                words=1 if args.quick else 4,
                helps=3 if args.quick else 5,
            )
            print(
                f"{viewer.name:>10}: letter {statistics.median(found.letters):5.0f} {max(found.letters):5.0f}"
                f"   help {statistics.median(found.help):5.0f} {max(found.help):5.0f}"
                f"   live {found.bytes_per_s / 1000:.1f} kB/s, at most {found.most_under_way / 1000:.1f} kB under way"
            )
            late = max(found.letters) if viewer is og else late
    finally:
        daemon(og, "stop")
        shutil.rmtree(folder, ignore_errors=True)
    print(
        f"budget: a letter within {BUDGET_MS:.0f} ms: {'kept' if late <= BUDGET_MS else f'missed by {late - BUDGET_MS:.0f} ms'}"
    )
    return 0 if late <= BUDGET_MS else 1


if __name__ == "__main__":
    raise SystemExit(main())
