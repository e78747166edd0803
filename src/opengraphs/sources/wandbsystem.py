"""W&B's names of system figures as og's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from opengraphs.sources import plain

_MIB = float(1 << 20)
_DEVICE = re.compile(r"gpu\.(\d+)\.(\w+)\Z", re.ASCII)
_CORE = re.compile(r"cpu\.(\d+)\.cpu_percent\Z", re.ASCII)
_OF_DEVICE = {
    "gpu": "util_percent",
    "memoryAllocatedBytes": "mem_used_bytes",
    "temp": "temp_c",
    "powerWatts": "power_watts",
    "enforcedPowerLimitWatts": "power_limit_watts",
    "smClock": "sm_clock_mhz",
}
_OF_HOST = {
    "cpu": ("cpu.percent", 1.0),
    "memory_percent": ("ram.percent", 1.0),
    "memory": ("ram.percent", 1.0),
    "proc.memory.rssMB": ("proc.rss_bytes", _MIB),
}


@lru_cache(maxsize=4096)
def _ours(key: bytes) -> tuple[str, float]:
    """og's name for one of W&B's, and the factor to its unit; others stay as they are."""
    name = plain.clean(key.decode("utf-8", "replace"))
    device, core = _DEVICE.match(name), _CORE.match(name)
    if device and device[2] in _OF_DEVICE:
        return f"gpu.{device[1]}.{_OF_DEVICE[device[2]]}", 1.0
    if core:
        return f"cpu.{core[1]}.percent", 1.0
    return _OF_HOST.get(name, (name, 1.0))


def figures(items: Mapping[bytes, bytes]) -> dict[str, float]:
    """Figures by og's name, in og's unit; what is no number is left out."""
    found: dict[str, float] = {}
    for key, value in items.items():
        if not 0 < len(key) <= plain.MAX_NAME:
            continue
        name, factor = _ours(key)
        try:
            found[name] = float(value) * factor
        except ValueError:
            continue
    return found
