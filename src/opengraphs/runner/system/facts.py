"""What a machine is, as opposed to what it does: written once into a run's bundle."""

from __future__ import annotations

import os
import platform
from typing import Any

from .files import on_linux, read_text
from .gpu import cards, load_nvml


def host_facts(*, nvml: Any | None = None) -> dict[str, Any]:
    """Host name, kernel, processor, memory and GPUs, as JSON values. `nvml` None looks for the driver."""
    uname = os.uname()
    return {
        "host": uname.nodename,
        "os": uname.sysname,
        "kernel": uname.release,
        "arch": uname.machine,
        "distribution": _distribution(),
        "cpu": {"model": _cpu_model(), "count": os.cpu_count(), **_usable()},
        "ram": _ram(),
        "gpus": _gpus(load_nvml() if nvml is None else nvml),
    }


def _distribution() -> str | None:
    rows = dict(line.split("=", 1) for line in read_text("/etc/os-release").splitlines() if "=" in line)
    return rows.get("PRETTY_NAME", "").strip('"') or None


def _cpu_model() -> str | None:
    for line in read_text("/proc/cpuinfo").splitlines():
        if line.lower().startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or None


def _usable() -> dict[str, float]:
    if not on_linux():
        return {}
    from .cgroup import Cgroup

    quota = Cgroup().cpus()
    usable = float(len(os.sched_getaffinity(0)))
    return {"usable": usable if quota is None else min(usable, quota)}


def _ram() -> dict[str, int]:
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if not on_linux():
        return {"total_bytes": total}
    from .cgroup import Cgroup

    limit = Cgroup().memory()
    return {"total_bytes": total, **({"limit_bytes": limit.total} if limit and limit.total < total else {})}


def _gpus(nvml: Any | None) -> list[dict[str, Any]]:
    if nvml is None:
        return []
    driver = _driver_version(nvml)
    return [
        {
            "index": card.index,
            "name": card.name,
            "uuid": card.uuid,
            "mem_total_bytes": _memory(nvml, card.handle),
            "mig_instances": len(card.instances),
            "driver": driver,
        }
        for card in cards(nvml)
    ]


def _memory(nvml: Any, handle: Any) -> int | None:
    try:
        return int(nvml.nvmlDeviceGetMemoryInfo(handle).total)
    except nvml.NVMLError:
        return None


def _driver_version(nvml: Any) -> str | None:
    try:
        version = nvml.nvmlSystemGetDriverVersion()
    except nvml.NVMLError:
        return None
    return version.decode("utf-8", "replace") if isinstance(version, bytes) else str(version)
