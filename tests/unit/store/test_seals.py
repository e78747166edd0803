"""Seals find damage that still parses."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path
from zlib import crc32

from opengraphs.store.seals import check_seals


def sealed_journal(lines: int, every: int) -> bytes:
    data = b""
    sealed_to = 0
    for step in range(lines):
        data += json.dumps({"step": step, "time": 1.0, "metrics": {"loss": 0.5 + step}}).encode() + b"\n"
        if step % every == every - 1:
            seal = {"from": sealed_to, "to": len(data), "crc32": crc32(data[sealed_to:])}
            sealed_to = len(data)
            data += json.dumps({"seal": seal}, separators=(",", ":")).encode() + b"\n"
    return data


def test_whole_journal_passes(tmp_path: Path) -> None:
    path = tmp_path / "a0-r0.jsonl"
    path.write_bytes(sealed_journal(1000, 50) + b"\0" * 1000)
    report = check_seals(path)
    assert (report.seals, report.broken, report.complete) == (20, [], True)
    assert report.sealed_bytes > 0


def test_every_flipped_bit_under_a_seal_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a0-r0.jsonl"
    data = sealed_journal(40, 40)
    end = data.rindex(b'{"seal"')
    rng = random.Random(3)
    for _ in range(300):
        at = rng.randrange(end)
        flipped = bytearray(data)
        flipped[at] ^= 1 << rng.randrange(8)
        path.write_bytes(flipped)
        assert check_seals(path).broken == [(0, end)]


def test_only_the_damaged_stretch_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a0-r0.jsonl"
    data = bytearray(sealed_journal(300, 100))
    at = data.index(b'"step": 150')
    data[at + 9] ^= 1
    path.write_bytes(data)
    (broken,) = check_seals(path).broken
    assert broken[0] < at < broken[1]


def test_lines_that_look_like_seals_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "a0-r0.jsonl"
    path.write_bytes(
        b'{"seal":{"from":5,"to":1,"crc32":0}}\n{"seal":{"from":"x"}}\n{"seal":7}\n{"seal":{"from":0,"to":10\n'
    )
    assert check_seals(path).seals == 0


def test_seal_that_reaches_behind_the_end_is_broken(tmp_path: Path) -> None:
    path = tmp_path / "a0-r0.jsonl"
    path.write_bytes(b'{"seal":{"from":0,"to":1000000,"crc32":1}}\n')
    assert check_seals(path).broken == [(0, 1_000_000)]


def test_deadline_ends_the_check_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a0-r0.jsonl"
    path.write_bytes(sealed_journal(100, 10))
    assert not check_seals(path, deadline_s=time.monotonic() - 1).complete
