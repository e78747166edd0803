"""What only a clock can tell: a run that has gone silent, a rank that hangs, a process that died, and of what."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from opengraphs.alerts.finding import Finding
from opengraphs.alerts.settings import Settings

_GAPS = 200
_LEAST_GAPS = 10
_GRACE_S = 600.0
"""Before so many gaps are known, silence means nothing for so long."""
_LAG_GAPS = 3
_TWICE_S = 1.0
"""Silence must be seen at two moments so far apart: a machine that slept has only slept."""
_OOM = re.compile(
    r"CUDA out of memory|OutOfMemoryError|out of memory|MemoryError|Cannot allocate memory|oom-kill|Killed process", re.IGNORECASE
)  # fmt: skip
_ERROR = re.compile(
    r"^(?:[A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Warning|Exit)\b.*|RuntimeError.*|NCCL .*error.*)$"
)
_MOST_TEXT = 300


class RunLook(NamedTuple):
    """A look at the run from outside, at a tick.

    status: as DESIGN section 2. live: its process is there. oom_killed: the kernel ended it for want of
    memory. log_tail: the last lines of its output, "" while it lives.
    """

    status: str
    live: bool
    exit_code: int | None = None
    signal: int | None = None
    oom_killed: bool = False
    log_tail: str = ""


class _Beat:
    """The points of one rank: when the last one came, and the gaps between them."""

    __slots__ = ("gaps", "largest", "step", "time")

    def __init__(self) -> None:
        self.time: float | None = None
        self.step = -1
        self.gaps: list[float] = []
        self.largest = 0.0

    def add(self, step: int, time: float) -> None:
        if self.time is not None and time > self.time:
            gap = time - self.time
            self.gaps.append(gap)
            if len(self.gaps) > _GAPS:
                del self.gaps[0]
            self.largest = max(self.largest * 0.999, gap)
        self.time = time if self.time is None else max(self.time, time) if time > self.time - 60 else time
        self.step = step

    def usual(self, share: float) -> float:
        """The gap below which that share of them lies."""
        return sorted(self.gaps)[min(len(self.gaps) - 1, int(share * len(self.gaps)))] if self.gaps else 0.0


class Pulse:
    """Heartbeats of a run and of its ranks."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._all = _Beat()
        self._ranks: dict[int, _Beat] = {}
        self._silent_at: float | None = None
        self._hot: list[str] = []
        self._ended = ""

    def point(self, step: int, time: float, rank: int) -> None:
        """Something was logged."""
        beat = self._all
        if beat.time is None or time > beat.time or time < beat.time - 60:
            beat.add(step, time)
        if rank or self._ranks:
            own = self._ranks.setdefault(rank, _Beat())
            if own.step != step:
                own.add(step, time)

    def tick(self, now: float, look: RunLook) -> list[Finding]:
        """What is to be said now."""
        if not look.live:
            return [*self._all_clear(now), *self._end(now, look)]
        self._ended = ""
        found = self._ranks_of(now)
        stalled = not found and self._is_silent(now)
        return [
            *found,
            *self._say("stall", "", stalled, now, "error", self._stall_title(now), self._stall_figures(now)),
        ]

    def _is_silent(self, now: float) -> bool:
        beat = self._all
        if beat.time is None:
            return False
        if now - beat.time <= self._patience_s():
            self._silent_at = None
            return False
        if self._silent_at is None or now < self._silent_at:
            self._silent_at = now
        return now - self._silent_at >= _TWICE_S

    def _patience_s(self) -> float:
        beat, least = self._all, self._settings.after_s["stall"]
        if len(beat.gaps) < _LEAST_GAPS:
            return max(least, _GRACE_S if least >= 60 else 10 * least)
        return max(least, 10 * beat.usual(0.95), 2 * beat.largest)

    def _stall_title(self, now: float) -> str:
        return (
            f"nothing was logged for {max(0.0, now - (self._all.time or now)):.0f} s, and the process lives"
        )

    def _stall_figures(self, now: float) -> dict[str, Any]:
        return {
            "silent_s": round(max(0.0, now - (self._all.time or now)), 1),
            "usual_gap_s": float(f"{self._all.usual(0.5):.4g}"),
            "threshold_s": float(f"{self._patience_s():.4g}"),
            "last_step": self._all.step,
        }

    def _ranks_of(self, now: float) -> list[Finding]:
        """Ranks that fall behind while others go on."""
        if len(self._ranks) < 2:
            return []
        front = max(beat.step for beat in self._ranks.values())
        newest = max(beat.time or 0.0 for beat in self._ranks.values())
        found: list[Finding] = []
        for rank, beat in sorted(self._ranks.items()):
            silent = newest - (beat.time or newest)
            gap = max(beat.usual(0.95), 1e-3)
            behind = (
                front > beat.step
                and silent > max(self._settings.after_s["silent_rank"], 10 * gap)
                and silent > _LAG_GAPS * gap
            )
            figures = {"rank": rank, "silent_s": round(silent, 1), "step": beat.step, "front_step": front}
            found += self._say(
                "silent_rank",
                f"rank {rank}",
                behind,
                now,
                "error",
                f"rank {rank} is silent while others go on",
                figures,
            )
        return found

    def _say(
        self,
        detector: str,
        metric: str,
        hot: bool,
        now: float,
        level: Any,
        title: str,
        figures: dict[str, Any],
    ) -> list[Finding]:
        name = f"{detector}:{metric}"
        was = name in self._hot
        if detector in self._settings.off or (not hot and not was):
            return []
        if hot and not was:
            self._hot.append(name)
        elif not hot:
            self._hot.remove(name)
        level = self._settings.level_of(detector, level)
        step = self._all.step if self._all.step >= 0 else None
        return [Finding(detector, metric, hot, step, now, step, level, title, "", figures)]

    def _all_clear(self, now: float) -> list[Finding]:
        """The process is gone: nothing hangs any more."""
        found: list[Finding] = []
        for name in list(self._hot):
            detector, _, metric = name.partition(":")
            found += self._say(detector, metric, False, now, "info", "", {})
        return found

    def _end(self, now: float, look: RunLook) -> list[Finding]:
        if look.status not in ("failed", "crashed") or self._ended or "crash" in self._settings.off:
            return []
        self._ended = look.status
        title, text = cause_of(look)
        step = self._all.step if self._all.step >= 0 else None
        figures = {
            name: value
            for name, value in (("exit_code", look.exit_code), ("signal", look.signal), ("last_step", step))
            if value is not None
        }
        level = self._settings.level_of("crash", "error")
        return [Finding("crash", "", True, step, now, step, level, title, text, figures)]

    def state(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "all": _beat_state(self._all),
            "ranks": [[rank, _beat_state(beat)] for rank, beat in self._ranks.items()],
            "silent_at": self._silent_at,
            "hot": list(self._hot),
            "ended": self._ended,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """As `state()` was."""
        self._all = _beat_of(state["all"])
        self._ranks = {rank: _beat_of(kept) for rank, kept in state["ranks"]}
        self._silent_at, self._hot, self._ended = state["silent_at"], list(state["hot"]), state["ended"]


def cause_of(look: RunLook) -> tuple[str, str]:
    """What a run died of, as far as its end and its last lines say: a title, and the line that says so."""
    lines = [line.strip() for line in look.log_tail.splitlines() if line.strip()]
    oom = next((line for line in reversed(lines) if _OOM.search(line)), "")
    error = next((line for line in reversed(lines) if _ERROR.match(line)), "")
    if look.oom_killed:
        return "killed: the machine ran out of memory", oom[:_MOST_TEXT]
    if oom and look.status in ("failed", "crashed"):
        return "out of memory", oom[:_MOST_TEXT]
    if look.signal:
        return f"ended by signal {look.signal}", error[:_MOST_TEXT]
    if look.status == "crashed":
        return "the process is gone, and nothing says why", error[:_MOST_TEXT]
    return f"failed with exit code {look.exit_code}", error[:_MOST_TEXT]


def _beat_state(beat: _Beat) -> list[Any]:
    return [beat.time, beat.step, list(beat.gaps), beat.largest]


def _beat_of(kept: list[Any]) -> _Beat:
    beat = _Beat()
    beat.time, beat.step, beat.gaps, beat.largest = kept[0], kept[1], list(kept[2]), kept[3]
    return beat
