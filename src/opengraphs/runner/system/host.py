"""One sample of the machine."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

from .files import on_linux
from .gpu import GpuSampler, load_nvml

MAX_CORES_SHOWN = 16
"""Above this, one figure a core is noise on a screen and bulk in a file."""


class HostSampler:
    """The machine's figures at each call; rates and percentages are since the call before."""

    def __init__(
        self,
        *,
        disk_path: str = "/",
        env: Mapping[str, str] | None = None,
        nvml: Any | None = None,
        max_cores: int = MAX_CORES_SHOWN,
    ) -> None:
        """Open what is read again and again.

        Args:
            disk_path: the file system whose free space is of interest.
            env: where `CUDA_VISIBLE_DEVICES` is looked up; None is this process's own.
            nvml: a loaded NVML binding; None looks for the driver.
            max_cores: with more cores than this there is no figure for each.
        """
        self._host = _backend(disk_path, max_cores)
        self._gpus = GpuSampler(load_nvml() if nvml is None else nvml, os.environ if env is None else env)

    def sample(self) -> dict[str, float]:
        """Metric → value, names as in docs/reference/runner.md. The first call has no rates."""
        return {**self._host.sample(), **self._gpus.sample()}

    def close(self) -> None:
        """Give open files back."""
        self._host.close()


def _backend(disk_path: str, max_cores: int) -> Any:
    if on_linux():
        from .linux import LinuxHost

        return LinuxHost(disk_path=disk_path, max_cores=max_cores)
    from .portable import PortableHost

    return PortableHost(disk_path=disk_path, max_cores=max_cores)


def sample_host(*, window_s: float = 0.2, disk_path: str = "/") -> dict[str, float]:
    """One whole sample, rates over `window_s` seconds. A caller that asks often keeps a `HostSampler` instead."""
    sampler = HostSampler(disk_path=disk_path)
    try:
        sampler.sample()
        time.sleep(window_s)  # the window that the rates are measured over
        return sampler.sample()
    finally:
        sampler.close()
