"""Trackio's words in og's: places, names of machine figures, rows of its tables."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from opengraphs.records import RunFacts
from opengraphs.sources import plain

GIB = float(1 << 30)
MB = 1e6
_GPU = {
    "utilization": ("util_percent", 1.0),
    "allocated_memory": ("mem_used_bytes", GIB),
    "total_memory": ("mem_total_bytes", GIB),
    "power": ("power_watts", 1.0),
    "power_limit": ("power_limit_watts", 1.0),
    "temp": ("temp_c", 1.0),
    "sm_clock": ("sm_clock_mhz", 1.0),
}
_MACHINE = {
    "cpu/utilization": ("cpu.percent", 1.0),
    "cpu/count_logical": ("cpu.count", 1.0),
    "memory/used": ("ram.used_bytes", GIB),
    "memory/total": ("ram.total_bytes", GIB),
    "memory/percent": ("ram.percent", 1.0),
    "swap/used": ("swap.used_bytes", GIB),
    "swap/total": ("swap.total_bytes", GIB),
    "disk/read_mb_per_sec": ("disk.read_bytes_per_s", MB),
    "disk/write_mb_per_sec": ("disk.write_bytes_per_s", MB),
    "network/recv_mb_per_sec": ("net.rx_bytes_per_s", MB),
    "network/sent_mb_per_sec": ("net.tx_bytes_per_s", MB),
}
_CARD = re.compile(r"gpu/(\d+)/(\w+)\Z")
_CORE = re.compile(r"cpu/(\d+)/utilization\Z")


def folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Where Trackio keeps its projects, by the variables that it goes by."""
    if environ.get("TRACKIO_DIR"):
        return Path(environ["TRACKIO_DIR"])
    if environ.get("HF_HOME"):
        return Path(environ["HF_HOME"]) / "trackio"
    cache = environ.get("XDG_CACHE_HOME") or Path(environ.get("HOME") or "~").expanduser() / ".cache"
    return Path(cache) / "huggingface" / "trackio"


def canonical(project: str) -> str:
    """The name that a project's files have."""
    kept = "".join(character for character in project if character.isalnum() or character in "-_")
    return kept.rstrip() or "default"


def machine(values: Mapping[str, Any]) -> dict[str, float]:
    """System figures under og's names and units where the meaning is the same, else dotted."""
    numbers: dict[str, float] = {}
    plain.flatten(values, numbers)
    found: dict[str, float] = {}
    for name, value in numbers.items():
        card, core = _CARD.match(name), _CORE.match(name)
        if card and card[2] in _GPU:
            ours, scale = _GPU[card[2]]
            found[f"gpu.{card[1]}.{ours}"] = value * scale
        elif core:
            found[f"cpu.{core[1]}.percent"] = value
        else:
            ours, scale = _MACHINE.get(name, (name.replace("/", "."), 1.0))
            found[ours] = value * scale
    return found


def facts(project: str, name: str, config: Mapping[str, Any], created_s: float) -> RunFacts:
    """A run's facts; `_Created`, `_Group` and `_Username` of its config go where og has a word for them."""
    rest = {key: value for key, value in config.items() if not str(key).startswith("_")}
    created = plain.epoch_s(config.get("_Created"))
    found = RunFacts(
        name=plain.clean(name), project=project, created_at=plain.iso(created if created else created_s)
    )
    found["started_at"] = found["created_at"]
    found["config"] = plain.config(rest)
    if config.get("_Group"):
        found["group"] = plain.clean(str(config["_Group"]))
    if config.get("_Username"):
        found["user"] = plain.clean(str(config["_Username"]))
    return found


def alert(title: object, text: object, level: object, step: object, alert_id: str) -> dict[str, Any]:
    """The payload of an alert event."""
    known = str(level).lower()
    at = plain.step_number(step)
    return {
        "alert_id": plain.clean(alert_id),
        "detector": "trackio",
        "metric": None,
        "level": known if known in {"info", "warn", "error"} else "warn",
        "state": "fired",
        "onset_step": at,
        "step": at,
        "title": plain.clean(str(title or "")),
        "text": plain.clean(str(text or ""), plain.MAX_TEXT),
        "evidence": {},
    }
