"""Windows into a program's output, against a plain split of the whole file."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opengraphs.errors import UsageError
from opengraphs.store import logfile, logsearch
from opengraphs.store.logfile import LogFile
from opengraphs.store.logsearch import is_risky, matching, search
from opengraphs.store.logtext import MAX_LINE_CHARS, clean, fold, plain


def reference(data: bytes) -> list[str]:
    lines = data.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    return [line.decode("utf-8", "replace") for line in lines]


@settings(max_examples=300, deadline=None)
@given(
    lines=st.lists(st.binary(max_size=30).map(lambda data: data.translate(None, b"\n\r")), max_size=40),
    ends_open=st.booleans(),
    start=st.integers(-50, 50),
    count=st.integers(1, 50),
    block=st.integers(1, 64),
)
def test_any_window_is_that_of_the_whole_file(
    tmp_path_factory: pytest.TempPathFactory,
    lines: list[bytes],
    ends_open: bool,
    start: int,
    count: int,
    block: int,
) -> None:
    data = b"\n".join(lines) + (b"" if ends_open else b"\n")
    path = tmp_path_factory.mktemp("l") / "stdout.log"
    path.write_bytes(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logfile, "BLOCK_BYTES", block)
        window = LogFile(path).window(start, count, raw=True)
    whole = reference(data)
    first = max(0, len(whole) + start) if start < 0 else start
    assert [line["text"] for line in window.lines] == whole[first : first + count]
    assert [line["n"] for line in window.lines] == list(range(first, first + len(window.lines)))
    assert (window.total_lines, window.size_bytes, window.counted) == (len(whole), len(data), True)


def test_growing_file_is_counted_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logfile, "BLOCK_BYTES", 128)
    path = tmp_path / "stdout.log"
    log = LogFile(path)
    assert log.window(-10, 10).total_lines == 0
    rng = random.Random(2)
    data = b""
    for _ in range(60):
        with path.open("ab") as file:
            more = b"".join(b"x" * rng.randrange(40) + rng.choice([b"\n", b""]) for _ in range(5))
            file.write(more)
        data += more
        window = log.window(-3, 3, raw=True)
        assert window.total_lines == len(reference(data))
        assert [line["text"] for line in window.lines] == reference(data)[-3:]
    path.write_bytes(b"new\n")
    assert [line["text"] for line in log.window(0, 5).lines] == ["new"]


def test_end_of_a_file_too_long_to_count_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logfile, "BLOCK_BYTES", 1024)
    monkeypatch.setattr(logfile, "_COUNT_BUDGET_S", -1.0)
    path = tmp_path / "stdout.log"
    path.write_bytes(b"".join(b"line %d\n" % number for number in range(3000)))
    log = LogFile(path)
    window = log.window(-2, 2)
    assert [line["text"] for line in window.lines] == ["line 2998", "line 2999"]
    assert not window.counted
    assert window.total_lines == pytest.approx(3000, rel=0.3)
    while not window.counted:
        window = log.window(-2, 2)
    assert [line["n"] for line in window.lines] == [2998, 2999]


def test_progress_bar_of_many_megabytes_is_one_folded_line(tmp_path: Path) -> None:
    path = tmp_path / "stdout.log"
    bar = b"".join(b"\r%3d%%|%s| %d/100000" % (step // 1000, b"#" * 20, step) for step in range(100_000))
    path.write_bytes(b"start\n" + bar + b"\nend\n")
    lines = LogFile(path).window(0, 10).lines
    assert [line["text"] for line in lines] == ["start", " 99%|####################| 99999/100000", "end"]


def test_endless_line_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "stdout.log"
    path.write_bytes(b"a" * (5 << 20) + b"\nnext")
    lines = LogFile(path).window(0, 10).lines
    assert len(lines[0]["text"]) == MAX_LINE_CHARS
    assert lines[0]["text"].endswith("…")
    assert lines[1] == {"n": 1, "text": "next"}


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain", "plain"),
        ("\x1b[31mred\x1b[0m", "\x1b[31mred\x1b[0m"),
        ("\x1b[38;2;1;2;3mx\x1b[m", "\x1b[38;2;1;2;3mx\x1b[m"),
        ("a\x1b[2Jb\x1b[10;10Hc\x1b[?25l", "abc"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]52;c;cGF3bmVk\x07", ""),
        ("\x1b]0;never closed", ""),
        ("\x1bPdcs\x1b\\x\x1b_apc\x1b\\", "x"),
        ("bell\x07back\x08\x7f\x00", "bellback"),
        ("c1\x9b31mx\x85", "c1x"),
        ("\x1b", ""),
        ("\x1b[", ""),
        ("a\tb", "a       b"),
        ("über \u202eevil\u202c 日本", "über evil 日本"),
        ("10%\r20%\r30%", "30%"),
        ("long text\rab", "abng text"),
        ("long text\r\x1b[Kab", "ab"),
        ("\x1b[32mgreen bar\x1b[0m\rxx", "xxeen bar\x1b[0m"),
        ("windows\r", "windows"),
        ("\r\r\r", ""),
    ],
)
def test_only_text_and_colours_reach_a_terminal(raw: str, shown: str) -> None:
    assert clean(raw) == shown


@settings(max_examples=500, deadline=None)
@given(st.text(alphabet=st.sampled_from("ab\x1b[]m0;?\x07\\\r\t\x9b\x90P1HK\x00é")))
def test_no_control_character_passes(text: str) -> None:
    shown = plain(text)
    assert not any(char < " " or "\x7f" <= char <= "\x9f" for char in shown)
    left = clean(text)
    assert all(part[:1] == "[" for part in left.split("\x1b")[1:])


def test_fold_is_what_a_screen_shows() -> None:
    rng = random.Random(5)
    for _ in range(300):
        stretches = ["".join(rng.choice("abc") for _ in range(rng.randrange(6))) for _ in range(5)]
        screen: list[str] = []
        for stretch in stretches:
            screen[: len(stretch)] = stretch
        assert fold("\r".join(stretches)) == "".join(screen)


def numbered_log(tmp_path: Path) -> LogFile:
    path = tmp_path / "stdout.log"
    path.write_bytes(b"".join(b"step %d loss \x1b[31m%d.5\x1b[0m\n" % (n, n % 7) for n in range(5000)))
    return LogFile(path)


def test_search_finds_the_next_match_both_ways(tmp_path: Path) -> None:
    log = numbered_log(tmp_path)
    found = search(log, r"loss 3\.5$", start=100, forward=True, budget_s=5)
    assert found.line == {"n": 101, "text": "step 101 loss \x1b[31m3.5\x1b[0m"}
    assert found.next == 102
    back = search(log, r"loss 3\.5", start=100, forward=False, budget_s=5)
    assert back.line is not None
    assert (back.line["n"], back.next) == (94, 93)
    far = search(log, r"^step 7 ", start=4999, forward=False, budget_s=5)
    assert far.line is not None
    assert far.line["n"] == 7
    assert search(log, "nowhere", start=0, forward=True, budget_s=5) == (None, None, 5000, far.size_bytes)
    first = search(log, "^step 0 ", start=0, forward=False, budget_s=5)
    assert first.next is None


def test_search_stops_when_the_time_is_up(tmp_path: Path) -> None:
    log = numbered_log(tmp_path)
    found = search(log, "nowhere", start=0, forward=True, budget_s=-1.0)
    assert (found.line, found.next) == (None, 1)


@pytest.mark.parametrize(
    ("pattern", "risky"),
    [
        ("loss", False),
        (r"loss.*nan", False),
        (r"\d+\.\d+", False),
        (r"(?:foo|bar)", False),
        (r"(\d{1,3}\.){3}\d{1,3}", False),
        (r"(a+)+b", True),
        (r"(a|aa)+b", True),
        (r"(\w+\s*)*$", True),
        (r".*a.*b.*c", True),
        (r"(x{0,64}){0,64}y", True),
        (r"(a+){8}b", True),
        ("a?" * 30 + "a" * 30, True),
        ("a{0,8}" * 9, True),
        (r"(?:error|warning|fatal): .*\d{1,3}%?", False),
    ],
)
def test_patterns_that_could_run_without_end_are_known(pattern: str, risky: bool) -> None:
    assert is_risky(pattern) is risky


def test_risky_pattern_is_answered_from_a_child(tmp_path: Path) -> None:
    log = numbered_log(tmp_path)
    found = search(log, r"(ste+p )+42 ", start=0, forward=True, budget_s=5)
    assert found.line is not None
    assert found.line["n"] == 42


def test_pattern_that_explodes_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logsearch, "_CHILD_START_S", 0.6)
    path = tmp_path / "stdout.log"
    path.write_bytes(b"a" * 100 + b"!\n")
    with pytest.raises(UsageError, match="too long"):
        search(LogFile(path), r"(a+)+$", start=0, forward=True, budget_s=0.1)


@pytest.mark.parametrize("pattern", ["", "(", "x" * 501, "a{2,1}", "[z-a]"])
def test_broken_pattern_is_a_usage_error(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(UsageError):
        search(LogFile(tmp_path / "stdout.log"), pattern, start=0, forward=True, budget_s=1)


def test_matching_lines_come_in_pages(tmp_path: Path) -> None:
    path = tmp_path / "stdout.log"
    path.write_text("".join(f"line {n}\n" for n in range(100)))
    log = LogFile(path)
    first = matching(log, "5$", start=0, limit=4, budget_s=5)
    assert [line["n"] for line in first.lines] == [5, 15, 25, 35]
    rest = matching(log, "5$", start=first.next or 0, limit=100, budget_s=5)
    assert ([line["n"] for line in rest.lines], rest.next) == ([45, 55, 65, 75, 85, 95], None)
    assert matching(log, "(a+)+5$", start=0, limit=4, budget_s=5).lines == []
    assert [line["n"] for line in matching(log, "(x?l+)+ine 9$", start=0, limit=4, budget_s=5).lines] == [9]


def test_matching_stops_when_its_time_is_up(tmp_path: Path) -> None:
    path = tmp_path / "stdout.log"
    path.write_text("".join(f"line {n}\n" for n in range(100)))
    found = matching(LogFile(path), "nothing", start=3, limit=4, budget_s=0)
    assert (found.lines, found.next) == ([], 4)
