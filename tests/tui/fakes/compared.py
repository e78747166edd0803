"""Several runs at once: compared, in groups, and what is different about them."""

from __future__ import annotations

from typing import Any

from fakes.store import FakeStore
from opengraphs.errors import UsageError


class FakeCompared(FakeStore):
    def _compare(self, request: dict[str, Any]) -> dict[str, Any]:
        metric, x = request["metric_key"], request["align_by"]
        question = {"x": "time" if x == "wall" else x, "smooth": [s for s in [request["smoothing"]] if s]}
        rows = []
        for run_id in request["run_ids"]:
            run, points = self._find(run_id), self.metrics[run_id].get(metric)
            curves = self._curves(run_id, metric, points, question) if points else [None]
            row = {"run": run_id, "name": run["name"], "status": run["status"], "missing": not points}
            rows.append({**row, "series": curves[0], "smoothed": curves[1] if len(curves) > 1 else None})
        return {"schema": 1, "metric_key": metric, "align_by": x, "runs": rows, "pending": {}}

    def _group(self, request: dict[str, Any]) -> dict[str, Any]:
        section, _, key = request["by"].partition(".")
        if section != "config":
            raise UsageError(f"runs cannot be grouped by {request['by']!r}", hint="known: config.…")
        groups: dict[Any, list[str]] = {}
        run_ids = request.get("run_ids") or list(self.metrics)
        for run_id in run_ids:
            value = self._find(run_id)["config"].get(key)
            if value is not None and self.metrics[run_id].get(request["metric_key"]):
                groups.setdefault(value, []).append(run_id)
        out = []
        for value, runs in sorted(groups.items()):
            own = [dict(self.metrics[run_id][request["metric_key"]]) for run_id in runs]
            steps = sorted({step for points in own for step in points})
            at = [sorted(points[step] for points in own if step in points) for step in steps]
            out.append(
                {
                    "value": value,
                    "runs": runs,
                    "x": [float(step) for step in steps],
                    "mean": [sum(values) / len(values) for values in at],
                    "p50": [values[len(values) // 2] for values in at],
                    "p95": [values[-1] for values in at],
                    "n": [len(values) for values in at],
                }
            )
        grouped = {run_id for group in out for run_id in group["runs"]}
        left = [run_id for run_id in run_ids if run_id not in grouped]
        about = {"schema": 1, "metric_key": request["metric_key"], "by": request["by"]}
        return {**about, "groups": out, "ungrouped": left, "pending": {}}

    def _diff(self, request: dict[str, Any]) -> dict[str, Any]:
        runs = [self._find(run_id) for run_id in request["run_ids"]]
        rows, ignored = [], []
        for key in sorted({key for run in runs for key in run["config"]}):
            values = [run["config"].get(key) for run in runs]
            if any(value != values[0] for value in values):
                hidden = request["ignore"] is None and key.endswith("_dir")
                ignored += [f"config.{key}"] if hidden else []
                missing = [n for n, run in enumerate(runs) if key not in run["config"]]
                rows += [] if hidden else [{"key": key, "values": values, "missing": missing}]
        keys = dict.fromkeys(key for run in runs for key in self.metrics[run["run_id"]])
        return {
            "schema": 1,
            "runs": [{"run": run["run_id"], "name": run["name"], "status": run["status"]} for run in runs],
            "config": rows,
            **{section: [] for section in ("args", "env", "git", "files")},
            "packages": [{"key": "torch", "values": [f"2.{n}.0" for n in range(len(runs))], "missing": []}],
            "metrics": [self._diff_metric(key, [run["run_id"] for run in runs]) for key in keys],
            "same": {"config": 3, "packages": 80},
            "ignored": ignored,
            "unknown": {},
            "left_out": {},
            "pending": {},
        }

    def _diff_metric(self, key: str, run_ids: list[str]) -> dict[str, Any]:
        """One metric at the last step that all runs with it have."""
        found = [dict(self.metrics[run_id].get(key, [])) for run_id in run_ids]
        there = [points for points in found if points]
        common = set(there[0]).intersection(*there)
        step = max(common, default=None)
        values = [points.get(step) for points in found]
        better = "min" if "loss" in key else "max" if "acc" in key else None
        deltas = [None, *(v - values[0] if None not in (v, values[0]) else None for v in values[1:])]
        verdicts = [
            "unknown"
            if not delta or better is None
            else "better"
            if (delta < 0) == (better == "min")
            else "worse"
            for delta in deltas
        ]
        last = [max(points, default=None) for points in found]
        ends = {"values": [p.get(s) for p, s in zip(found, last, strict=True)], "steps": last}
        return {
            "key": key,
            "values": values,
            "missing": [n for n, points in enumerate(found) if not points],
            "deltas": deltas,
            "better": better,
            "verdicts": verdicts,
            "step": step,
            "steps": [None if value is None else step for value in values],
            "last": ends,
        }
