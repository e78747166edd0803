"""CPU and memory of a process tree."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import psutil
import pytest

from opengraphs.runner.system import ProcessTree
from opengraphs.runner.system.portable import PortableTree
from opengraphs.runner.system.tree import Stat, members, parse_stat

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")

TICKS = os.sysconf("SC_CLK_TCK")


def line(
    pid: int, ppid: int, session: int, *, state: str = "S", cpu: int = 0, start: int = 0, rss: int = 1
) -> str:
    fields = [
        state,
        ppid,
        session,
        session,
        0,
        -1,
        0,
        0,
        0,
        0,
        0,
        cpu,
        0,
        0,
        0,
        20,
        0,
        1,
        0,
        start,
        4096,
        rss,
        0,
        0,
    ]
    return f"{pid} (a) b (c) " + " ".join(str(field) for field in fields)


def test_name_with_spaces_and_parentheses() -> None:
    assert parse_stat(line(5, 1, 9, cpu=30, start=7, rss=12)) == Stat(1, 9, 30, 7, 12)


@pytest.mark.parametrize("text", ["", "5 (x) S 1", line(5, 1, 9, state="Z")])
def test_gone_and_zombie_processes_are_none(text: str) -> None:
    assert parse_stat(text) is None


def test_members_are_descendants_and_what_is_left_of_the_session() -> None:
    parents = {10: (1, 10), 11: (10, 10), 12: (11, 12), 13: (1, 10), 14: (1, 1), 15: (13, 99)}
    stats = {pid: Stat(ppid, session, 0, 0, 0) for pid, (ppid, session) in parents.items()}
    assert members(stats, 10) == {10, 11, 12, 13, 15}


class Proc:
    """A `/proc` made of stat files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, pid: int, text: str) -> None:
        (self.folder / str(pid)).mkdir(exist_ok=True)
        (self.folder / str(pid) / "stat").write_text(text)


def test_first_sample_has_no_cpu_and_counts_memory(tmp_path: Path) -> None:
    proc = Proc(tmp_path)
    proc.put(10, line(10, 1, 10, rss=3))
    proc.put(11, line(11, 10, 10, rss=4))
    proc.put(99, line(99, 1, 99, rss=100))
    sample = ProcessTree(10, proc=str(tmp_path)).sample()
    assert sample == {"proc.rss_bytes": 7.0 * os.sysconf("SC_PAGE_SIZE"), "proc.count": 2.0}


def test_tree_that_is_gone_is_empty(tmp_path: Path) -> None:
    assert ProcessTree(10, proc=str(tmp_path)).sample() == {}


def test_old_process_found_late_does_not_bring_its_past_along(tmp_path: Path) -> None:
    proc = Proc(tmp_path)
    proc.put(10, line(10, 1, 10))
    tree = ProcessTree(10, proc=str(tmp_path))
    tree.sample()
    proc.put(11, line(11, 10, 10, cpu=10**7, start=5))
    tree.pids()  # looks for new processes
    assert tree.sample()["proc.cpu_percent"] == 0.0


def test_reused_pid_does_not_count_backwards(tmp_path: Path) -> None:
    proc = Proc(tmp_path)
    proc.put(10, line(10, 1, 10, cpu=500, start=5))
    tree = ProcessTree(10, proc=str(tmp_path))
    tree.sample()
    proc.put(10, line(10, 1, 10, cpu=1, start=6))
    assert tree.sample()["proc.cpu_percent"] >= 0.0


def test_this_process_agrees_with_psutil() -> None:
    me = psutil.Process()
    sample = ProcessTree(os.getpid()).sample()
    family = [me, *me.children(recursive=True)]
    assert sample["proc.count"] >= 1
    assert sample["proc.rss_bytes"] >= 0.8 * me.memory_info().rss
    assert {process.pid for process in family} <= ProcessTree(os.getpid()).pids()


def test_portable_tree_has_the_same_figures() -> None:
    tree = PortableTree(os.getpid())
    first, second = tree.sample(), tree.sample()
    assert set(first) == {"proc.rss_bytes", "proc.count"}
    assert set(second) == {"proc.cpu_percent", "proc.rss_bytes", "proc.count"}
    assert os.getpid() in tree.pids()
    assert PortableTree(2**22 + 1).sample() == {}
