"""File events of folders, shared by stores."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from opengraphs.daemon import inotify
from opengraphs.daemon.inotify import FolderEvents

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")

Heard = list[tuple[str, str]]


def with_events(scenario: Callable[[FolderEvents], Awaitable[None]]) -> None:
    async def run() -> None:
        events = FolderEvents(asyncio.get_running_loop())
        await events.start()
        try:
            await asyncio.wait_for(scenario(events), 10)
        finally:
            events.close()

    asyncio.run(run())


async def until(happened: Callable[[], object]) -> None:
    while not happened():
        await asyncio.sleep(0.002)


def test_two_listeners_of_one_folder_both_hear_and_one_can_leave(tmp_path: Path) -> None:
    async def scenario(events: FolderEvents) -> None:
        one: Heard = []
        two: Heard = []

        def first(folder: Path, name: str) -> None:
            one.append((folder.name, name))

        def second(folder: Path, name: str) -> None:
            two.append((folder.name, name))

        assert events.watch(tmp_path, first)
        assert events.watch(tmp_path, second)
        (tmp_path / "a").touch()
        await until(lambda: one and two)
        events.forget(tmp_path, first)
        (tmp_path / "b").touch()
        await until(lambda: (tmp_path.name, "b") in two)
        assert (tmp_path.name, "b") not in one

    with_events(scenario)


def test_folder_that_goes_is_told_and_can_be_watched_again(tmp_path: Path) -> None:
    async def scenario(events: FolderEvents) -> None:
        heard: Heard = []

        def listener(folder: Path, name: str) -> None:
            heard.append((folder.name, name))

        folder = tmp_path / "f"
        folder.mkdir()
        events.watch(folder, listener)
        folder.rmdir()
        await until(lambda: ("f", "") in heard)
        folder.mkdir()
        assert events.watch(folder, listener)
        (folder / "x").touch()
        await until(lambda: ("f", "x") in heard)
        events.forget(folder, listener)
        events.forget(folder, listener)

    with_events(scenario)


def test_missing_folder_is_no_trouble(tmp_path: Path) -> None:
    async def scenario(events: FolderEvents) -> None:
        assert not events.watch(tmp_path / "nobody", lambda folder, name: None)
        assert events.trouble == ""

    with_events(scenario)


def test_system_without_inotify_watches_nothing_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inotify.sys, "platform", "darwin")

    async def scenario(events: FolderEvents) -> None:
        assert not events.watch(tmp_path, lambda folder, name: None)
        assert "not on this system" in events.trouble

    with_events(scenario)
