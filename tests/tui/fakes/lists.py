"""Alerts, samples and saved views, listed by the engine's own code where it has some."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fakes.store import NOW, FakeStore
from opengraphs.engine.alertlist import AlertList, AlertQuery, alert_of
from opengraphs.engine.runsamples import shortened
from opengraphs.engine.samplelook import SampleLook, SampleQuery, prompt_of
from opengraphs.errors import ConflictError


class FakeLists(FakeStore):
    def add_alert(self, run_id: str, name: str, *, age_s: float = 60.0, **facts: Any) -> None:
        event = {"time": NOW - age_s, "state": "fired", "level": "warn", **facts}
        run = self._find(run_id)
        self.alerts.insert(0, alert_of(event, name=name, fired_at=NOW - age_s, run=run))
        self.emit("events", run=run_id)

    def _alerts(self, query: dict[str, Any]) -> dict[str, Any]:
        listed = AlertList()
        listed.look([("r", Path("/nowhere"))], lambda _: list(self.alerts), live=())
        asked = AlertQuery(None, query["status"] or "", "", query.get("filter") or "", query["sort"])
        return {"schema": 1, **listed.page(asked, query.get("from", 0), query["limit"]), "unread": 0}

    def _acknowledge(self, alert_id: str) -> dict[str, Any]:
        alert = next(one for one in self.alerts if one["id"] == alert_id)
        self.alerts[self.alerts.index(alert)] = told = {**alert, "status": "acknowledged"}
        self.emit("events", run=alert["run_id"])
        return {"schema": 1, "alert": told}

    def add_samples(self, run_id: str, rows: list[dict[str, Any]], *, step: int = 0) -> None:
        """Samples with these columns; a column `step` is the step."""
        kept = self.samples.setdefault(run_id, [])
        for columns in rows:
            n = len(kept)
            record = {"time": 100.0 + n, "step": columns.get("step", step), "name": "samples"}
            shown = {name: value for name, value in columns.items() if name != "step"}
            kept.append({**record, "columns": shown, "id": f"a0-r0/0.{n}", "n": n})

    def _samples(self, run: dict[str, Any], query: dict[str, Any]) -> dict[str, Any]:
        rows, cut = self.samples.get(run["run_id"], []), query.get("cut", 0)
        if query.get("id"):
            return {"sample": shortened(next(row for row in rows if row["id"] == query["id"]), cut)}
        prompt = None
        if query.get("like"):
            told = next(row for row in self.samples[query["like_run"]] if row["id"] == query["like"])
            prompt = json.dumps(prompt_of(told), sort_keys=True)
        look = SampleLook(SampleQuery(query.get("filter") or "", query.get("sort") or "time", prompt))
        look.read([(row["time"], row["n"]) for row in rows], lambda place: rows[place[1]])
        places = [place[1] for place in look.places()]
        start = query.get("from", 0)
        first = max(0, len(places) + start) if start < 0 else start
        chosen = [shortened(rows[n], cut) for n in places[first : first + query["limit"]]]
        return {
            "samples": chosen,
            "from": first,
            "total": len(places),
            "all": len(rows),
            "unread": 0,
            "next": None,
        }

    def _views(self, query: dict[str, Any]) -> dict[str, Any]:
        if query.get("version", self.views_version) != self.views_version:
            raise ConflictError("the saved views have changed since they were read")
        if query.get("put"):
            merged = {**self.views, **query.get("views", {})}
            self.views = {name: view for name, view in merged.items() if view is not None}
            self.default_view = query.get("default", self.default_view)
            self.views_version += "+"
        default = self.default_view if self.default_view in self.views else None
        version = self.views_version
        return {"project": query["project"], "version": version, "default": default, "views": self.views}
