"""Any records hold, any change of a byte is found, any path stays inside."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from guard_kit import SCRIPT, Project, tree_hash
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opengraphs.guard import chain
from opengraphs.guard.audit import Audit, verify
from opengraphs.guard.policy import Refused, open_readable, open_target
from opengraphs.guard.write import replace
from opengraphs.redaction import Redactor

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_records_hold_and_any_change_of_a_byte_is_found(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("audit")
    values = data.draw(st.lists(VALUES, min_size=1, max_size=5))
    for value in values:  # opened anew each time
        with Audit(folder, Redactor(salt=b"0" * 16), clock=lambda: 1.0) as audit:
            audit.append("tool", value=value)
    assert verify(folder) == (len(values), True, "")
    whole = (folder / chain.FILE).read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != whole[at]))
    (folder / chain.FILE).write_bytes(whole[:at] + bytes([other]) + whole[at + 1 :])
    assert not verify(folder).intact
    cut = data.draw(st.integers(0, len(whole) - 1))
    (folder / chain.FILE).write_bytes(whole[:cut])
    assert not verify(folder).intact


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(st.integers(0, 1 << 17), max_size=4), rest=st.integers(0, 1 << 17))
def test_the_last_line_is_found_from_the_end(tmp_path: Path, parts: list[int], rest: int) -> None:
    whole = [b"x" * size + b"\n" for size in parts]
    path = tmp_path / "lines"
    path.write_bytes(b"".join(whole) + b"y" * rest)
    fd = os.open(path, os.O_RDONLY)
    try:
        assert chain.last_line(fd) == (whole[-1] if whole else b"", sum(map(len, whole)))
    finally:
        os.close(fd)


PLACES = [
    "train.py",
    "sub",
    "model.py",
    "..",
    ".",
    "~",
    "outside",
    "secrets.txt",
    "link",
    "hard.py",
    ".git",
    "config",
]
TRICKS = [
    ".env",
    "door",
    "pipe",
    "C:",
    "%2e%2e",
    "",
    " ",
    "/",
    "\n",
    "\0",
    "..\\",
    "\u200b",
    "TRAIN.PY",
    "ｔrain.py",
]
WORDS = st.sampled_from([*PLACES, *TRICKS])


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.lists(WORDS | st.text(max_size=4), max_size=6), joint=st.sampled_from(["/", "//", "\\", ""]))
def test_any_path_stays_inside_and_away_from_what_is_denied(
    tmp_path_factory: pytest.TempPathFactory, words: list[str], joint: str
) -> None:
    project = _trapped(tmp_path_factory)
    before, path = project.seen_outside(), joint.join(words)
    try:
        target = open_target(project.policy, path)
        assert target.path in ("train.py", "sub/model.py")
        assert open_readable(project.policy, path) == target.text
        replace(project.policy, target, target.text + "#")
        (project.root / path).write_text(SCRIPT)
    except Refused:
        pass
    assert project.seen_outside() == before
    assert tree_hash(project.root / ".git") == _GIT[project.root]


_MADE: list[Project] = []
_GIT: dict[Path, str] = {}


def _trapped(factory: pytest.TempPathFactory) -> Project:
    """A project with every kind of door to the outside; made once."""
    if not _MADE:
        project = Project(factory.mktemp("trapped"))
        root = project.root
        (root / ".git").mkdir()
        (root / ".git" / "config").write_text("[core]\n")
        (root / ".env").write_text("A=1\n")
        (root / "link").symlink_to(project.outside / "train.py")
        (root / "door").symlink_to(project.outside)
        os.link(project.outside / "train.py", root / "hard.py")
        os.mkfifo(root / "pipe")
        _MADE.append(project)
        _GIT[root] = tree_hash(root / ".git")
    return _MADE[0]
