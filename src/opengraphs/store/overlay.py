"""What events change about a run, whatever order they are read in.

A run is run.json folded with its events in order of time. Several writers append events
and readers meet them in any order, so every changed thing remembers when it was written
and the latest wins: the result is that of replaying all of them sorted.
"""

from __future__ import annotations

from typing import Any, NamedTuple, cast

from opengraphs.records import ENDED, RunFacts
from opengraphs.sdk import layout
from opengraphs.store.folder import WriterName
from opengraphs.store.jsonl import finite, moment_of

_OF_RANK = ("project", "group", "job_type", "mirror_to")
"""What a script may say about the run when it joins one that it does not own."""


_MAX_HOOKS, _MAX_HOOK_TEXT = 64, 200


class Order(NamedTuple):
    """When an event was written; the writer's name and the place decide between equals."""

    time: float
    writer: str
    offset: int


class _Latest:
    """A value that only a later event replaces."""

    __slots__ = ("order", "value")

    def __init__(self, order: Order, value: Any) -> None:
        self.order = order
        self.value = value


class Overlay:
    """The sum of a run's events: `apply` each once, `onto` a run.json at any time."""

    def __init__(self) -> None:
        self._config: dict[str, _Latest] = {}
        self._summary: dict[str, _Latest] = {}
        self._tags: dict[str, _Latest] = {}
        self._single: dict[str, _Latest] = {}
        self._roles: dict[str, _Latest] = {}
        self._hooks: dict[str, _Latest] = {}
        self._failed_hooks: dict[str, _Latest] = {}
        self._notes: dict[Order, str] = {}

    def apply(self, event: dict[str, Any], *, writer: str, offset: int) -> bool:
        """Take one event in; True when it changes facts (alerts and checkpoints do not)."""
        order = Order(moment_of(event), writer, offset)
        match event.get("kind"):
            case "config":
                return self._merge(self._config, event.get("config"), order)
            case "summary":
                return self._merge(self._summary, event.get("summary"), order)
            case "tag" | "untag" as kind:
                tags = event.get("tags")
                names = [str(tag) for tag in tags] if isinstance(tags, list) else []
                return self._merge(self._tags, dict.fromkeys(names, kind == "tag"), order)
            case "progress":
                told = _progress(event.get("progress"))
                return told is not None and self._merge(self._single, {"progress": told}, order)
            case "name" if isinstance(event.get("name"), str):
                return self._merge(self._single, {"name": event["name"]}, order)
            case "archive":
                return self._merge(self._single, {"archived": event.get("archived", True) is True}, order)
            case "status" if _is_end(event.get("status")) and _speaks_for_the_run(writer):
                return self._merge(self._single, {"status": event["status"]}, order)
            case "rank":  # a process joins, so what an earlier life said about its end is over
                named = {key: event[key] for key in _OF_RANK if isinstance(event.get(key), str)}
                said = {"status": "", **_ranks(event.get("world_size")), **named}
                return self._merge(self._single, said, order)
            case "define" if isinstance(event.get("metric"), str):
                return self._merge(self._roles, {event["metric"]: event.get("role")}, order)
            case "hooks":
                return self._merge_hooks(event, order)
            case "notes" if isinstance(event.get("notes"), str):
                return self._merge(self._single, {"notes": event["notes"]}, order)
            case "note" if event.get("step") is None and isinstance(event.get("text"), str):
                self._notes[order] = event["text"]
                return True
        return False

    @staticmethod
    def _merge(into: dict[str, _Latest], values: object, order: Order) -> bool:
        if not isinstance(values, dict):
            return False
        for key, value in values.items():
            known = into.get(key)
            if known is None or known.order <= order:
                into[key] = _Latest(order, value)
        return bool(values)

    def _merge_hooks(self, event: dict[str, Any], order: Order) -> bool:
        """Processes of a run tell their hooks one by one; a version is not forgotten by one that tells none."""
        active, versions, failed = event.get("active"), event.get("versions"), event.get("failed")
        told = versions if isinstance(versions, dict) else {}
        names = [name for name in active if isinstance(name, str)] if isinstance(active, list) else []
        said = {
            name[:_MAX_HOOK_TEXT]: str(told.get(name, ""))[:_MAX_HOOK_TEXT] for name in names[:_MAX_HOOKS]
        }
        news = {name: version for name, version in said.items() if version or name not in self._hooks}
        reasons = list(failed.items())[:_MAX_HOOKS] if isinstance(failed, dict) else []
        why = {str(name)[:_MAX_HOOK_TEXT]: str(text)[:_MAX_HOOK_TEXT] for name, text in reasons}
        changed = self._merge(self._hooks, news, order)
        return self._merge(self._failed_hooks, why, order) or changed

    @property
    def ended_as(self) -> str | None:
        """The status that the training (its rank 0) reported at its end; None: it did not."""
        found = self._single.get("status")
        return str(found.value) if found is not None and found.value else None

    def onto(self, base: RunFacts) -> RunFacts:
        """`base` with all events in it; `status` is left to `runfacts.judge`."""
        facts = base.copy()
        if self._config:
            facts["config"] = {**base.get("config", {}), **_values(self._config)}
        if self._summary:
            facts["summary"] = {**base.get("summary", {}), **_values(self._summary)}
            if "summary_folded" in base:  # what the user sets is his, also where a metric stood
                facts["summary_folded"] = [key for key in base["summary_folded"] if key not in self._summary]
        if self._tags:
            facts["tags"] = self._with_tags(base.get("tags", []))
        if self._roles:
            facts["metric_roles"] = {**base.get("metric_roles", {}), **_values(self._roles)}
        if self._hooks or self._failed_hooks:
            known = base.get("hooks", {})
            facts["hooks"] = {
                "active": {**known.get("active", {}), **_values(self._hooks)},
                "failed": {**known.get("failed", {}), **_values(self._failed_hooks)},
            }
        if self._notes or "notes" in self._single:
            facts["notes"] = self._with_notes(base.get("notes") or "")
        single = {key: latest.value for key, latest in self._single.items() if key not in ("status", "notes")}
        return cast("RunFacts", {**facts, **single})

    def _with_notes(self, notes: str) -> str:
        """The notes as they were written anew last, and what was added since."""
        written = self._single.get("notes")
        since = [self._notes[at] for at in sorted(self._notes) if written is None or at > written.order]
        lines = [notes if written is None else str(written.value), *since]
        return "\n".join(line for line in lines if line)

    def _with_tags(self, tags: list[str]) -> list[str]:
        kept = [tag for tag in tags if tag not in self._tags or self._tags[tag].value]
        added = [tag for tag, latest in self._tags.items() if latest.value and tag not in tags]
        return kept + sorted(added, key=lambda tag: self._tags[tag].order)


def _speaks_for_the_run(writer: str) -> bool:
    """Rank 0 itself (no mirror, no forked child) and the daemon may say how a run ended."""
    return writer == layout.DAEMON_WRITER or WriterName.parse(writer)[1:] == (0, "")


def _is_end(status: object) -> bool:
    return isinstance(status, str) and status in ENDED


def _values(latest: dict[str, _Latest]) -> dict[str, Any]:
    return {key: entry.value for key, entry in latest.items()}


def _progress(value: object) -> dict[str, Any] | None:
    """A progress object with sound types, or None when it says neither step nor total."""
    if not isinstance(value, dict):
        return None
    step, total = _whole(value.get("step")), _whole(value.get("total"))
    unit = value.get("unit")
    return (
        {
            "step": step,
            "total": total,
            "unit": unit if isinstance(unit, str) else "step",
        }
        if step is not None or total is not None
        else None
    )


def _whole(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) and finite(value) is not None else None


def _ranks(world_size: object) -> dict[str, dict[str, int]]:
    return {"ranks": {"world_size": world_size}} if isinstance(world_size, int) and world_size > 0 else {}
