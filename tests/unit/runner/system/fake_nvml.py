"""A stand-in for `pynvml`, shaped like nvidia-ml-py 12 and 13: same names, same errors, units and types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

NVML_TEMPERATURE_GPU = 0
NVML_CLOCK_SM = 1


class NVMLError(Exception):
    pass


class NVMLError_NotSupported(NVMLError):  # noqa: N801, N818 - NVML's own name
    pass


class NVMLError_NoPermission(NVMLError):  # noqa: N801, N818
    pass


class NVMLError_GpuIsLost(NVMLError):  # noqa: N801, N818
    pass


class NVMLError_NotFound(NVMLError):  # noqa: N801, N818
    pass


class Record:
    """A C structure."""

    def __init__(self, **fields: int) -> None:
        self.__dict__.update(fields)


class FakeGpu:
    """One card. `broken` maps the last part of a call's name to the error it raises."""

    def __init__(
        self,
        number: int,
        *,
        name: str = "NVIDIA H100",
        broken: dict[str, type[NVMLError]] | None = None,
        mig: int = 0,
    ) -> None:
        self.name = name
        self.uuid = f"GPU-{number:08d}-aaaa"
        self.broken = broken or {}
        self.calls: list[str] = []
        self.instances = [FakeInstance(f"MIG-{number}-{place}") for place in range(mig)]


class FakeInstance:
    """One MIG instance: memory, and nothing else."""

    def __init__(self, uuid: str) -> None:
        self.uuid = uuid
        self.name = "MIG 1g.10gb"
        self.calls: list[str] = []
        self.instances: list[Any] = []
        self.broken: dict[str, type[NVMLError]] = dict.fromkeys(
            ("UtilizationRates", "PowerUsage", "EnforcedPowerLimit", "Temperature", "ClockInfo"),
            NVMLError_NotSupported,
        )


class FakeNvml:
    """The module: `FakeNvml([FakeGpu(0)])`."""

    NVMLError = NVMLError
    NVMLError_NotSupported = NVMLError_NotSupported
    NVML_TEMPERATURE_GPU = NVML_TEMPERATURE_GPU
    NVML_CLOCK_SM = NVML_CLOCK_SM

    def __init__(self, gpus: list[FakeGpu], *, text: Callable[[str], Any] = str) -> None:
        self.gpus = gpus
        self._text = text

    def nvmlInit(self) -> None:  # noqa: N802
        pass

    def nvmlSystemGetDriverVersion(self) -> Any:  # noqa: N802
        return self._text("570.124.06")

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return len(self.gpus)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> FakeGpu:  # noqa: N802
        gpu = self.gpus[index]
        self._answer(gpu, "HandleByIndex", None)
        return gpu

    def _answer(self, gpu: Any, call: str, value: Any) -> Any:
        gpu.calls.append(call)
        if call in gpu.broken:
            raise gpu.broken[call]
        return value

    def nvmlDeviceGetName(self, gpu: Any) -> Any:  # noqa: N802
        return self._text(gpu.name)

    def nvmlDeviceGetUUID(self, gpu: Any) -> Any:  # noqa: N802
        return self._text(gpu.uuid)

    def nvmlDeviceGetUtilizationRates(self, gpu: Any) -> Record:  # noqa: N802
        return self._answer(gpu, "UtilizationRates", Record(gpu=87, memory=40))

    def nvmlDeviceGetMemoryInfo(self, gpu: Any) -> Record:  # noqa: N802
        return self._answer(gpu, "MemoryInfo", Record(total=80 << 30, used=20 << 30, free=60 << 30))

    def nvmlDeviceGetPowerUsage(self, gpu: Any) -> int:  # noqa: N802
        return self._answer(gpu, "PowerUsage", 350_500)

    def nvmlDeviceGetEnforcedPowerLimit(self, gpu: Any) -> int:  # noqa: N802
        return self._answer(gpu, "EnforcedPowerLimit", 700_000)

    def nvmlDeviceGetTemperature(self, gpu: Any, _sensor: int) -> int:  # noqa: N802
        return self._answer(gpu, "Temperature", 61)

    def nvmlDeviceGetClockInfo(self, gpu: Any, _clock: int) -> int:  # noqa: N802
        return self._answer(gpu, "ClockInfo", 1980)

    def nvmlDeviceGetMigMode(self, gpu: Any) -> list[int]:  # noqa: N802
        if "MigMode" in gpu.broken:
            raise gpu.broken["MigMode"]
        return [int(bool(gpu.instances)), int(bool(gpu.instances))]

    def nvmlDeviceGetMaxMigDeviceCount(self, _gpu: Any) -> int:  # noqa: N802
        return 7

    def nvmlDeviceGetMigDeviceHandleByIndex(self, gpu: Any, place: int) -> Any:  # noqa: N802
        if place >= len(gpu.instances):
            raise NVMLError_NotFound
        return gpu.instances[place]
