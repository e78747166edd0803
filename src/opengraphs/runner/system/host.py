"""One sample of the machine."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

from .files import on_linux
from .gpu import GpuSampler, load_nvml


class HostSampler:
    """The machine's figures at each call; rates and percentages are since the call before."""

    def __init__(
        self, *, disk_path: str = "/", env: Mapping[str, str] | None = None, nvml: Any | None = None
    ) -> None:
        """Open what is read again and again.

        Args:
            disk_path: the file system whose free space is of interest.
            env: where `CUDA_VISIBLE_DEVICES` is looked up; None is this process's own.
            nvml: a loaded NVML binding; None looks for the driver.
        """
        self._host = _backend(disk_path)
        self._gpus = GpuSampler(load_nvml() if nvml is None else nvml, os.environ if env is None else env)

    def sample(self) -> dict[str, float]:
        """Metric → value, names as in docs/reference/runner.md. The first call has no rates."""
        return {**self._host.sample(), **self._gpus.sample()}

    def close(self) -> None:
        """Give open files back."""
        self._host.close()


def _backend(disk_path: str) -> Any:
    if on_linux():
        from .linux import LinuxHost

        return LinuxHost(disk_path=disk_path)
    from .portable import PortableHost

    return PortableHost(disk_path=disk_path)


def sample_host(*, window_s: float = 0.2, disk_path: str = "/") -> dict[str, float]:
    """One whole sample, rates over `window_s` seconds. A caller that asks often keeps a `HostSampler` instead."""
    sampler = HostSampler(disk_path=disk_path)
    try:
        sampler.sample()
        time.sleep(window_s)  # the window that the rates are measured over
        return sampler.sample()
    finally:
        sampler.close()
