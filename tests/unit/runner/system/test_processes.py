"""The processes of a made-up `/proc`: order, filter, and which run they belong to."""

from __future__ import annotations

from pathlib import Path

import pytest

from opengraphs.runner.system.files import on_linux
from opengraphs.runner.system.processes import MAX_COMMAND, Processes

pytestmark = pytest.mark.skipif(not on_linux(), reason="reads a made-up /proc")


def write(
    proc: Path, pid: int, *, ppid: int = 1, ticks: int = 0, pages: int = 10, command: str = "job"
) -> None:
    folder = proc / str(pid)
    folder.mkdir(exist_ok=True)
    fields = ["S", ppid, pid, pid, *[0] * 7, ticks, 0, *[0] * 6, 5, 0, pages, *[0] * 10]
    (folder / "stat").write_text(f"{pid} (a b) {' '.join(map(str, fields))}")
    (folder / "cmdline").write_bytes(command.encode().replace(b" ", b"\0"))
    (folder / "comm").write_text("kworker\n")


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    write(tmp_path, 10, pages=30, command="python train.py")
    write(tmp_path, 11, ppid=10, pages=20, command="python worker.py")
    write(tmp_path, 12, pages=10, command="")
    return tmp_path


def pids(processes: Processes, **how: str) -> list[int]:
    return [one["pid"] for one in processes.top(10, **how)["processes"]]


def test_cpu_is_since_the_look_before(proc: Path) -> None:
    processes = Processes(proc=str(proc))
    processes.sample()
    assert processes.top(10)["processes"][0]["cpu_percent"] is None
    write(proc, 12, ticks=500, command="")
    processes.sample()
    first = processes.top(10)["processes"][0]
    assert first["pid"] == 12
    assert first["cpu_percent"] > 0
    assert first["command"] == "[kworker]"


def test_memory_sorts_and_the_limit_holds(proc: Path) -> None:
    processes = Processes(proc=str(proc))
    processes.sample()
    assert pids(processes, sort="memory") == [10, 11, 12]
    told = processes.top(1)
    assert (len(told["processes"]), told["matching"], told["total"]) == (1, 3, 3)


def test_what_a_run_started_carries_its_name_and_is_found_by_it(proc: Path) -> None:
    processes = Processes(proc=str(proc))
    processes.sample()
    told = processes.top(10, filter_="BASELINE", roots={10: ("id-1", "baseline")})
    assert {one["pid"]: one["run"] for one in told["processes"]} == {10: "id-1", 11: "id-1"}
    assert told["matching"] == 2


def test_a_long_command_line_is_cut(proc: Path) -> None:
    write(proc, 13, command="x" * 10_000)
    processes = Processes(proc=str(proc))
    processes.sample()
    told = processes.top(10, filter_="xxx")["processes"]
    assert len(told[0]["command"]) == MAX_COMMAND


def test_secrets_of_a_command_line_are_not_told(proc: Path) -> None:
    write(proc, 14, command="python serve.py --api-key hunter2hunter2 --port 80")
    processes = Processes(proc=str(proc))
    processes.sample()
    told = processes.top(10, filter_="serve.py")["processes"]
    assert told[0]["command"] == "python serve.py --api-key [redacted] --port 80"
