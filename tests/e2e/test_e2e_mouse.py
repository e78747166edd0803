"""The mouse in a real terminal, in SGR reports as xterm sends them; and tmux shows what a plain terminal shows."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from og_user import OG, OgUser
from scene import make_scene
from terminal import Terminal
from tmux import INSTALLED, Tmux

from opengraphs.tui import keys

LEFT, MIDDLE, RIGHT, WHEEL_UP, WHEEL_DOWN = 0, 1, 2, 64, 65
MOVED = 32


@pytest.fixture(scope="module")
def viewer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OgUser]:
    with OgUser(tmp_path_factory.mktemp("mouse")) as user:
        user.env["TZ"] = "UTC"
        make_scene(user.store)
        user.og("list")
        yield user


@pytest.fixture
def screen(viewer: OgUser) -> Iterator[Terminal]:
    shutil.rmtree(viewer.env["XDG_STATE_HOME"], ignore_errors=True)
    command = [str(OG), "view", "aa11"]
    with Terminal(command, env=viewer.env, cwd=viewer.work, columns=120, rows=40) as terminal:
        terminal.wait_text(
            "train/loss", "7 alerts▲", "gpu1", "1 note", "100◆", "3e-3"
        )  # the curves are there
        yield terminal


def report(screen: Terminal, button: int, x: int, y: int, *, up: bool = False) -> None:
    screen.send(f"\x1b[<{button};{x + 1};{y + 1}{'m' if up else 'M'}")


def click(screen: Terminal, x: int, y: int, *, button: int = LEFT) -> None:
    report(screen, button, x, y)
    report(screen, button, x, y, up=True)


def drag(screen: Terminal, start: tuple[int, int], end: tuple[int, int], *, button: int = LEFT) -> None:
    report(screen, button, *start)
    steps = 6
    for step in range(1, steps + 1):
        at = [round(a + (b - a) * step / steps) for a, b in zip(start, end, strict=True)]
        report(screen, button + MOVED, *at)
    report(screen, button, *end, up=True)


def place(screen: Terminal, word: str, *, nth: int = 0) -> tuple[int, int]:
    """Column and row of a word on the screen."""
    found = [(line.index(word), y) for y, line in enumerate(screen.text().split("\n")) if word in line]
    assert len(found) > nth, f"{word!r} is not on the screen:\n{screen.text()}"
    return found[nth]


def active(screen: Terminal) -> str:
    """The tab in bold."""
    top, line = screen.screen.buffer[0], screen.text().split("\n")[0]
    return next(
        (name for name in keys.ALL if f" {name}" in line and top[line.index(f" {name}") + 1].bold), ""
    )


def test_tabs_are_clicked_one_by_one_and_as_fast_as_it_goes(screen: Terminal) -> None:
    line = screen.text().split("\n")[0]
    columns = {name: line.index(f" {name}") + 1 for name in keys.ALL}
    for name in (*keys.ALL, *reversed(keys.ALL)):
        click(screen, columns[name], 0)
        screen.wait_for(lambda _, name=name: active(screen) == name)
    for last in keys.ALL:
        for name in keys.ALL:
            click(screen, columns[name], 0)
        click(screen, columns[last], 0)
        screen.wait_for(lambda _, last=last: active(screen) == last)


def test_a_run_is_chosen_by_a_click_and_opened_by_the_next(screen: Terminal) -> None:
    screen.send("1")
    screen.wait_text("3 runs")
    rows = [y for y, line in enumerate(screen.text().split("\n")) if "wider" in line]
    x = screen.text().split("\n")[rows[-1]].index("wider")
    click(screen, x, rows[-1])
    click(screen, x, rows[-1])
    screen.wait_for(lambda text: "wider" in text.split("\n")[0])


def test_a_chart_is_focused_by_a_click_and_read_by_the_next(screen: Terminal) -> None:
    x, y = place(screen, "train/acc")
    corner = screen.text().split("\n")[y].rindex("┌", 0, x)
    quiet = screen.screen.buffer[y][corner].fg
    click(screen, x + 8, y + 4)
    screen.wait_for(lambda _: screen.screen.buffer[y][corner].fg != quiet)
    before = screen.text()
    click(screen, x + 12, y + 4)
    screen.wait_for(lambda text: text.split("\n")[y + 4] != before.split("\n")[y + 4])


def test_the_wheel_zooms_a_chart_and_a_drag_moves_it(screen: Terminal) -> None:
    before = screen.text()
    x, y = place(screen, "train/loss")
    report(screen, WHEEL_UP, x + 10, y + 4)
    report(screen, WHEEL_UP, x + 10, y + 4)
    zoomed = screen.wait_for(lambda text: text != before)
    drag(screen, (x + 20, y + 4), (x + 5, y + 4))
    screen.wait_for(lambda text: text != zoomed)
    screen.send("0")
    try:
        screen.wait_for(lambda text: text.split("\n")[1:12] == before.split("\n")[1:12])
    except AssertionError:
        raise AssertionError(before + "\nNOW\n" + screen.text()) from None


def test_the_wheel_walks_through_a_log_and_a_drag_marks_lines(screen: Terminal) -> None:
    screen.send("4")
    screen.wait_text("step 198 of 200")
    for _ in range(12):
        report(screen, WHEEL_UP, 40, 20)
    screen.wait_for(lambda text: "step 198 of 200" not in text)
    for _ in range(20):
        report(screen, WHEEL_DOWN, 40, 20)
    screen.wait_text("step 198 of 200")
    drag(screen, (10, 10), (10, 14))
    screen.wait_text("5 marked")


@pytest.mark.parametrize(("number", "word"), [("6", "What is 3"), ("7", "wider")])
def test_a_row_of_a_list_is_read_after_a_click(screen: Terminal, number: str, word: str) -> None:
    screen.send(number)
    screen.wait_text(word)
    before = screen.text()
    x, y = place(screen, word)
    click(screen, x, y)
    screen.wait_for(lambda text: text != before)


def test_without_the_mouse_the_terminal_keeps_it(viewer: OgUser) -> None:
    env = {**viewer.env, "OG_MOUSE": "false"}
    with Terminal([str(OG), "view", "aa11"], env=env, cwd=viewer.work) as screen:
        screen.wait_text("train/loss")
        screen.send("q")
        assert screen.exit_code() == 0
        assert b"\x1b[?1006h" not in screen.seen


@pytest.mark.skipif(not INSTALLED, reason="tmux is not installed")
@pytest.mark.parametrize(("columns", "rows"), [(120, 40), (80, 24), (60, 20)])
def test_tmux_shows_what_a_terminal_shows(viewer: OgUser, short_tmp: Path, columns: int, rows: int) -> None:
    """The same picture, cell for cell, on every screen."""
    command = [str(OG), "view", "aa11"]
    shutil.rmtree(viewer.env["XDG_STATE_HOME"], ignore_errors=True)
    with (
        Terminal(command, env=viewer.env, cwd=viewer.work, columns=columns, rows=rows) as plain,
        Tmux(command, env=viewer.env, cwd=viewer.work, folder=short_tmp, columns=columns, rows=rows) as pane,
    ):
        plain.wait_text("train/loss")
        pane.wait_for(lambda text: "train/loss" in text)
        for number, name in enumerate(keys.ALL, 1):
            plain.send(str(number))
            pane.send(str(number))
            plain.wait_for(lambda text, name=name, number=number: f"{number} {name}" in text.split("\n")[0])
            pane.wait_for(lambda text: _same(text, plain.text()))


def _same(pane: str, plain: str) -> bool:
    """All but the status line, where messages come and go."""
    ours = [line.rstrip() for line in plain.split("\n")][:-1]
    theirs = [line.rstrip() for line in pane.split("\n")][: len(ours)]
    return ours == theirs
