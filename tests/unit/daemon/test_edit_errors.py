"""What the disk has against an edit, in words; and edits that the desk passes on."""

from __future__ import annotations

import errno
import fcntl
import json
from pathlib import Path

import pytest

from opengraphs.daemon import ownevents
from opengraphs.daemon.routes import edits
from opengraphs.errors import DiskFullError, StoreError
from opengraphs.sdk.layout import create_run_folder


@pytest.mark.parametrize(
    ("number", "kind", "said"),
    [
        (errno.ENOSPC, DiskFullError, "no space left"),
        (errno.EDQUOT, DiskFullError, "no space left"),
        (errno.EROFS, StoreError, "read-only"),
        (errno.EACCES, StoreError, "cannot be written"),
        (errno.EBUSY, StoreError, "busy"),
        (errno.EXDEV, StoreError, "cannot be done"),
    ],
)
def test_every_refusal_of_the_disk_is_an_error_of_the_store(
    number: int, kind: type[StoreError], said: str
) -> None:
    with pytest.raises(kind) as caught, edits._writing(Path("/a/store")):
        raise OSError(number, "it is busy" if number == errno.EBUSY else "refused")
    assert said in caught.value.message
    assert caught.value.path == "/a/store"


def test_event_comes_after_the_newest_one_also_when_that_is_ahead(tmp_path: Path) -> None:
    run = Path(create_run_folder(str(tmp_path), "20261122-093012-k7f3"))
    written = ownevents.append_events(run, [{"kind": "a"}, {"kind": "b"}], after_s=4e9)
    lines = [json.loads(line) for line in (run / "events" / "ogd.jsonl").read_text().splitlines()]
    assert lines == written
    assert 4e9 < lines[0]["time"] < lines[1]["time"]


def test_file_that_another_daemon_holds_is_not_waited_for_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ownevents, "LOCK_S", 0.0)
    run = Path(create_run_folder(str(tmp_path), "20261122-093012-k7f3"))
    ownevents.append_event(run, "tag", tags=["x"])
    with (run / "events" / "ogd.jsonl").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(OSError, match="another daemon"):
            ownevents.append_event(run, "tag", tags=["y"])
    ownevents.append_event(run, "tag", tags=["z"])
    lines = (run / "events" / "ogd.jsonl").read_text().splitlines()
    assert [json.loads(line)["tags"] for line in lines] == [["x"], ["z"]]


def test_run_without_an_events_folder_gets_one(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    ownevents.append_event(tmp_path / "run", "tag", tags=["x"])
    assert (tmp_path / "run" / "events" / "ogd.jsonl").exists()
