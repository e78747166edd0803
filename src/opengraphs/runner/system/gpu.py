"""NVIDIA GPUs through NVML, which may lack any single figure.

NVML is the driver's own library; `pynvml` (the nvidia-ml-py distribution) is imported
only where a driver is. Laptops have no power limit, virtual GPUs no clock, a card cut
into MIG instances no utilisation, containers no permission: every figure is asked for
on its own, and one that is "not supported" is not asked for again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

_DRIVER_SIGNS = ("/dev/nvidiactl", "/dev/nvidia0", "/proc/driver/nvidia", "/dev/dxg")


def driver_present() -> bool:
    """Whether an NVIDIA driver is worth talking to, without loading its library."""
    return any(os.path.exists(sign) for sign in _DRIVER_SIGNS)


def load_nvml() -> Any | None:
    """The NVML binding, ready for use; None where there is no driver, no binding or no permission."""
    if not driver_present():
        return None
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    return pynvml


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


class Figure:
    """One figure of one device, asked for until the driver says that it never will have it."""

    def __init__(self, nvml: Any, read: Callable[[], dict[str, float]]) -> None:
        self._nvml = nvml
        self._read: Callable[[], dict[str, float]] | None = read

    def get(self) -> dict[str, float]:
        """Empty when it cannot be had now, or at all."""
        if self._read is None:
            return {}
        try:
            return self._read()
        except self._nvml.NVMLError_NotSupported:
            self._read = None
        except self._nvml.NVMLError:  # lost from the bus, no permission, unknown: perhaps next time
            pass
        return {}


class Device:
    """One GPU as NVML numbers them, or one MIG instance of it."""

    def __init__(self, nvml: Any, handle: Any, key: str, *, instance: bool = False) -> None:
        self._nvml = nvml
        self._handle = handle
        self._key = key
        readings = [self._memory] if instance else [
            self._utilisation, self._memory, self._power, self._power_limit, self._temperature, self._clock,
        ]  # fmt: skip
        self._figures = [Figure(nvml, reading) for reading in readings]

    def sample(self) -> dict[str, float]:
        """What can be read now, under `gpu.<n>.…`."""
        metrics: dict[str, float] = {}
        for figure in self._figures:
            metrics.update(figure.get())
        return metrics

    def _utilisation(self) -> dict[str, float]:
        return {
            f"{self._key}.util_percent": float(self._nvml.nvmlDeviceGetUtilizationRates(self._handle).gpu)
        }

    def _memory(self) -> dict[str, float]:
        memory = self._nvml.nvmlDeviceGetMemoryInfo(self._handle)
        return {
            f"{self._key}.mem_used_bytes": float(memory.used),
            f"{self._key}.mem_total_bytes": float(memory.total),
        }

    def _power(self) -> dict[str, float]:
        return {f"{self._key}.power_watts": self._nvml.nvmlDeviceGetPowerUsage(self._handle) / 1000.0}

    def _power_limit(self) -> dict[str, float]:
        return {
            f"{self._key}.power_limit_watts": self._nvml.nvmlDeviceGetEnforcedPowerLimit(self._handle)
            / 1000.0
        }

    def _temperature(self) -> dict[str, float]:
        nvml = self._nvml
        return {
            f"{self._key}.temp_c": float(
                nvml.nvmlDeviceGetTemperature(self._handle, nvml.NVML_TEMPERATURE_GPU)
            )
        }

    def _clock(self) -> dict[str, float]:
        nvml = self._nvml
        return {
            f"{self._key}.sm_clock_mhz": float(nvml.nvmlDeviceGetClockInfo(self._handle, nvml.NVML_CLOCK_SM))
        }


class Card:
    """What identifies one GPU."""

    def __init__(self, nvml: Any, index: int) -> None:
        """Raises NVMLError when the card cannot be opened."""
        self.index = index
        self.handle = nvml.nvmlDeviceGetHandleByIndex(index)
        self.name = _text(nvml.nvmlDeviceGetName(self.handle))
        self.uuid = _text(nvml.nvmlDeviceGetUUID(self.handle))
        self.instances = _instances(nvml, self.handle)


def _instances(nvml: Any, handle: Any) -> list[Any]:
    """Handles of the MIG instances of a card; none when it is not cut up."""
    try:
        if not nvml.nvmlDeviceGetMigMode(handle)[0]:
            return []
        places = nvml.nvmlDeviceGetMaxMigDeviceCount(handle)
    except nvml.NVMLError:
        return []
    found = []
    for place in range(places):
        try:
            found.append(nvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, place))
        except nvml.NVMLError:  # an empty place
            continue
    return found


def cards(nvml: Any) -> list[Card]:
    """Every card that can be opened."""
    try:
        count = nvml.nvmlDeviceGetCount()
    except nvml.NVMLError:
        return []
    found = []
    for index in range(count):
        try:
            found.append(Card(nvml, index))
        except nvml.NVMLError:  # fallen off the bus, or not ours
            continue
    return found


def visible(found: list[Card], env: Mapping[str, str]) -> list[Card]:
    """The cards a training process can use: `CUDA_VISIBLE_DEVICES`, by number or UUID.

    Numbers follow NVML's order only where `CUDA_DEVICE_ORDER=PCI_BUS_ID` says so or all
    cards are alike; otherwise, and where nothing fits, every card is shown.
    """
    wanted = env.get("CUDA_VISIBLE_DEVICES")
    if wanted is None:
        return found
    words = [word.strip() for word in wanted.split(",") if word.strip()]
    if not words or words[0] in ("-1", "NoDevFiles"):
        return []
    in_order = env.get("CUDA_DEVICE_ORDER") == "PCI_BUS_ID" or len({card.name for card in found}) <= 1
    chosen = [card for card in found if any(_names(word, card, in_order=in_order) for word in words)]
    return chosen or found


def _names(word: str, card: Card, *, in_order: bool) -> bool:
    if word.isdigit():
        return in_order and int(word) == card.index
    return card.uuid.startswith(word)


class GpuSampler:
    """All GPUs that a run can see."""

    def __init__(self, nvml: Any | None, env: Mapping[str, str]) -> None:
        """`nvml` as from `load_nvml`, None for no GPUs; `env` is the training process's."""
        self._devices: list[Device] = []
        for card in visible(cards(nvml), env) if nvml is not None else []:
            self._devices.append(Device(nvml, card.handle, f"gpu.{card.index}"))
            for number, handle in enumerate(card.instances):
                self._devices.append(Device(nvml, handle, f"gpu.{card.index}.mig.{number}", instance=True))

    def sample(self) -> dict[str, float]:
        """`gpu.<n>.util_percent`, `mem_used_bytes`, … as far as each device has them."""
        metrics: dict[str, float] = {}
        for device in self._devices:
            metrics.update(device.sample())
        return metrics
