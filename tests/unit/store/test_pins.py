"""Keeping a checkpoint: links, copies, and what is refused; rotation and rewriting take nothing away."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import checkpoint_kit as kit
import pytest

from opengraphs.errors import ConflictError, DiskFullError, StoreError
from opengraphs.store import pins
from opengraphs.store.checkpoints import is_complete

ID = "found-5-abc123"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    return folder


def files(folder: Path) -> dict[str, bytes]:
    return {str(at.relative_to(folder)): at.read_bytes() for at in sorted(folder.rglob("*")) if at.is_file()}


def test_a_folder_is_linked_and_survives_its_removal(run: Path, tmp_path: Path) -> None:
    source = kit.hf(tmp_path / "out" / "checkpoint-5", 5)
    before = files(source)
    kept = pins.pin(run, ID, source, kind="hf", rewritten=False)
    assert kept.how == "link"
    assert (Path(kept.path) / "optimizer.pt").stat().st_nlink == 2
    shutil.rmtree(source)
    assert files(Path(kept.path)) == before
    assert is_complete(kept.path, "hf")
    assert pins.pins_of(run) == {ID: kept}
    assert pins.unpin(run, ID)
    assert not pins.unpin(run, ID)
    assert list((run / "checkpoints").iterdir()) == []


@pytest.mark.parametrize("name", ["ckpt.pt", "last.ckpt", "model.pt"])
def test_what_is_overwritten_in_place_is_copied(run: Path, tmp_path: Path, name: str) -> None:
    source = kit.zipped(tmp_path / name)
    before = source.read_bytes()
    kept = pins.pin(run, ID, source, kind="torch", rewritten=False)
    assert kept.how in ("copy", "clone")
    source.write_bytes(b"something else")
    assert Path(kept.path).read_bytes() == before
    assert Path(kept.path).stat().st_mtime_ns != source.stat().st_mtime_ns


def test_what_was_told_of_several_times_is_copied_whatever_its_name(run: Path, tmp_path: Path) -> None:
    source = kit.zipped(tmp_path / "step_5.pt")
    assert pins.pin(run, "a", source, kind="torch", rewritten=False).how == "link"
    assert pins.pin(run, "b", source, kind="torch", rewritten=True).how in ("copy", "clone")


def test_keeping_twice_is_keeping_once(run: Path, tmp_path: Path) -> None:
    source = kit.hf(tmp_path / "checkpoint-5", 5)
    first = pins.pin(run, ID, source, kind="hf", rewritten=False)
    shutil.rmtree(source)
    assert pins.pin(run, ID, source, kind="hf", rewritten=False) == first


@pytest.mark.parametrize(
    ("make", "kind", "tracker", "told"),
    [
        (kit.deepspeed, "deepspeed", "latest", "global_step70"),
        (kit.megatron, "megatron", "latest_checkpointed_iteration.txt", "70"),
    ],
)
def test_loaders_that_want_a_tracker_find_one(
    run: Path, tmp_path: Path, make: Any, kind: str, tracker: str, told: str
) -> None:
    kept = pins.pin(run, ID, make(tmp_path / "out", 70), kind=kind, rewritten=False)
    assert (Path(kept.path).parent / tracker).read_text() == told
    assert is_complete(kept.path, kind)


def no_links(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any, **__: Any) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refused)
    monkeypatch.setattr(pins, "_clone", lambda *_: False)


def test_to_another_file_system_it_is_copied_when_small_and_refused_when_big(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = kit.hf(tmp_path / "checkpoint-5", 5)
    no_links(monkeypatch)
    assert pins.pin(run, "small", source, kind="hf", rewritten=False).how == "copy"
    monkeypatch.setattr(pins, "MAX_COPY_BYTES", 10)
    with pytest.raises(StoreError, match="another file system"):
        pins.pin(run, "big", source, kind="hf", rewritten=False)
    assert sorted(at.name for at in (run / "checkpoints").iterdir()) == ["small"]


def test_a_copy_leaves_room_on_the_disk(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = kit.zipped(tmp_path / "ckpt.pt")
    monkeypatch.setattr(pins, "_clone", lambda *_: False)
    monkeypatch.setattr(pins, "ROOM_LEFT_BYTES", 1 << 62)
    with pytest.raises(DiskFullError):
        pins.pin(run, ID, source, kind="torch", rewritten=False)
    assert list((run / "checkpoints").iterdir()) == []


def test_a_full_disk_leaves_nothing_half_kept(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = kit.hf(tmp_path / "checkpoint-5", 5)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "link", full)
    with pytest.raises(DiskFullError):
        pins.pin(run, ID, source, kind="hf", rewritten=False)
    assert list((run / "checkpoints").iterdir()) == []


def test_one_that_is_written_to_meanwhile_is_not_kept(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = kit.zipped(tmp_path / "ckpt.pt")
    copied = shutil.copyfileobj

    def torn(*words: Any) -> None:
        copied(*words)
        kit.zipped(source, size=999)

    monkeypatch.setattr(pins, "_clone", lambda *_: False)
    monkeypatch.setattr(shutil, "copyfileobj", torn)
    with pytest.raises(ConflictError):
        pins.pin(run, ID, source, kind="torch", rewritten=False)
    assert list((run / "checkpoints").iterdir()) == []


@pytest.mark.parametrize(
    "name", ["../../evil", "/etc/evil", "..", ".", "a/b", "", "x" * 500, "a\0b", ".hidden", "ünï"]
)
def test_an_id_that_a_script_made_up_stays_inside(run: Path, tmp_path: Path, name: str) -> None:
    source = kit.hf(tmp_path / "checkpoint-5", 5)
    kept = pins.pin(run, name, source, kind="hf", rewritten=False)
    assert Path(kept.path).resolve().parent.parent == (run / "checkpoints").resolve()
    assert pins.pins_of(run) == {name: kept}
    assert pins.unpin(run, name)


def test_links_in_a_checkpoint_are_not_followed(run: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    source = kit.hf(tmp_path / "checkpoint-5", 5)
    (source / "odd").symlink_to(tmp_path / "secret")
    (source / "folder").symlink_to(tmp_path)
    kept = pins.pin(run, ID, source, kind="hf", rewritten=False)
    assert "odd" not in files(Path(kept.path))
    assert b"secret" not in files(Path(kept.path)).values()


def test_a_pin_of_another_machine_leads_nowhere_else(run: Path) -> None:
    folder = run / "checkpoints" / "x"
    folder.mkdir(parents=True)
    told = {
        "checkpoint_id": "x",
        "name": "../../../etc/passwd",
        "source": "/",
        "time": 1,
        "bytes": 1,
        "how": "link",
    }
    (folder / "pin.json").write_text(json.dumps(told))
    assert pins.pins_of(run) == {}
    for text in ("", "[]", "{", '{"checkpoint_id": 1}', '{"name": ""}'):
        (folder / "pin.json").write_text(text)
        assert pins.pins_of(run) == {}


@pytest.mark.parametrize("what", ["gone", "link", "empty"])
def test_what_is_no_checkpoint_is_refused(run: Path, tmp_path: Path, what: str) -> None:
    source = tmp_path / "checkpoint-5"
    if what == "link":
        source.symlink_to(kit.hf(tmp_path / "real", 5))
    elif what == "empty":
        source.mkdir()
    with pytest.raises(StoreError):
        pins.pin(run, ID, source, kind="hf", rewritten=False)
