"""The figures read from `/proc` and `/sys`: from fixture files, and beside psutil on this machine."""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path

import psutil
import pytest

from opengraphs.runner.system import HostSampler, host_facts, sample_host
from opengraphs.runner.system.cgroup import Cgroup
from opengraphs.runner.system.linux import (
    LinuxHost,
    cpu_times,
    disk_bytes,
    memory_rows,
    net_bytes,
    network_cards,
    whole_disks,
)
from opengraphs.runner.system.portable import PortableHost
from opengraphs.runner.system.rates import Rate

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")

STAT = """cpu  100 10 50 800 40 0 0 0 7 0
cpu0 60 10 30 380 20 0 0 0 7 0
cpu1 40 0 20 420 20 0 0 0 0 0
intr 12345
"""


def test_cpu_busy_is_all_but_idle_and_io_wait() -> None:
    assert cpu_times(STAT) == {"cpu": (160, 1000), "cpu0": (100, 500), "cpu1": (60, 500)}


def test_memory_rows_are_bytes() -> None:
    assert memory_rows("MemTotal:  1000 kB\nHugePages_Total:  3\n") == {
        "MemTotal": 1_024_000,
        "HugePages_Total": 3072,
    }


def test_only_whole_disks_count() -> None:
    text = "   8  0 sda 5 0 100 0 3 0 200 0 0 0 0\n   8  1 sda1 5 0 90 0 3 0 190 0 0 0 0\n 253 0 dm-0 1 0 50 0 1 0 60 0\n"
    assert disk_bytes(text, frozenset(["sda"])) == (51200, 102400)


def test_disks_made_of_disks_are_left_out(tmp_path: Path) -> None:
    for name in ("sda", "nvme0n1", "vda", "loop0", "dm-0", "md127", "ram0", "zram0", "sr0"):
        (tmp_path / "block" / name).mkdir(parents=True)
    assert whole_disks(str(tmp_path)) == {"sda", "nvme0n1", "vda"}
    assert whole_disks(str(tmp_path / "nowhere")) == frozenset()


def test_virtual_cards_count_only_where_there_are_no_others(tmp_path: Path) -> None:
    for name in ("lo", "eth0", "docker0", "veth1"):
        (tmp_path / "class" / "net" / name).mkdir(parents=True)
    assert network_cards(str(tmp_path)) == {"eth0", "docker0", "veth1"}
    (tmp_path / "class" / "net" / "eth0" / "device").mkdir()
    assert network_cards(str(tmp_path)) == {"eth0"}


def test_network_bytes_of_the_chosen_cards() -> None:
    text = "Inter-|   Receive\n face |bytes\n    lo: 9 1 0 0 0 0 0 0 9 1 0 0 0 0 0 0\n  eth0: 5 1 0 0 0 0 0 0 7 1 0 0 0 0 0 0\n"
    assert net_bytes(text, frozenset(["eth0"])) == (5, 7)


def test_rate_has_nothing_at_first_and_after_a_reset() -> None:
    rate = Rate()
    assert rate.per_second({"a": 10}) == {}
    assert rate.per_second({"a": 10}) == {"a": 0.0}
    assert rate.per_second({"a": 3}) == {}


@pytest.fixture
def made_host(tmp_path: Path) -> Path:
    (tmp_path / "self" / "net").mkdir(parents=True)
    (tmp_path / "stat").write_text(STAT)
    (tmp_path / "meminfo").write_text(
        "MemTotal: 1000 kB\nMemAvailable: 400 kB\nSwapTotal: 10 kB\nSwapFree: 4 kB\n"
    )
    return tmp_path


def test_sample_of_a_made_host(made_host: Path) -> None:
    host = LinuxHost(
        disk_path=str(made_host),
        proc=str(made_host),
        sys_root=str(made_host),
        cgroup=Cgroup(proc=str(made_host)),
    )
    first = host.sample()
    assert "cpu.percent" not in first
    assert first["ram.used_bytes"] == 600 * 1024
    assert first["ram.percent"] == 60.0
    assert first["swap.used_bytes"] == 6 * 1024
    (made_host / "stat").write_text(STAT.replace("cpu  100 10 50 800", "cpu  150 10 50 850"))
    assert host.sample()["cpu.percent"] == 50.0
    host.close()


def test_figures_that_cannot_be_read_are_missing_not_wrong(tmp_path: Path) -> None:
    host = LinuxHost(
        disk_path=str(tmp_path / "nowhere"),
        proc=str(tmp_path),
        sys_root=str(tmp_path),
        cgroup=Cgroup(proc=str(tmp_path)),
    )
    sample = host.sample()
    assert "disk.free_bytes" not in sample
    assert "cpu.percent" not in sample
    assert sample["ram.percent"] == 0.0
    host.close()


def test_sample_of_this_host_agrees_with_psutil() -> None:
    metrics = sample_host(window_s=0.05, disk_path="/")
    ram, disk, swap = psutil.virtual_memory(), psutil.disk_usage("/"), psutil.swap_memory()
    limit = Cgroup().memory()
    assert metrics["ram.total_bytes"] == min(ram.total, limit.total if limit else math.inf)
    if limit is None:
        assert metrics["ram.used_bytes"] == pytest.approx(ram.total - ram.available, rel=0.25)
    assert metrics["swap.total_bytes"] == swap.total
    assert metrics["disk.total_bytes"] == disk.total
    assert metrics["disk.free_bytes"] == pytest.approx(disk.free, rel=0.05)
    assert 0 <= metrics["cpu.percent"] <= 100
    assert 0 < metrics["cpu.count"] <= len(os.sched_getaffinity(0))
    assert all(math.isfinite(value) for value in metrics.values())


def test_portable_host_has_the_same_figures() -> None:
    linux, portable = HostSampler(env={}), PortableHost(disk_path="/")
    linux.sample(), portable.sample()
    here, there = linux.sample(), portable.sample()
    linux.close()
    clocked = ("cpu.percent", "cpu.0", "cpu.1", "cpu.throttled", "gpu.")  # need a tick between two looks
    assert {key for key in there if not key.startswith(clocked)} == {
        key for key in here if not key.startswith(clocked)
    }
    assert there["ram.used_bytes"] == pytest.approx(here["ram.used_bytes"], rel=0.25)


def test_host_facts_are_json_values() -> None:
    facts = host_facts()
    assert facts["host"] == os.uname().nodename
    assert facts["cpu"]["count"] == os.cpu_count()
    assert facts["ram"]["total_bytes"] == psutil.virtual_memory().total
    assert isinstance(facts["gpus"], list)
