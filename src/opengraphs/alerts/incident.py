"""From finding to alert: rare, and told once.

    hot ─▶ firing ─ not hot ─▶ resolved ─ hot within the cooldown ─▶ firing again, the same alert
             └ a graver finding of the same chain ─▶ the same alert, graver

Every change is an event of the run's journal. Names follow from what happened, so that whoever
is fed the same points again after a crash says the same, and it can be seen to be known.
"""

from __future__ import annotations

import re
from typing import Any

from opengraphs.alerts.chains import chain_of, weight
from opengraphs.alerts.finding import LEVELS, AlertEvent, Evidence, Finding, Level, higher

COOLDOWN_S = 600.0
COOLDOWN_POINTS = 100
PAGES_AN_HOUR = 3
HOUR_S = 3600.0
MOST_BESIDE = 8
_NOT_NAME = re.compile(r"[^A-Za-z0-9]+")
_KEPT = (
    "alert_id", "chain", "detector", "metric", "level", "firing", "title", "text", "onset_step", "step", "time",
    "count", "beside", "evidence", "cool_s", "cool_points", "resolved_at",
)  # fmt: skip


class _Alert:
    """One alert and its life so far."""

    __slots__ = _KEPT

    def __init__(self, alert_id: str, chain: str) -> None:
        self.alert_id = alert_id
        self.chain = chain
        self.detector = self.metric = self.title = self.text = ""
        self.level: Level = "info"
        self.firing = False
        self.onset_step: int | None = None
        self.step: int | None = None
        self.resolved_at: int | None = None
        """The place in its series."""
        self.time = 0.0
        self.count = 0
        self.beside: list[str] = []
        self.evidence: Evidence = {}
        self.cool_s, self.cool_points = COOLDOWN_S, COOLDOWN_POINTS

    def take(self, finding: Finding, level: Level) -> None:
        self.detector, self.metric, self.level = finding.detector, finding.metric, level
        self.title, self.text = finding.title, finding.text
        self.step, self.time = finding.step, finding.time
        self.evidence = dict(finding.evidence or {})
        if self.onset_step is None:
            self.onset_step = finding.onset_step

    def event(self, state: str, time: float) -> AlertEvent:
        extra = {"also": list(self.beside)} if self.beside else {}
        again = {"count": self.count} if self.count > 1 else {}
        return {
            "time": time, "kind": "alert", "alert_id": self.alert_id, "detector": self.detector,
            "metric": self.metric or None, "level": self.level, "state": state, "onset_step": self.onset_step,
            "step": self.step, "title": self.title, "text": self.text, "evidence": {**self.evidence, **extra, **again},
        }  # fmt: skip


class Silence(dict[str, Any]):
    """`detector`, `metric` ("" for any) and `until` (epoch seconds, None for good)."""

    def covers(self, detector: str, metric: str, now: float) -> bool:
        """Whether a finding is not to be told of."""
        until = self.get("until")
        return (
            (until is None or now < until)
            and self.get("detector", "") in ("", detector)
            and self.get("metric", "") in ("", metric)
        )


