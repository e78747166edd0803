"""Places of foreign runs that cannot be read: said at once, and no harm to the others."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from opengraphs.daemon.foreign.desk import _formats, check_readable, nothing_here
from opengraphs.daemon.foreign.follower import Follower, News
from opengraphs.daemon.foreign.places import Place
from opengraphs.errors import NotFoundError, StoreError, UsageError
from opengraphs.sources import formats
from opengraphs.sources.base import Format, Reader


def test_place_that_may_not_be_read_is_said_to_be_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_readable(tmp_path)
    with pytest.raises(NotFoundError, match="no such file or folder"):
        check_readable(tmp_path / "nope")
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(StoreError, match="cannot be read") as raised:
        check_readable(tmp_path)
    assert raised.value.hint == "check its owner and mode"


def test_place_below_a_locked_folder_is_said_to_be_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_path: Path) -> os.stat_result:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "stat", refuse)
    with pytest.raises(StoreError, match="cannot be read"):
        check_readable(tmp_path / "a.csv")


def test_empty_file_is_called_empty(tmp_path: Path) -> None:
    (tmp_path / "a.csv").touch()
    assert nothing_here(tmp_path / "a.csv", formats.FORMATS).hint == "the file is empty"


def test_unknown_format_names_each_known_one_once() -> None:
    with pytest.raises(UsageError) as raised:
        _formats("nope")
    names = raised.value.hint.removeprefix("known: ").split(", ")
    assert "csv" in names
    assert len(names) == len(set(names))


def test_folder_that_cannot_be_looked_into_stops_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def open_nothing(path: Path, cursor: object) -> Reader:
        raise NotImplementedError

    def accepts(path: Path) -> Path | None:
        if "locked" in path.parts:
            raise PermissionError(13, "Permission denied", str(path))
        return None

    monkeypatch.setattr(
        formats, "FORMATS", (Format("x", "X", "x files", ("locked", "*.x"), accepts, open_nothing),)
    )
    for name in ("locked", "open"):
        (tmp_path / name).mkdir()
    told: list[News] = []
    follower = Follower(tmp_path / "store", tell=told.append, is_visible=lambda: True)
    try:
        for name in ("locked", "open"):
            place = follower.attach(Place(str(tmp_path / name), "attach"))
            follower.wait_settled(place.place_id, 5.0)
            assert follower.is_settled(place.place_id)
    finally:
        follower.close()
