"""What the machine and a process tree are doing: plain numbers, no run and no runner in sight.

    HostSampler    cpu, load, memory, swap, disk, network, GPUs; rates since the previous call
    Processes      the busiest processes of the machine
    ProcessTree    cpu, memory and number of the processes below one pid
    sample_host    both readings a rate needs, in one call
    host_facts     what does not change: processor, memory, GPUs
    oom_kills      how often the kernel killed for memory

Linux reads `/proc` and the cgroup tree; other systems ask psutil, which is then
imported on first use. NVML is loaded only where a driver is.
"""

from __future__ import annotations

from .facts import host_facts
from .host import HostSampler, sample_host
from .oom import oom_kills
from .processes import Processes
from .tree import ProcessTree

__all__ = ["HostSampler", "ProcessTree", "Processes", "host_facts", "oom_kills", "sample_host"]
