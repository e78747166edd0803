"""The end of local files, and lines that are safe to print."""

from __future__ import annotations

from pathlib import Path

import pytest

from opengraphs.cli import following


def tail(path: Path, data: bytes, count: int) -> list[bytes]:
    path.write_bytes(data)
    with path.open("rb") as file:
        return following.last_lines(file, count)


def test_last_lines_of_a_small_file(tmp_path: Path) -> None:
    path = tmp_path / "x"
    assert tail(path, b"a\nb\nc\n", 2) == [b"b", b"c"]
    assert tail(path, b"a\nb", 5) == [b"a", b"b"]
    assert tail(path, b"", 5) == []
    assert tail(path, b"a\n", 0) == []


def test_last_lines_reads_no_more_than_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "TAIL_BLOCK_BYTES", 16)
    data = b"".join(b"line %d\n" % number for number in range(1000))
    assert tail(tmp_path / "x", data, 3) == [b"line 997", b"line 998", b"line 999"]


def test_unused_end_of_a_live_journal_is_no_line(tmp_path: Path) -> None:
    assert tail(tmp_path / "x", b"a\nb\n" + b"\0" * 64, 1) == [b"b"]


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (b"plain\ttab\n", "plain\ttab"),
        (b"\x1b[31mred\x1b[0m\r\n", "\x1b[31mred\x1b[0m"),
        (b"10%\r50%\r100%\n", "100%"),
        (b"\x1b[2Jgone\x1b]0;title\x07\x1bM\x07\x9b\n", "gone\ufffd"),
        (b"caf\xe9\n", "caf\ufffd"),
    ],
)
def test_printable_keeps_colours_and_drops_what_moves_the_cursor(line: bytes, shown: str) -> None:
    assert following.printable(line) == shown


class EnoughError(Exception):
    pass


def test_follow_gives_whole_lines_and_starts_again_when_the_file_shrank(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"old\n")
    seen: list[str] = []
    writes = [b"old\nhalf", b"old\nhalf done\n", b"new\n"]

    def poll(_seconds: float) -> None:
        if not writes:
            raise EnoughError
        path.write_bytes(writes.pop(0))

    monkeypatch.setattr(following.time, "sleep", poll)
    with path.open("rb") as file:
        file.seek(0, 2)
        with pytest.raises(EnoughError):
            following.follow_file(path, file, seen.append)
    assert seen == ["half done", "new"]
