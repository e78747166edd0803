"""run.json and exit.json under a runner, on good disks and bad ones."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from opengraphs.runner.runfile import RESERVE_BYTES, Reserve, RunFile, status_of, write_exit


def test_update_replaces_the_file(tmp_path: Path) -> None:
    file = RunFile(str(tmp_path), {"run_id": "r"})
    assert file.update(status="running", pid=7)
    assert json.loads((tmp_path / "run.json").read_text()) == {"run_id": "r", "status": "running", "pid": 7}
    assert os.listdir(tmp_path) == ["run.json"]


def test_lost_folder_is_no_error_and_the_facts_are_written_when_it_is_back(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    file = RunFile(str(folder), {"run_id": "r"})
    shutil.rmtree(folder)
    assert not file.update(pid=7)
    folder.mkdir()
    file.beat()
    facts = json.loads((folder / "run.json").read_text())
    assert facts["pid"] == 7
    assert facts["heartbeat_at"].endswith("Z")


def test_exit_record_needs_its_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_exit(str(tmp_path / "gone"), {"code": 0})


@pytest.mark.parametrize(
    ("record", "status"),
    [
        ({"code": 0, "signal": None, "stopped": False}, "finished"),
        ({"code": 7, "signal": None, "stopped": False}, "failed"),
        ({"code": None, "signal": 9, "stopped": False}, "failed"),
        ({"code": 0, "signal": None, "stopped": True}, "stopped"),
        ({"code": None, "signal": 15, "stopped": True}, "stopped"),
    ],
)
def test_status_of_an_end(record: dict[str, object], status: str) -> None:
    assert status_of(record) == status


def test_reserve_holds_space_nobody_sees(tmp_path: Path) -> None:
    reserve = Reserve(str(tmp_path))
    assert os.listdir(tmp_path) == []
    if reserve._fd >= 0:  # a file system with unnamed files
        assert os.fstat(reserve._fd).st_blocks * 512 >= RESERVE_BYTES
    reserve.release()
    reserve.release()


def test_no_reserve_where_there_can_be_none(tmp_path: Path) -> None:
    Reserve(str(tmp_path / "gone")).release()
