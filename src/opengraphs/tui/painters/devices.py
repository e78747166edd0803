"""Which charts a machine's figures make: by host, device and quantity. Pure.

Names are those the runner writes (`gpu.0.util_percent`, `cpu.percent`, …); a name that
is not known gets a chart of its own, in its own unit.
"""

from __future__ import annotations

import re

from opengraphs.tui.painters.panels import gpu_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Known = Mapping[tuple[str, str], float]

STRIPS_FROM = 8
"""So many GPUs are shown as rows of one picture instead of charts of their own."""

GIB, MIB = float(1 << 30), float(1 << 20)

_OF_GPU = (
    ("util_percent", "util %", 1.0, None, 100.0),
    ("mem_used_bytes", "mem GiB", GIB, "mem_total_bytes", None),
    ("power_watts", "power W", 1.0, "power_limit_watts", None),
    ("temp_c", "temp C", 1.0, None, 100.0),
    ("sm_clock_mhz", "clock MHz", 1.0, None, None),
)
"""Suffix, title, divisor, suffix of what is full, else what is full."""

_OF_HOST = (
    ("cpu", "cpu %", (("cpu.percent", ""),), 1.0, "", 100.0),
    ("cpu", "load", (("load.1m", ""),), 1.0, "", None),
    ("cpu", "throttled %", (("cpu.throttled_percent", ""),), 1.0, "", 100.0),
    ("run", "run cpu %", (("proc.cpu_percent", ""),), 1.0, "", None),
    ("run", "run mem GiB", (("proc.rss_bytes", ""),), GIB, "", None),
    ("run", "run processes", (("proc.count", ""),), 1.0, "", None),
    ("memory", "ram GiB", (("ram.used_bytes", ""),), GIB, "ram.total_bytes", None),
    ("memory", "swap GiB", (("swap.used_bytes", ""),), GIB, "swap.total_bytes", None),
    ("disk", "disk MiB/s", (("disk.read_bytes_per_s", "r"), ("disk.write_bytes_per_s", "w")), MIB, "", None),
    ("disk", "disk free GiB", (("disk.free_bytes", ""),), GIB, "disk.total_bytes", None),
    ("network", "net MiB/s", (("net.rx_bytes_per_s", "in"), ("net.tx_bytes_per_s", "out")), MIB, "", None),
)  # fmt: skip
"""Device, title, metrics with their labels, divisor, metric of what is full, else what is full."""

_CORE = re.compile(r"cpu\.(\d+)\.percent\Z", re.ASCII)
_AUXILIARY = frozenset(
    {"cpu.count", "ram.percent", "ram.total_bytes", "swap.total_bytes", "disk.total_bytes"}
)


class Panel:
    """One picture: curves, or `strips`: a row for each metric.

    key: tells it from all others. section: what `tab` goes through. full: of each metric the value
    (in its own unit) that fills the picture, None where there is no such thing.
    """

    __slots__ = ("divide", "full", "host", "key", "labels", "metrics", "section", "strips", "title")

    def __init__(
        self,
        host: str,
        section: str,
        title: str,
        metrics: tuple[str, ...],
        *,
        labels: tuple[str, ...],
        divide: float = 1.0,
        full: tuple[float | None, ...] = (),
        strips: bool = False,
    ) -> None:
        self.key = f"{host}|{section}|{title}"
        self.host, self.section, self.title = host, section, title
        self.metrics, self.labels = metrics, labels
        self.divide, self.full, self.strips = divide, full or (None,) * len(metrics), strips

    def fits(self, words: Iterable[str]) -> bool:
        """Whether every word stands in what it is called or is made from."""
        text = " ".join((self.host, self.section, self.title, *self.metrics)).lower()
        return all(word in text for word in words)


def panels_of(latest: Known) -> list[Panel]:
    """All pictures of what was sampled, host by host. latest: (host, metric) → newest value."""
    hosts: dict[str, dict[str, float]] = {}
    for (host, metric), value in latest.items():
        hosts.setdefault(host, {})[metric] = value
    return [panel for host in sorted(hosts) for panel in _of_host(host, hosts[host])]


def _of_host(host: str, known: dict[str, float]) -> list[Panel]:
    found = [*_gpus(host, known), *_fixed(host, known)]
    cores = sorted((int(match[1]), key) for key in known if (match := _CORE.match(key)))
    if cores:
        strip = Panel(
            host,
            "cores",
            "cores %",
            tuple(key for _, key in cores),
            labels=tuple(str(number) for number, _ in cores),
            full=(100.0,) * len(cores),
            strips=True,
        )
        found.append(strip)
    shown = {metric for panel in found for metric in panel.metrics}
    rest = [key for key in sorted(known) if key not in shown and not _is_auxiliary(key)]
    return found + [Panel(host, "other", key, (key,), labels=("",)) for key in rest]


def _is_auxiliary(key: str) -> bool:
    """What only says how much there is."""
    return (
        key in _AUXILIARY
        or key.endswith((".mem_total_bytes", ".power_limit_watts"))
        or key == "swap.used_bytes"
    )


def _fixed(host: str, known: Mapping[str, float]) -> list[Panel]:
    found = []
    for section, title, curves, divide, full, top in _OF_HOST:
        there = [(key, label) for key, label in curves if key in known]
        if not there or (title.startswith("swap") and not known.get("swap.total_bytes", 1.0)):
            continue
        highest = known.get(full) if full else top
        found.append(
            Panel(
                host,
                section,
                title,
                tuple(key for key, _ in there),
                labels=tuple(label for _, label in there),
                divide=divide,
                full=(highest,) * len(there),
            )
        )
    return found


def _gpus(host: str, known: Mapping[str, float]) -> list[Panel]:
    names = gpu_names(known)
    if len(names) >= STRIPS_FROM:
        return [panel for quantity in _OF_GPU if (panel := _strips(host, names, quantity, known)) is not None]
    return [
        Panel(
            host,
            _short(name),
            f"{_short(name)} {title}",
            (f"{name}.{suffix}",),
            labels=("",),
            divide=divide,
            full=(known.get(f"{name}.{full}", top) if full else top,),
        )
        for name in names
        for suffix, title, divide, full, top in _OF_GPU
        if f"{name}.{suffix}" in known
    ]


def _strips(
    host: str,
    names: list[str],
    quantity: tuple[str, str, float, str | None, float | None],
    known: Mapping[str, float],
) -> Panel | None:
    suffix, title, divide, full, top = quantity
    there = [name for name in names if f"{name}.{suffix}" in known]
    if not there:
        return None
    return Panel(
        host,
        "gpus",
        f"gpus {title}",
        tuple(f"{name}.{suffix}" for name in there),
        labels=tuple(_short(name).removeprefix("gpu") for name in there),
        divide=divide,
        full=tuple(known.get(f"{name}.{full}", top) if full else top for name in there),
        strips=True,
    )


def _short(name: str) -> str:
    return name.replace("gpu.", "gpu", 1).replace(".mig.", ":")
