"""Runs as the fake daemon lists and tells them."""

from __future__ import annotations

from typing import Any

from fakes.store import FakeStore
from opengraphs.errors import UsageError


class FakeRuns(FakeStore):
    def _runs(self, query: dict[str, Any]) -> dict[str, Any]:
        words = (query.get("filter") or "").split()
        if "(" in words:
            raise UsageError("filter breaks at column 1", hint="close the parenthesis")
        rows = [
            run
            for run in self.runs
            if all(word in f"{run['name']} {run['run_id']} status:{run['status']}" for word in words)
            and not run.get("archived")
        ]
        sort = query["sort"]
        key = sort.lstrip("-")
        rows.sort(key=lambda run: (run.get(key) is None, run.get(key)), reverse=sort.startswith("-"))
        if query.get("tree"):
            rows = self._tree(rows, (query.get("folded") or "").split(","))
        for run in rows if query.get("values") else ():
            run["values"] = {name: self._figure(run, name) for name in query["values"].split(",")}
        start = int((query.get("cursor") or "0").partition(":")[0])
        page = rows[start : start + query["limit"]]
        after = start + len(page)
        return {
            "schema": 1,
            "runs": [dict(r) for r in page],
            "total": len(rows),
            "next": str(after) if after < len(rows) else None,
        }

    def _tree(self, rows: list[dict[str, Any]], folded: list[str]) -> list[dict[str, Any]]:
        """Roots and, below each, its children; the fake knows families of two generations."""
        found = []
        ids = {run["run_id"] for run in rows}
        for run in rows:
            if (run.get("parent") or {}).get("run_id") in ids:
                continue
            below = [one for one in rows if (one.get("parent") or {}).get("run_id") == run["run_id"]]
            hidden = bool(below) and run["run_id"] in folded
            found.append({**run, "place": {"depth": 0, "below": len(below), "folded": hidden}})
            if not hidden:
                found += [{**one, "place": {"depth": 1, "below": 0, "folded": False}} for one in below]
        return found

    def _figure(self, run: dict[str, Any], name: str) -> float | None:
        end, _, key = name.partition(".")
        numbers = [value for _, value in self.metrics[run["run_id"]].get(key, [])]
        return ({"min": min, "max": max}.get(end, min))(numbers, default=None)

    def _fields(self, query: dict[str, Any]) -> dict[str, Any]:
        typed = (query.get("q") or "").partition(":")[0]
        found: dict[str, dict[str, int]] = {"status": {}, "tag": {}}
        for run in self.runs:
            values = {"status": [run["status"]], "tag": run["tags"]}
            values |= {f"config.{key}": [str(value)] for key, value in run["config"].items()}
            for field, ones in values.items():
                for one in ones:
                    counts = found.setdefault(field, {})
                    counts[one] = counts.get(one, 0) + 1
        fields = [
            {
                "field": field,
                "runs": sum(counts.values()),
                "kind": "number" if field.startswith("config.") else "text",
                "values": [{"value": value, "runs": runs} for value, runs in counts.items()],
                "more": False,
            }
            for field, counts in found.items()
            if field.startswith(typed) or field.partition(".")[2].startswith(typed)
        ]
        return {"schema": 1, "fields": fields, "total": len(fields)}

    def _keys(self, query: dict[str, Any]) -> dict[str, Any]:
        names = dict.fromkeys(key for found in self.metrics.values() for key in found)
        return {"keys": [{"key": key} for key in names if (query.get("q") or "") in key]}

    def _run(self, run: dict[str, Any]) -> dict[str, Any]:
        found = self.metrics[run["run_id"]]
        summaries = [
            {
                "key": key,
                "points": len(points),
                "last": points[-1][1],
                "min": min(v for _, v in points),
                "max": max(v for _, v in points),
                "first_step": points[0][0],
                "last_step": points[-1][0],
            }
            for key, points in found.items()
        ]
        return {
            **run,
            "metrics": summaries,
            "log": {"size_bytes": 0},
            "ingest": {"pending": self.pending.get(run["run_id"], 0.0), "bad_lines": 0},
            "ranks_seen": self.ranks.get(run["run_id"], []),
        }
