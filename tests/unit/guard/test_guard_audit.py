"""Nothing in an audit can be changed, taken out, moved or cut unseen, and no secret is in it."""

from __future__ import annotations

import errno
import fcntl
import itertools
import json
import os
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path
from typing import Any

import pytest

from opengraphs.errors import ConflictError, DiskFullError, StoreError
from opengraphs.guard import chain
from opengraphs.guard.audit import KINDS, LONG_TEXT, OWN_KINDS, Audit, read, verify
from opengraphs.redaction import Redactor

SECRET = "hf_AbCdEfGhIjKlMnOpQrStUv"


def opened(folder: Path, *known: str) -> Audit:
    ticks = itertools.count(1_700_000_000)
    return Audit(folder, Redactor(known, salt=b"0" * 16), clock=lambda: next(ticks))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An audit of five records and two blobs."""
    with opened(tmp_path / "agent") as audit:
        audit.append("prompt", text="why?", blob=audit.blob("the whole prompt"))
        audit.append("answer", text="the learning rate", tokens=12)
        audit.append("plan", plan={"action": {"kind": "patch", "edits": "x" * (LONG_TEXT + 1)}})
        audit.append("decision", decision="approve", origin="tui")
        audit.append("done", outcome="kept")
    return tmp_path / "agent"


def lines(folder: Path) -> list[bytes]:
    return (folder / chain.FILE).read_bytes().splitlines(keepends=True)


def put(folder: Path, data: list[bytes]) -> None:
    (folder / chain.FILE).write_bytes(b"".join(data))


def test_an_audit_that_nobody_touched_is_intact(folder: Path) -> None:
    assert verify(folder) == (5, True, "")
    assert [record["seq"] for record in read(folder, 1, 100)] == [1, 2, 3, 4, 5]
    assert [record["kind"] for record in read(folder, 2, 2)] == ["answer", "plan"]
    assert read(folder, 6, 10) == []


def test_a_record_has_its_place_its_time_and_its_texts(folder: Path) -> None:
    first, _, third, *_ = read(folder, 1, 5)
    assert list(first) == ["seq", "time", "kind", "text", "blob", "blobs", "prev", "hash"]
    assert (first["time"], first["prev"]) == (1_700_000_000, "0" * 64)
    assert (folder / "blobs" / first["blob"]).read_text() == "the whole prompt"
    edits = third["plan"]["action"]["edits"]
    assert edits == {"blob": third["blobs"][0], "size_bytes": LONG_TEXT + 1}
    assert (folder / "blobs" / edits["blob"]).read_text() == "x" * (LONG_TEXT + 1)


def test_it_goes_on_where_it_stood(folder: Path) -> None:
    with opened(folder) as audit:
        assert audit.seq == 5
        assert audit.append("mode", mode="guarded") == 6
    assert verify(folder) == (6, True, "")


def test_one_process_writes(folder: Path) -> None:
    with opened(folder), pytest.raises(ConflictError):
        opened(folder)
    with opened(folder) as audit:
        assert audit.append("mode") == 6


def test_no_audit_is_an_empty_one(tmp_path: Path) -> None:
    assert verify(tmp_path / "agent") == (0, True, "")
    assert read(tmp_path / "agent", 1, 10) == []
    with opened(tmp_path / "agent"):
        assert verify(tmp_path / "agent") == (0, True, "")


# who touches it is found out


def _edit(folder: Path) -> None:
    data = lines(folder)
    put(folder, [*data[:1], data[1].replace(b"learning", b"LEARNING"), *data[2:]])


def _edit_with_a_new_hash(folder: Path) -> None:
    data = lines(folder)
    record = json.loads(data[1])
    fields = {key: value for key, value in record.items() if key not in ("prev", "hash")}
    data[1] = chain.line_of(chain.sealed({**fields, "text": "another"}, prev=record["prev"]))
    put(folder, data)


def _edit_the_last_with_a_new_hash(folder: Path) -> None:
    data = lines(folder)
    record = json.loads(data[-1])
    fields = {key: value for key, value in record.items() if key not in ("prev", "hash")}
    put(folder, [*data[:-1], chain.line_of(chain.sealed({**fields, "outcome": "x"}, prev=record["prev"]))])


def _second_key(folder: Path) -> None:
    data = lines(folder)
    put(folder, [data[0].replace(b'"text": "why?"', b'"text": "no", "text": "why?"'), *data[1:]])


def _space(folder: Path) -> None:
    data = lines(folder)
    put(folder, [data[0].replace(b", ", b",  ", 1), *data[1:]])


def _renumber(folder: Path) -> None:
    data = lines(folder)
    put(folder, [*data[:3], data[3].replace(b'"seq": 4', b'"seq": 5'), data[4]])


def _drop(number: int) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        put(folder, [line for at, line in enumerate(lines(folder), 1) if at != number])

    return change


def _swap(folder: Path) -> None:
    data = lines(folder)
    put(folder, [data[0], data[2], data[1], *data[3:]])


def _twice(folder: Path) -> None:
    data = lines(folder)
    put(folder, [*data[:2], data[1], *data[2:]])


def _insert(folder: Path) -> None:
    data = lines(folder)
    made = chain.line_of(
        chain.sealed({"seq": 3, "time": 1.0, "kind": "plan"}, prev=json.loads(data[1])["hash"])
    )
    put(folder, [*data[:2], made, *data[2:]])


def _foreign_end(folder: Path) -> None:
    put(folder, [*lines(folder), b'{"seq": 6, "kind": "decision"}\n'])


def _blank(folder: Path) -> None:
    data = lines(folder)
    put(folder, [*data[:2], b"\n", *data[2:]])


def _middle_cut(folder: Path) -> None:
    data = lines(folder)
    put(folder, [*data[:2], data[2][:40], *data[3:]])


def _tail(count: int) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        put(folder, lines(folder)[:-count])

    return change


def _half_of_the_last(folder: Path) -> None:
    data = lines(folder)
    put(folder, [*data[:-1], data[-1][:20]])


def _everything(folder: Path) -> None:
    put(folder, [])


def _file(folder: Path) -> None:
    (folder / chain.FILE).unlink()


def _head(folder: Path) -> None:
    (folder / chain.HEAD).unlink()


def _head_is_nonsense(folder: Path) -> None:
    (folder / chain.HEAD).write_text("[")


def _head_of_another(folder: Path) -> None:
    (folder / chain.HEAD).write_text(json.dumps({"seq": 3, "hash": "f" * 64}))


def _blob_gone(folder: Path) -> None:
    (folder / "blobs" / read(folder, 1, 1)[0]["blob"]).unlink()


def _blob_changed(folder: Path) -> None:
    (folder / "blobs" / read(folder, 3, 1)[0]["blobs"][0]).write_text("y")


def _nul(folder: Path) -> None:
    put(folder, [*lines(folder), b"\0" * 64 + b"\n"])


def _deep(folder: Path) -> None:
    put(folder, [*lines(folder), b"[" * 100_000 + b"\n"])


TOUCHED: list[tuple[str, Callable[[Path], None], str]] = [
    ("a word", _edit, "line 2: not as it was written"),
    ("a word and its hash", _edit_with_a_new_hash, "line 3: does not follow record 2"),
    ("the last word and its hash", _edit_the_last_with_a_new_hash, "audit.head names another record 5"),
    ("a second key of the same name", _second_key, "line 1: not as it was written"),
    ("a space", _space, "line 1: not as it was written"),
    ("a number", _renumber, "line 4: not as it was written"),
    ("the first record gone", _drop(1), "line 1: does not follow record 0"),
    ("a record gone", _drop(3), "line 3: does not follow record 2"),
    ("two records swapped", _swap, "line 2: does not follow record 1"),
    ("a record twice", _twice, "line 3: does not follow record 2"),
    ("a record more", _insert, "line 4: does not follow record 3"),
    ("a record at the end", _foreign_end, "line 6: not as it was written"),
    ("an empty line", _blank, "line 3: not as it was written"),
    ("a line cut in the middle", _middle_cut, "line 3: not as it was written"),
    ("the last record gone", _tail(1), "the last 1 of 5 records are gone"),
    ("the last records gone", _tail(3), "the last 3 of 5 records are gone"),
    ("half of the last record", _half_of_the_last, "the last 1 of 5 records are gone"),
    ("all records gone", _everything, "the last 5 of 5 records are gone"),
    ("the file gone", _file, "the last 5 of 5 records are gone"),
    ("the head gone", _head, "audit.head is missing"),
    ("the head is nonsense", _head_is_nonsense, "audit.head is missing"),
    ("the head of another", _head_of_another, "audit.head names another record 3"),
    ("a blob gone", _blob_gone, "line 1: its blob"),
    ("a blob changed", _blob_changed, "line 3: its blob"),
    ("NUL bytes", _nul, "line 6: not as it was written"),
    ("brackets without end", _deep, "line 6: not as it was written"),
]


@pytest.mark.parametrize(
    ("change", "said"), [(c, s) for _, c, s in TOUCHED], ids=[name for name, _, _ in TOUCHED]
)
def test_whoever_touches_it_is_found_out(folder: Path, change: Callable[[Path], None], said: str) -> None:
    change(folder)
    checked = verify(folder)
    assert not checked.intact
    assert checked.broken.startswith(said)


@pytest.mark.parametrize(
    ("change", "said"), [(c, s) for _, c, s in TOUCHED], ids=[name for name, _, _ in TOUCHED]
)
def test_writing_on_hides_nothing(folder: Path, change: Callable[[Path], None], said: str) -> None:
    """The daemon opens what somebody touched, writes on, and it still tells."""
    change(folder)
    for _ in range(2):
        with opened(folder) as audit:
            audit.append("mode", mode="off")
    checked = verify(folder)
    if "names another record 3" in said:
        return  # the new head says nothing about the old one, and the chain holds
    assert not checked.intact


# who is killed leaves it whole


def test_a_torn_last_line_is_cut_and_told(folder: Path) -> None:
    with (folder / chain.FILE).open("ab") as file:
        file.write(b'{"seq": 6, "time": 17000')
    assert verify(folder) == (5, True, "")
    with opened(folder) as audit:
        assert audit.append("mode", mode="off") == 7
    assert verify(folder) == (7, True, "")
    (repair,) = read(folder, 6, 1)
    assert (repair["kind"], repair["text"]) == ("repair", "the last line was cut after 24 bytes")


def test_a_head_that_is_behind_is_no_trouble(folder: Path) -> None:
    """Killed between the record and the head."""
    before = (folder / chain.HEAD).read_bytes()
    with opened(folder) as audit:
        audit.append("mode", mode="off")
    (folder / chain.HEAD).write_bytes(before)
    assert verify(folder) == (6, True, "")
    with opened(folder) as audit:
        audit.append("mode", mode="off")
    assert verify(folder) == (7, True, "")


def _fails(number: int) -> Callable[..., Any]:
    def call(*_: Any, **__: Any) -> Any:
        raise OSError(number, os.strerror(number))

    return call


@pytest.mark.parametrize(
    ("call", "number", "kind"),
    [
        ("write", errno.ENOSPC, DiskFullError),
        ("fsync", errno.EIO, StoreError),
        ("fsync", errno.EDQUOT, DiskFullError),
    ],
)
def test_a_record_that_is_not_on_the_disk_is_no_record(
    folder: Path, call: str, number: int, kind: type[StoreError], monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(folder) as audit:
        with monkeypatch.context() as patch:
            patch.setattr(os, call, _fails(number))
            with pytest.raises(kind):
                audit.append("plan", text="lost")
            with pytest.raises(kind):
                audit.blob("lost")
        assert audit.append("plan", text="kept") == 6
    assert verify(folder) == (6, True, "")


def test_half_a_line_before_the_disk_was_full_is_taken_back(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.write
    with opened(folder) as audit:
        with monkeypatch.context() as patch:

            def full(fd: int, data: bytes) -> int:
                if len(data) < 50:
                    raise OSError(errno.ENOSPC, "full")
                return real(fd, bytes(data)[: len(data) - 20])

            patch.setattr(os, "write", full)
            with pytest.raises(DiskFullError):
                audit.append("plan", text="lost")
        assert len(lines(folder)) == 5
        audit.append("plan", text="kept")
    assert verify(folder) == (6, True, "")


def test_half_a_line_that_could_not_be_taken_back_is_cut_before_the_next(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.write
    with opened(folder) as audit:
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", lambda fd, data: real(fd, bytes(data)[:9]))
            patch.setattr(os, "fsync", _fails(errno.EIO))
            patch.setattr(os, "ftruncate", _fails(errno.EIO))
            with pytest.raises(StoreError):
                audit.append("plan", text="lost")
        assert audit.append("plan", text="kept") == 6
    assert verify(folder) == (6, True, "")


def test_a_closed_audit_takes_nothing(folder: Path) -> None:
    audit = opened(folder)
    audit.close()
    with pytest.raises(StoreError):
        audit.append("plan")
    assert verify(folder) == (5, True, "")


def test_a_head_that_cannot_be_written_costs_no_record(folder: Path) -> None:
    with opened(folder) as audit:
        (folder / f".{chain.HEAD}.tmp").mkdir()
        assert audit.append("plan") == 6
    assert verify(folder) == (6, True, "")


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "agent").write_text("a file")
    with pytest.raises(StoreError, match="the audit cannot be written"):
        opened(tmp_path / "agent")


def test_an_audit_that_is_a_link_is_not_written(tmp_path: Path) -> None:
    (tmp_path / "agent").mkdir()
    (tmp_path / "other").write_text("")
    (tmp_path / "agent" / chain.FILE).symlink_to(tmp_path / "other")
    with pytest.raises(StoreError):
        opened(tmp_path / "agent")


def test_the_lock_is_let_go_when_it_could_not_be_opened(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(fcntl, "flock", _fails(errno.ENOLCK))
        with pytest.raises(StoreError):
            opened(folder)
    opened(folder).close()


# secrets


def test_secrets_are_hidden_before_anything_is_hashed(tmp_path: Path) -> None:
    with opened(tmp_path, "correct-horse") as audit:
        name = audit.blob(f"prompt with {SECRET}")
        audit.append("prompt", blob=name, text=f"{SECRET} correct-horse", more={"a": [SECRET], SECRET: 1})
        audit.append("tool", api_key="s3cr3t-v4lue", text="y " * LONG_TEXT + SECRET)
        audit.append("usage", tokens=1234, text="num_tokens = 1234")
    assert verify(tmp_path) == (3, True, "")
    everything = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for secret in (SECRET, "correct-horse", "s3cr3t-v4lue"):
        assert secret.encode() not in everything
    first, second, third = read(tmp_path, 1, 3)
    assert first["redacted"] == {"hf_": 4, "value": 1}
    assert second["redacted"] == {"hf_": 1, "value": 1}
    assert "redacted" not in third
    assert (third["tokens"], third["text"]) == (1234, "num_tokens = 1234")


# any value


class Colour(IntEnum):
    RED = 1


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        ("\ud800", "?"),
        (Path("/a"), "/a"),
        ((1, 2), [1, 2]),
        ({1: 2}, {"1": 2}),
        (10**30, hex(10**30)),
        (10**5000, hex(10**5000)),
        (Colour.RED, 1),
        (True, True),
        (None, None),
        (b"x", "b'x'"),
        ("\u2028\n\0", "\u2028\n\0"),
        (-0.0, -0.0),
        (1e22, 1e22),
        (0.1, 0.1),
    ],
    ids=lambda value: ascii(value)[:20] if not isinstance(value, int) else f"{value:#x}"[:20],
)
def test_any_value_is_kept_such_that_the_chain_holds(tmp_path: Path, value: object, kept: object) -> None:
    with opened(tmp_path) as audit:
        audit.append("tool", value=value)
    assert verify(tmp_path).intact
    assert read(tmp_path, 1, 1)[0]["value"] == kept


def test_a_nest_without_end_is_cut(tmp_path: Path) -> None:
    nest: list[Any] = []
    for _ in range(100_000):
        nest = [nest]
    with opened(tmp_path) as audit:
        audit.append("plan", plan=nest)
    assert verify(tmp_path).intact


@pytest.mark.parametrize("kind", ["", "Plan", "a b", "repair", "gap", "x" * 33, "plan\n"])
def test_a_kind_that_is_none(tmp_path: Path, kind: str) -> None:
    with opened(tmp_path) as audit, pytest.raises(ValueError, match="no record"):
        audit.append(kind)


@pytest.mark.parametrize("field", ["seq", "time", "prev", "hash", "blobs", "redacted"])
def test_a_field_that_the_audit_uses_itself(tmp_path: Path, field: str) -> None:
    with opened(tmp_path) as audit, pytest.raises(ValueError, match="no record"):
        audit.append("plan", **{field: 1})


def test_kinds_are_words_once() -> None:
    assert len({*KINDS, *OWN_KINDS}) == len(KINDS) + len(OWN_KINDS)


def test_every_kind_is_documented() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "agent.md").read_text()
    table = page.split("| kind | about |")[1]
    assert [kind for kind in (*KINDS, *OWN_KINDS) if f"`{kind}`" not in table] == []
