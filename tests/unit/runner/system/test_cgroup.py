"""Limits from cgroup trees as containers, Slurm and systemd lay them out."""

from __future__ import annotations

from pathlib import Path

import pytest

from opengraphs.runner.system.cgroup import Cgroup, MemoryLimit
from opengraphs.runner.system.oom import oom_kills

GIB = 1 << 30
V2_MOUNT = "30 23 0:26 {root} {point} rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
V1_MOUNT = "31 23 0:27 {root} {point} rw,nosuid shared:5 - cgroup cgroup rw,{controllers}\n"


class Tree:
    """A host's cgroup files below a temporary folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.proc = folder / "proc"
        self.proc.mkdir()
        (self.proc / "mountinfo").write_text("")
        (self.proc / "cgroup").write_text("")

    def mount(self, text: str, **values: str) -> None:
        with (self.proc / "mountinfo").open("a") as file:
            file.write(text.format(**values))

    def place(self, *lines: str) -> None:
        (self.proc / "cgroup").write_text("".join(line + "\n" for line in lines))

    def write(self, path: str, content: object) -> None:
        file = self.folder / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{content}\n")

    def cgroup(self) -> Cgroup:
        return Cgroup(proc=str(self.proc), prefix=str(self.folder))


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def unified(tree: Tree, place: str, *, root: str = "/") -> None:
    tree.mount(V2_MOUNT, root=root, point="/sys/fs/cgroup")
    tree.place(f"0::{place}")


def test_host_without_cgroups(tree: Tree) -> None:
    cgroup = tree.cgroup()
    assert cgroup.memory() is None
    assert cgroup.cpus() is None
    assert cgroup.throttling() is None
    assert cgroup.oom_kills() is None


def test_v2_limit_and_use_without_the_inactive_cache(tree: Tree) -> None:
    unified(tree, "/user.slice/job.scope")
    tree.write("/sys/fs/cgroup/user.slice/job.scope/memory.max", 4 * GIB)
    tree.write("/sys/fs/cgroup/user.slice/job.scope/memory.current", 3 * GIB)
    tree.write(
        "/sys/fs/cgroup/user.slice/job.scope/memory.stat", f"anon 5\nfile 7\ninactive_file {GIB}\nslab 1"
    )
    assert tree.cgroup().memory() == MemoryLimit(4 * GIB, 2 * GIB)


def test_v2_tightest_limit_is_an_ancestors_and_its_use_counts(tree: Tree) -> None:
    unified(tree, "/user.slice/job.scope")
    tree.write("/sys/fs/cgroup/user.slice/job.scope/memory.max", "max")
    tree.write("/sys/fs/cgroup/user.slice/job.scope/memory.current", 1 * GIB)
    tree.write("/sys/fs/cgroup/user.slice/memory.max", 8 * GIB)
    tree.write("/sys/fs/cgroup/user.slice/memory.current", 6 * GIB)
    assert tree.cgroup().memory() == MemoryLimit(8 * GIB, 6 * GIB)


def test_v2_container_with_a_namespace_of_its_own(tree: Tree) -> None:
    unified(tree, "/")
    tree.write("/sys/fs/cgroup/memory.max", 2 * GIB)
    tree.write("/sys/fs/cgroup/memory.current", GIB)
    assert tree.cgroup().memory() == MemoryLimit(2 * GIB, GIB)


def test_v2_container_whose_mount_shows_its_part_of_the_hosts_tree(tree: Tree) -> None:
    unified(tree, "/docker/abc/inner", root="/docker/abc")
    tree.write("/sys/fs/cgroup/inner/memory.max", GIB)
    tree.write("/sys/fs/cgroup/inner/memory.current", 5)
    assert tree.cgroup().memory() == MemoryLimit(GIB, 5)


def test_v2_place_outside_what_is_mounted_falls_back_to_the_mount(tree: Tree) -> None:
    unified(tree, "/kubepods/pod1", root="/docker/abc")
    tree.write("/sys/fs/cgroup/memory.max", GIB)
    tree.write("/sys/fs/cgroup/memory.current", 5)
    assert tree.cgroup().memory() == MemoryLimit(GIB, 5)


def test_no_limit_anywhere(tree: Tree) -> None:
    unified(tree, "/a")
    tree.write("/sys/fs/cgroup/a/memory.max", "max")
    tree.write("/sys/fs/cgroup/a/cpu.max", "max 100000")
    cgroup = tree.cgroup()
    assert cgroup.memory() is None
    assert cgroup.cpus() is None


def test_v2_cpu_quota_is_the_smallest_on_the_way_up(tree: Tree) -> None:
    unified(tree, "/a/b")
    tree.write("/sys/fs/cgroup/a/b/cpu.max", "400000 100000")
    tree.write("/sys/fs/cgroup/a/cpu.max", "150000 100000")
    assert tree.cgroup().cpus() == 1.5


def test_v2_throttling_and_kills(tree: Tree) -> None:
    unified(tree, "/a")
    tree.write("/sys/fs/cgroup/a/cpu.stat", "usage_usec 1\nnr_periods 40\nnr_throttled 10")
    tree.write("/sys/fs/cgroup/a/memory.events", "low 0\noom 3\noom_kill 2")
    cgroup = tree.cgroup()
    assert cgroup.throttling() == (40, 10)
    assert cgroup.oom_kills() == 2
    assert oom_kills(cgroup=cgroup) == 2


def slurm_v1(tree: Tree) -> None:
    tree.mount(V1_MOUNT, root="/", point="/sys/fs/cgroup/memory", controllers="memory")
    tree.mount(V1_MOUNT, root="/", point="/sys/fs/cgroup/cpu,cpuacct", controllers="cpu,cpuacct")
    tree.place(
        "9:memory:/slurm/uid_1/job_7/step_0", "4:cpu,cpuacct:/slurm/uid_1", "1:name=systemd:/x", "0::/x"
    )


def test_v1_memory_of_a_slurm_step(tree: Tree) -> None:
    slurm_v1(tree)
    step = "/sys/fs/cgroup/memory/slurm/uid_1/job_7/step_0"
    tree.write(f"{step}/memory.limit_in_bytes", 9223372036854771712)
    tree.write("/sys/fs/cgroup/memory/slurm/uid_1/job_7/memory.limit_in_bytes", 16 * GIB)
    tree.write("/sys/fs/cgroup/memory/slurm/uid_1/job_7/memory.usage_in_bytes", 10 * GIB)
    tree.write(
        "/sys/fs/cgroup/memory/slurm/uid_1/job_7/memory.stat", f"cache 1\ntotal_inactive_file {2 * GIB}"
    )
    tree.write(f"{step}/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 1")
    cgroup = tree.cgroup()
    assert cgroup.memory() == MemoryLimit(16 * GIB, 8 * GIB)
    assert cgroup.oom_kills() == 1


@pytest.mark.parametrize(("quota", "cpus"), [("250000", 2.5), ("-1", None)])
def test_v1_cpu_quota(tree: Tree, quota: str, cpus: float | None) -> None:
    slurm_v1(tree)
    tree.write("/sys/fs/cgroup/cpu,cpuacct/slurm/uid_1/cpu.cfs_quota_us", quota)
    tree.write("/sys/fs/cgroup/cpu,cpuacct/slurm/uid_1/cpu.cfs_period_us", "100000")
    assert tree.cgroup().cpus() == cpus


def test_hybrid_host_keeps_memory_in_v2_when_v1_has_no_memory(tree: Tree) -> None:
    tree.mount(V1_MOUNT, root="/", point="/sys/fs/cgroup/systemd", controllers="name=systemd")
    tree.mount(V2_MOUNT, root="/", point="/sys/fs/cgroup/unified")
    tree.place("1:name=systemd:/user", "0::/user")
    tree.write("/sys/fs/cgroup/unified/user/memory.max", GIB)
    tree.write("/sys/fs/cgroup/unified/user/memory.current", 1)
    assert tree.cgroup().memory() == MemoryLimit(GIB, 1)


def test_damaged_files_are_no_limits(tree: Tree) -> None:
    unified(tree, "/a")
    tree.write("/sys/fs/cgroup/a/memory.max", "what")
    tree.write("/sys/fs/cgroup/a/cpu.max", "1")
    cgroup = tree.cgroup()
    assert cgroup.memory() is None
    assert cgroup.cpus() is None


def test_kills_are_the_hosts_where_the_cgroup_does_not_count(tree: Tree) -> None:
    tree.write("/host/vmstat", "nr_free_pages 5\noom_kill 4")
    assert oom_kills(cgroup=tree.cgroup(), proc=str(tree.folder / "host")) == 4
    assert oom_kills(cgroup=tree.cgroup(), proc=str(tree.folder / "nowhere")) == 0
