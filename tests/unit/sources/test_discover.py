"""Finding places of foreign formats below a folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from opengraphs.sources.base import Format, Reader
from opengraphs.sources.discover import MAX_DEPTH, Found, Walk, identify, looked_for


def make_format(name: str, *names: str, accepts: Callable[[Path], Path | None]) -> Format:
    def no_reader(path: Path, cursor: Mapping[str, Any] | None) -> Reader:
        raise AssertionError("finding reads nothing")

    return Format(name, name.upper(), f"{name} files", names, accepts, no_reader)


def by_first_byte(byte: bytes) -> Callable[[Path], Path | None]:
    """Accepts files that begin with a byte."""
    return lambda path: path if path.is_file() and path.read_bytes()[:1] == byte else None


TABLE = make_format("table", "*.tab", accepts=by_first_byte(b"t"))
LINES = make_format("lines", "*.txt", "*.tab", accepts=by_first_byte(b"l"))
WHOLE = make_format("whole", "bundle", accepts=lambda path: path if path.is_dir() else None)
PARENT = make_format("parent", "*.part", accepts=lambda path: path.parent)
FORMATS = (TABLE, LINES, WHOLE, PARENT)


def make(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def walk(root: Path, formats: tuple[Format, ...] = FORMATS) -> Walk:
    walked = Walk(root, formats)
    walked.advance(60.0)
    assert walked.is_done
    return walked


def names(root: Path, formats: tuple[Format, ...] = FORMATS) -> list[tuple[str, str]]:
    return [(found.format.name, os.path.relpath(found.path, root)) for found in walk(root, formats).found]


def test_what_lies_near_comes_first_and_name_alone_is_not_enough(tmp_path: Path) -> None:
    make(tmp_path, a__b__far_dot_tab="t", near_dot_tab="t", wrong_dot_tab="x", other_dot_bin="t")
    assert names(tmp_path) == [("table", "near.tab"), ("table", "a/b/far.tab")]


def test_first_format_that_accepts_takes_the_place(tmp_path: Path) -> None:
    make(tmp_path, one_dot_tab="l", two_dot_tab="t")
    assert names(tmp_path) == [("lines", "one.tab"), ("table", "two.tab")]


def test_folder_that_belongs_to_a_format_is_one_source(tmp_path: Path) -> None:
    make(tmp_path, bundle__inner_dot_tab="t", bundle__deep__more_dot_tab="t")
    assert names(tmp_path) == [("whole", "bundle")]
    assert names(tmp_path / "bundle") == [("whole", ".")]


def test_parts_of_one_source_are_found_once(tmp_path: Path) -> None:
    make(tmp_path, run__a_dot_part="", run__b_dot_part="", run__c_dot_tab="t")
    assert names(tmp_path) == [("parent", "run"), ("table", "run/c.tab")]


@pytest.mark.parametrize(
    "folder",
    [".git", "node_modules", ".venv", "venv", "site-packages", "__pycache__", ".opengraphs", ".hidden"],
)
def test_folders_of_others_are_left_out(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "a.tab").write_text("t")
    assert names(tmp_path, (TABLE,)) == []


def test_hidden_folder_that_a_format_names_is_looked_into(tmp_path: Path) -> None:
    known = make_format("known", ".known", accepts=lambda path: path)
    (tmp_path / ".known").mkdir()
    assert names(tmp_path, (known,)) == [("known", ".known")]


def test_name_that_is_no_text_is_left_out(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.tab")).write_text("t")
    make(tmp_path, good_dot_tab="t")
    assert names(tmp_path) == [("table", "good.tab")]


def test_runs_of_og_itself_are_left_out(tmp_path: Path) -> None:
    make(tmp_path, store__runs__r1__run_dot_json="{}", store__runs__r1__metrics__a_dot_tab="t")
    assert names(tmp_path, (TABLE,)) == []


def test_depth_ends_and_begins_again_below_folders_that_tools_make(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*"abcd")
    make(
        deep,
        in_dot_tab="t",
        e__out_dot_tab="t",
        runs__1__2__3__4__in_dot_tab="t",
        runs__1__2__3__4__5__out_dot_tab="t",
    )
    assert len("abcd") == MAX_DEPTH
    assert sorted(Path(path).name for _, path in names(tmp_path)) == ["in.tab", "in.tab"]


def test_links_are_followed_once_and_loops_end(tmp_path: Path) -> None:
    make(tmp_path, real__a_dot_tab="t")
    (tmp_path / "real" / "loop").symlink_to(tmp_path)
    (tmp_path / "again").symlink_to(tmp_path / "real")
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    assert len(names(tmp_path)) == 1


def test_walk_goes_on_where_it_stopped(tmp_path: Path) -> None:
    for number in range(300):
        make(tmp_path / f"d{number:03}", a_dot_tab="t")
    stopped, found = Walk(tmp_path, FORMATS), []
    rounds = 0
    while not stopped.is_done:
        found += stopped.advance(0.0)
        rounds += 1
    assert rounds > 300
    assert [one.path for one in found] == [one.path for one in walk(tmp_path).found]
    assert len(found) == 300


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_folder_that_cannot_be_listed_is_counted(tmp_path: Path) -> None:
    make(tmp_path, closed__a_dot_tab="t", open__a_dot_tab="t")
    (tmp_path / "closed").chmod(0)
    try:
        walked = walk(tmp_path)
    finally:
        (tmp_path / "closed").chmod(0o700)
    assert (walked.unreadable, len(walked.found)) == (1, 1)


def test_place_that_somebody_names_is_offered_to_all(tmp_path: Path) -> None:
    make(tmp_path, odd_dot_bin="l")
    assert identify(tmp_path / "odd.bin", FORMATS) == Found(LINES, tmp_path / "odd.bin")
    make(tmp_path, none_dot_bin="x")
    assert identify(tmp_path / "none.bin", (TABLE, LINES)) is None


def test_renamed_folder_of_a_format_is_known_when_it_is_named_itself(tmp_path: Path) -> None:
    (tmp_path / "renamed").mkdir()
    assert names(tmp_path / "renamed", (TABLE, WHOLE)) == [("whole", ".")]
    assert names(tmp_path, (TABLE,)) == []


def test_what_was_looked_for_names_every_format() -> None:
    assert looked_for((TABLE, LINES)) == "TABLE (table files); LINES (lines files)"
