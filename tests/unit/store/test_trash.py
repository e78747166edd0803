"""The trash: one rename there, one rename back."""

from __future__ import annotations

import fcntl
import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from opengraphs.errors import AmbiguousError, NotFoundError, ProcessError, StoreError
from opengraphs.sdk.layout import create_run_folder
from opengraphs.store import trash

A, B = "20261122-093012-k7f3", "20261122-093013-k9aa"


def make(store: Path, run_id: str, name: str = "") -> Path:
    run = Path(create_run_folder(str(store), run_id))
    (run / "run.json").write_text(json.dumps({"run_id": run_id, "name": name or run_id, "project": "p"}))
    (run / "run.lock").touch()
    return run


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_ino)
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_there_and_back_leaves_every_file_the_same(tmp_path: Path) -> None:
    run = make(tmp_path, A, "one")
    before = snapshot(run)
    assert trash.remove(tmp_path, A) == A
    assert not run.exists()
    (item,) = trash.listed(tmp_path)
    assert (item.trash_id, item.run_id, item.name, item.project) == (A, A, "one", "p")
    assert item.deleted_at.endswith("Z")
    trash.restore(tmp_path, trash.find(tmp_path, "one"))
    assert snapshot(run) == before
    assert list(trash.trash_folder(tmp_path).iterdir()) == []


def test_run_whose_lock_is_held_stays(tmp_path: Path) -> None:
    run = make(tmp_path, A)
    with (run / "run.lock").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ProcessError, match="is running"):
            trash.remove(tmp_path, A)
    assert run.exists()
    assert trash.listed(tmp_path) == []


def test_failed_rename_leaves_no_note_behind(tmp_path: Path) -> None:
    trash.trash_folder(tmp_path).mkdir()
    with pytest.raises(FileNotFoundError):
        trash.remove(tmp_path, A)
    assert list(trash.trash_folder(tmp_path).iterdir()) == []


def test_references_as_of_runs(tmp_path: Path) -> None:
    for run_id, name in ((A, "one"), (B, "two")):
        make(tmp_path, run_id, name)
        trash.remove(tmp_path, run_id)
    assert trash.find(tmp_path, "two").run_id == B
    assert trash.find(tmp_path, "k7f3").run_id == A
    with pytest.raises(AmbiguousError, match="2 removed runs"):
        trash.find(tmp_path, "k")
    for wrong in ("", "zzz", "../runs", f"{A}.json"):
        with pytest.raises(NotFoundError):
            trash.find(tmp_path, wrong)


def test_same_id_lies_there_twice_and_neither_replaces_a_run(tmp_path: Path) -> None:
    make(tmp_path, A, "one")
    trash.remove(tmp_path, A)
    make(tmp_path, A, "two")
    assert trash.remove(tmp_path, A) == f"{A}~2"
    trash.restore(tmp_path, trash.find(tmp_path, "two"))
    with pytest.raises(StoreError, match="another run"):
        trash.restore(tmp_path, trash.find(tmp_path, "one"))
    assert [item.name for item in trash.listed(tmp_path)] == ["one"]


def test_purge_that_was_cut_off_is_finished_by_the_next(tmp_path: Path) -> None:
    for run_id in (A, B):
        make(tmp_path, run_id)
        trash.remove(tmp_path, run_id)
    trash.take_for_purge(tmp_path, trash.find(tmp_path, A))  # and the daemon is killed here
    assert [item.run_id for item in trash.listed(tmp_path)] == [B]
    trash.take_for_purge(tmp_path, trash.find(tmp_path, B))
    trash.destroy(tmp_path)
    assert list(trash.trash_folder(tmp_path).iterdir()) == []


def test_link_to_a_run_elsewhere_is_removed_as_a_link(tmp_path: Path) -> None:
    elsewhere = make(tmp_path / "other", A)
    (tmp_path / "store" / "runs").mkdir(parents=True)
    (tmp_path / "store" / "runs" / A).symlink_to(elsewhere)
    trash.remove(tmp_path / "store", A)
    trash.take_for_purge(tmp_path / "store", trash.find(tmp_path / "store", A))
    trash.destroy(tmp_path / "store")
    assert (elsewhere / "run.json").exists()


def test_folder_that_was_moved_there_by_hand_counts(tmp_path: Path) -> None:
    trash.trash_folder(tmp_path).mkdir()
    make(tmp_path, A).rename(trash.trash_folder(tmp_path) / A)
    (item,) = trash.listed(tmp_path)
    assert (item.run_id, item.deleted_at[:2]) == (A, "20")
    assert trash.size_bytes(trash.trash_folder(tmp_path) / A) > 0


def test_id_of_the_one_removed_run_that_fits_is_found_without_reading_it(tmp_path: Path) -> None:
    assert trash.find_id(tmp_path, "k7f3") is None
    for run_id in (A, B):
        (make(tmp_path, run_id) / "run.json").write_text("[1")
        trash.remove(tmp_path, run_id)
    assert trash.find_id(tmp_path, "k7f3") == A
    assert [trash.find_id(tmp_path, ref) for ref in ("2026", "", "nope")] == [None, None, None]


def test_id_with_a_tilde_returns_under_its_name(tmp_path: Path) -> None:
    for _ in range(2):
        make(tmp_path, "my~run")
        trash.remove(tmp_path, "my~run")
    assert {item.run_id for item in trash.listed(tmp_path)} == {"my~run"}
    trash.restore(tmp_path, trash.find(tmp_path, "my~run~2"))
    assert (tmp_path / "runs" / "my~run" / "run.json").exists()


@pytest.mark.parametrize("noted", ["../../elsewhere", "other", "", 7])
def test_note_that_names_another_run_is_not_believed(tmp_path: Path, noted: object) -> None:
    make(tmp_path, A)
    trash.remove(tmp_path, A)
    (trash.trash_folder(tmp_path) / f"{A}.json").write_text(json.dumps({"run_id": noted}))
    assert trash.find(tmp_path, A).run_id == A


def test_two_that_purge_at_once_do_not_trip_over_each_other(tmp_path: Path) -> None:
    names = [f"20261122-093012-{number:04d}" for number in range(12)]
    for name in names:
        run = make(tmp_path, name)
        for number in range(60):
            (run / "media" / str(number)).parent.mkdir(exist_ok=True)
            (run / "media" / str(number)).write_text("x")
        trash.remove(tmp_path, name)

    def purge(name: str) -> None:
        trash.take_for_purge(tmp_path, trash.find(tmp_path, name))
        trash.destroy(tmp_path)

    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(purge, names))
    assert list(trash.trash_folder(tmp_path).iterdir()) == []


def test_what_cannot_be_deleted_keeps_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for run_id in (A, B):
        make(tmp_path, run_id)
        trash.remove(tmp_path, run_id)
        trash.take_for_purge(tmp_path, trash.find(tmp_path, run_id))
    rmtree = shutil.rmtree

    def refuse(path: Path) -> None:
        if A in path.name:
            raise PermissionError(13, "Permission denied")
        rmtree(path)

    monkeypatch.setattr(shutil, "rmtree", refuse)
    with pytest.raises(PermissionError):
        trash.destroy(tmp_path)
    assert [A in path.name for path in trash.trash_folder(tmp_path).iterdir()] == [True]