class Incidents:
    """The alerts of one run. `take` findings, `events` come out.

    Attributes:
        silences: what is not told of now.
    """

    def __init__(self) -> None:
        self._open: dict[str, _Alert] = {}
        """By chain: the alert that fires or was resolved last."""
        self._hot: dict[str, list[list[str]]] = {}
        """By chain: who is hot, as [detector, metric]."""
        self._pages: list[float] = []
        self._unpaged = 0
        self._digest_at: float | None = None
        self.silences: list[Silence] = []
        self.events: list[AlertEvent] = []

    def take(
        self, finding: Finding, *, cool_s: float = COOLDOWN_S, cool_points: int = COOLDOWN_POINTS
    ) -> None:
        """A detector changed its mind, or is still hot."""
        chain = chain_of(finding.detector, finding.metric)
        hot = self._hot.setdefault(chain, [])
        name = [finding.detector, finding.metric]
        if not finding.hot:
            if name in hot:
                hot.remove(name)
                if not hot:
                    self._resolve(chain, finding)
            return
        is_new = name not in hot
        if is_new and any(
            one.covers(finding.detector, finding.metric, finding.time) for one in self.silences
        ):
            return
        if is_new:
            hot.append(name)
        self._fire(chain, finding, is_new=is_new, cool_s=cool_s, cool_points=cool_points)

    def _fire(self, chain: str, finding: Finding, *, is_new: bool, cool_s: float, cool_points: int) -> None:
        alert = self._open.get(chain)
        if alert is None or not (alert.firing or self._is_cooling(alert, finding)):
            alert = self._open[chain] = _Alert(_name(finding), chain)
            alert.cool_s, alert.cool_points = cool_s, cool_points
        elif alert.firing and not self._is_graver(alert, finding):
            self._note_beside(alert, finding, is_new=is_new)
            return
        elif not is_new and alert.firing:
            return
        again = not alert.firing
        alert.firing = True
        alert.count += again
        if alert.detector and alert.detector != finding.detector:
            _beside(alert, alert.detector, alert.metric)
        alert.take(finding, higher(finding.level, alert.level) if not again else finding.level)
        self._tell(alert, "firing", finding.time)

    def _is_graver(self, alert: _Alert, finding: Finding) -> bool:
        """Whether this says more than the alert does: a firing one is told of again only then."""
        if finding.detector == alert.detector:
            return finding.metric == alert.metric and _rank(finding.level) > _rank(alert.level)
        return _rank(finding.level) > _rank(alert.level) or (
            finding.level == alert.level and weight(finding.detector) > weight(alert.detector)
        )

    @staticmethod
    def _note_beside(alert: _Alert, finding: Finding, *, is_new: bool) -> None:
        if is_new and (finding.detector, finding.metric) != (alert.detector, alert.metric):
            _beside(alert, finding.detector, finding.metric)

    @staticmethod
    def _is_cooling(alert: _Alert, finding: Finding) -> bool:
        """Fires again so soon that it is the same alert."""
        if alert.detector != finding.detector:
            return False
        if abs(finding.time - alert.time) < alert.cool_s:
            return True
        places = finding.place, alert.resolved_at
        return (
            places[0] is not None and places[1] is not None and 0 <= places[0] - places[1] < alert.cool_points
        )

    def _resolve(self, chain: str, finding: Finding) -> None:
        alert = self._open.get(chain)
        if alert is None or not alert.firing:
            return
        alert.firing = False
        alert.time, alert.resolved_at = finding.time, finding.place
        self._tell(alert, "resolved", finding.time)

    def _tell(self, alert: _Alert, state: str, time: float) -> None:
        event = alert.event(state, time)
        if state == "firing" and _rank(alert.level) > 0:
            event["page"] = self._may_page(time)
        self.events.append(event)

    def _may_page(self, now: float) -> bool:
        """Three an hour; what comes after stands in the list, and a digest says how many there were."""
        self._pages = [then for then in self._pages if 0 <= now - then < HOUR_S]
        if len(self._pages) < PAGES_AN_HOUR:
            self._pages.append(now)
            return True
        self._unpaged += 1
        self._digest_at = self._digest_at or self._pages[0] + HOUR_S
        return False

    def tick(self, now: float) -> None:
        """Time passes: the digest of an hour in which there was too much to tell."""
        if self._digest_at is None or now < self._digest_at:
            return
        count, at = self._unpaged, self._digest_at
        self._unpaged, self._digest_at, self._pages = 0, None, []
        word = "alert" if count == 1 else "alerts"
        digest = _Alert(f"digest-{int(at)}", "digest")
        digest.take(
            Finding("digest", "", True, None, now, None, "warn", f"{count} more {word} within an hour", "`og alerts` lists them.", {"alerts": count}),
            "warn",
        )  # fmt: skip
        self.events.append({**digest.event("firing", now), "page": True})
        self.events.append(digest.event("resolved", now))

    def state(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "open": {
                chain: {name: getattr(alert, name) for name in _KEPT} for chain, alert in self._open.items()
            },
            "hot": {chain: [list(name) for name in names] for chain, names in self._hot.items() if names},
            "pages": list(self._pages),
            "unpaged": self._unpaged,
            "digest_at": self._digest_at,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """As `state()` was."""
        for chain, kept in state["open"].items():
            alert = self._open[chain] = _Alert(kept["alert_id"], chain)
            for name in _KEPT:
                setattr(alert, name, kept[name])
        self._hot = {chain: [list(name) for name in names] for chain, names in state["hot"].items()}
        self._pages = list(state["pages"])
        self._unpaged, self._digest_at = state["unpaged"], state["digest_at"]


def _rank(level: str) -> int:
    return LEVELS.index(level) if level in LEVELS else 0


def _beside(alert: _Alert, detector: str, metric: str) -> None:
    name = f"{detector} {metric}".strip()
    if name not in alert.beside and len(alert.beside) < MOST_BESIDE:
        alert.beside.append(name)


def _name(finding: Finding) -> str:
    """`level_up-train-loss-350`: of one run no other alert has it."""
    at = finding.step if finding.step is not None else int(finding.time)
    parts = (finding.detector, finding.metric, str(at))
    return "-".join(_NOT_NAME.sub("-", part).strip("-") for part in parts if part)
