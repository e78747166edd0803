"""Foreign code never notices that it is watched."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

from opengraphs.hooks.og_hooks import guard


@pytest.fixture(autouse=True)
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OG_RUN_DIR", str(tmp_path))
    for name in ("_seen", "ACTIVE", "FAILED"):
        monkeypatch.setattr(guard, name, type(getattr(guard, name))())
    return tmp_path


class Library:
    """Of somebody else."""

    def __init__(self) -> None:
        self.lr = 0.1

    def add(self, a: int, b: int = 2) -> int:
        "Adds."
        if b == 0:
            raise KeyError("its own")
        return a + b

    def add_twice(self, a: int) -> int:
        return self.add(a) + self.add(a)

    @property
    def rate(self) -> float:
        "A rate."
        return self.lr

    @rate.setter
    def rate(self, value: float) -> None:
        if value < 0:
            raise ValueError("negative")
        self.lr = value


@pytest.fixture
def library() -> type[Library]:
    return type("Library", (Library,), dict(Library.__dict__))


def test_observer_sees_result_and_arguments(library: Any) -> None:
    seen: list[Any] = []
    guard.after(library, "add", lambda *args, **more: seen.append((args, more)), hook="x")
    one = library()
    assert one.add(1, b=4) == 5
    assert seen == [((5, one, 1), {"b": 4})]


def test_own_exceptions_come_out_and_are_not_observed(library: Any) -> None:
    seen: list[Any] = []
    guard.after(library, "add", lambda *args: seen.append(args), hook="x")
    with pytest.raises(KeyError, match="its own"):
        library().add(1, 0)
    assert seen == []
    library().add(1)
    assert len(seen) == 1  # and the guard against re-entry is not left behind


def test_observer_that_raises_changes_nothing_and_is_noted_once(library: Any, clean: Path) -> None:
    def observe(*_args: Any) -> None:
        raise RuntimeError("og's own\ntrouble\x1b[31m")

    guard.after(library, "add", observe, hook="x")
    assert [library().add(n) for n in range(5)] == [2, 3, 4, 5, 6]
    (line,) = (clean / "hooks.log").read_text().splitlines()
    assert "x: test_guard.py:" in line
    assert "RuntimeError: og's own?trouble?[31m" in line
    assert guard.FAILED["x"].startswith("RuntimeError")


def test_calls_inside_a_watched_call_are_not_seen_but_other_hooks_are(library: Any) -> None:
    seen: list[str] = []
    guard.after(library, "add", lambda *_: seen.append("add"), hook="x")
    guard.after(library, "add_twice", lambda *_: seen.append("twice"), hook="x")
    library().add_twice(1)
    assert seen == ["twice"]
    other = type("Other", (Library,), dict(Library.__dict__))
    guard.after(other, "add", lambda *_: seen.append("y"), hook="y")
    guard.after(other, "add_twice", lambda *_: seen.append("x"), hook="x")
    other().add_twice(1)
    assert seen == ["twice", "y", "y", "x"]


def test_watched_method_looks_as_before(library: Any) -> None:
    guard.after(library, "add", lambda *_: None, hook="x")
    assert library.add.__doc__ == "Adds."
    assert library.add.__qualname__ == Library.add.__qualname__
    assert inspect.signature(library.add) == inspect.signature(Library.add)


def test_method_is_watched_once(library: Any) -> None:
    seen: list[Any] = []
    for _ in range(2):
        guard.after(library, "add", lambda *args: seen.append(args), hook="x")
    library().add(1)
    assert len(seen) == 1


def test_method_that_is_missing_is_noted(library: Any, clean: Path) -> None:
    guard.after(library, "subtract", lambda *_: None, hook="x")
    guard.after_set(library, "add", lambda *_: None, hook="x")
    assert "Library has no subtract" in (clean / "hooks.log").read_text()
    assert "Library has no add" in (clean / "hooks.log").read_text()


def test_property_that_is_set_is_observed(library: Any) -> None:
    seen: list[Any] = []
    guard.after_set(library, "rate", lambda _result, one, value: seen.append((one.lr, value)), hook="x")
    one = library()
    one.rate = 0.5
    with pytest.raises(ValueError, match="negative"):
        one.rate = -1
    assert (one.rate, seen, library.rate.__doc__) == (0.5, [(0.5, 0.5)], "A rate.")


def test_arguments_can_be_prepared_and_survive_a_failure(library: Any) -> None:
    def double(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if args[1] == 7:
            raise RuntimeError
        return (args[0], args[1] * 2), kwargs

    guard.before(library, "add", double, hook="x")
    assert (library().add(5), library().add(7)) == (12, 9)


def test_log_of_a_folder_that_is_gone_is_silent(library: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OG_RUN_DIR", "/nowhere/at/all")
    guard.trouble("x", RuntimeError("lost"))
    monkeypatch.delenv("OG_RUN_DIR")
    guard.trouble("y", RuntimeError("lost"))


def test_troubles_are_bounded(clean: Path) -> None:
    for number in range(guard.MAX_TROUBLES + 50):
        guard.trouble(f"hook{number}", RuntimeError("again"))
    assert len((clean / "hooks.log").read_text().splitlines()) == guard.MAX_TROUBLES
