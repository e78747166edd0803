"""Blocks of the scratch file: each belongs to one, and is used again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from opengraphs.engine.scratch import BLOCK_BYTES, Scratch


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Scratch]:
    made = Scratch(tmp_path)
    yield made
    made.close()


def test_what_is_given_back_is_used_again_and_all_of_it_empties_the_file(scratch: Scratch) -> None:
    blocks = [scratch.put(bytes([number]) * 100) for number in range(3)]
    scratch.give_back(blocks[1])
    assert scratch.used_bytes() == 2 * BLOCK_BYTES
    assert scratch.put(b"x" * 100) == blocks[1]
    assert [scratch.read(block, 0, 3) for block in blocks] == [b"\0\0\0", b"xxx", b"\2\2\2"]
    for block in blocks:
        scratch.give_back(block)
    assert scratch.used_bytes() == 0
    assert scratch.put(b"y") == 0


def test_block_that_is_given_back_while_another_is_written_stays_apart(
    scratch: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = scratch.put(b"a"), scratch.put(b"b")
    scratch.put(b"c")
    scratch.give_back(first)
    write = os.pwrite

    def interrupted(fd: int, data: bytes, offset: int) -> int:
        if data == b"new":
            scratch.give_back(second)
        return write(fd, data, offset)

    monkeypatch.setattr(os, "pwrite", interrupted)
    new = scratch.put(b"new")
    other = scratch.put(b"other")
    assert new != other
    assert scratch.read(new, 0, 3) == b"new"


def test_full_disk_costs_no_block(scratch: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch.put(b"a")

    def full(fd: int, data: bytes, offset: int) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", full)
        with pytest.raises(OSError, match="No space"):
            scratch.put(b"b")
    assert scratch.used_bytes() == BLOCK_BYTES
    assert scratch.put(b"c") == 1
