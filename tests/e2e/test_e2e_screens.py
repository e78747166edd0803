"""Every screen at every size, and every documented key pressed on a real keyboard, on the installed og.

What each key leaves on the screen is compared with `frames/`, as the rows that changed.
`OG_UPDATE_GOLDEN=1` writes them anew: read the difference before you commit it.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from keyboard import sent
from og_user import OG, OgUser
from scene import make_scene
from terminal import Terminal

from opengraphs.tui import keys

FRAMES = Path(__file__).parent / "frames"
SIZES = [(200, 50), (120, 40), (80, 24), (60, 20), (40, 10)]
COMPARED = (120, 40)
"""Where what every key leaves is compared; at the other sizes the screen as it opens, and that og lives on."""
ELSEWHERE = {"leave", "suspend", "system.mode", "runs.archive", "alerts.ack"}
"""Actions that end or stop the program, show what never is the same, or change the store for good: they have
tests of their own below."""
UPDATE = bool(os.environ.get("OG_UPDATE_GOLDEN"))
QUIET_S = 0.4
ESCAPE = "\x1b[27u"
"""Escape as terminals with the kitty protocol send it: never taken for the start of another key."""


@pytest.fixture(scope="module")
def viewer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OgUser]:
    with OgUser(tmp_path_factory.mktemp("screens")) as user:
        user.env["TZ"] = "UTC"
        make_scene(user.store)
        user.og("list")
        yield user


def start(user: OgUser, columns: int, rows: int) -> Terminal:
    """`og` on the first run, with nothing remembered of the tests before."""
    shutil.rmtree(user.env["XDG_STATE_HOME"], ignore_errors=True)
    return Terminal([str(OG), "view", "aa11"], env=user.env, cwd=user.work, columns=columns, rows=rows)


def settled(screen: Terminal) -> str:
    """What the screen shows once nothing changes; only for writing frames."""
    text, since = screen.text(), time.monotonic()
    while time.monotonic() - since < QUIET_S:
        time.sleep(0.02)
        now = screen.text()
        if now != text:
            text, since = now, time.monotonic()
    return text


METER = re.compile(r"terminal: .*")
"""The foot of the help says what the line to the terminal carries: never the same."""


YEARS = re.compile(r"\b\d\.\dy\b")
"""The runs are as old as they are."""


def body(text: str) -> list[str]:
    """All but the status line, where messages come and go with time, and the meter of the line."""
    return [YEARS.sub("6.9y", METER.sub("terminal:", row)) for row in text.split("\n")[:-1]]


class Walk:
    """One screen, key after key. Frames are kept as `key` lines followed by the rows that it changed."""

    def __init__(self, screen: Terminal, path: Path) -> None:
        self.screen = screen
        self.path = path
        self.rows: list[str] = []
        self.written: list[str] = []
        self.known = {} if UPDATE else _read(path)

    def see(self, name: str) -> None:
        """Compare what is seen after `name` with what was seen before."""
        if UPDATE:
            rows = body(settled(self.screen))
            self.written.append(f"== {name}")
            self.written += [
                f"{at:2} {row}".rstrip() for at, row in enumerate(rows) if self._changed(at, row)
            ]
            self.rows = rows
            return
        assert name in self.known, (
            f"{self.path.name} says nothing of {name}: write it with OG_UPDATE_GOLDEN=1"
        )
        rows = list(self.rows) or [""] * (self.screen.screen.lines - 1)
        for at, row in self.known[name].items():
            rows[at] = row
        self.rows = rows
        try:
            self.screen.wait_for(lambda text: body(text) == rows, within_s=10)
        except AssertionError as error:
            wanted = "\n".join(rows)
            raise AssertionError(f"after {name}: {error}\nwanted:\n{wanted}") from None

    def _changed(self, at: int, row: str) -> bool:
        return at >= len(self.rows) or self.rows[at] != row

    def close(self) -> None:
        if UPDATE:
            self.path.write_text("\n".join(self.written) + "\n")


def _read(path: Path) -> dict[str, dict[int, str]]:
    steps: dict[str, dict[int, str]] = {}
    for line in path.read_text().splitlines():
        if line.startswith("== "):
            step = steps.setdefault(line[3:], {})
        else:
            step[int(line[:2])] = line[3:]
    return steps


def keys_of(screen: str) -> list[tuple[str, str]]:
    """(action, key) of a screen, less those that have tests of their own; the tabs are pressed all the time."""
    actions = keys.actions_of(screen)
    return [
        (one.id, key)
        for one in actions
        for key in one.keys
        if one.id not in ELSEWHERE and not one.id.startswith("screen.")
    ]


def number_of(screen: str) -> str:
    return str(keys.ALL.index(screen) + 1)


def prepare(screen: Terminal, name: str) -> None:
    """Two runs are selected, and the screen is opened; the tab of the alerts has its mark by then."""
    if screen.screen.columns >= 60:
        screen.wait_for(lambda text: "▲" in text.split("\n")[0])
    screen.send("?")
    screen.wait_text("Graphs: keys")
    screen.send(ESCAPE)
    screen.wait_for(lambda text: "Graphs: keys" not in text)
    screen.send("1")
    screen.wait_text("slower-lr")
    screen.send("\x1b[H ")
    screen.wait_for(lambda text: text.count("•") == 1)
    screen.send("j ")
    screen.wait_for(lambda text: text.count("•") == 2)
    screen.send(number_of(name))


@pytest.mark.parametrize(("columns", "rows"), SIZES)
@pytest.mark.parametrize("name", keys.ALL)
def test_every_key_of_every_screen(viewer: OgUser, name: str, columns: int, rows: int) -> None:
    compared = (columns, rows) == COMPARED
    with start(viewer, columns, rows) as screen:
        screen.wait_text("baseline" if columns >= 60 else "train")
        walk = Walk(screen, FRAMES / f"{name}-{columns}x{rows}.txt")
        prepare(screen, name)
        walk.see("opened")
        for action, key in keys_of(name):
            screen.send(sent(key))
            if compared:
                walk.see(f"{action} {key}")
            screen.send(ESCAPE + number_of(name))
            if compared:
                walk.see(f"back from {action} {key}")
        walk.close()
        screen.wait_for(lambda text: whole(text, name, columns, rows))
        screen.send("q")
        assert screen.exit_code() == 0


def whole(text: str, name: str, columns: int, rows: int) -> bool:
    """The frame of a screen: its tab on top, as many rows as the window has, none wider than it."""
    lines = text.split("\n")
    tabs = lines[0][:70]
    named = f"{number_of(name)} {name}" in tabs
    return named and len(lines) == rows and all(len(line) <= columns for line in lines)


def test_live_machine_and_back(viewer: OgUser) -> None:
    with start(viewer, 120, 40) as screen:
        screen.wait_text("train/loss")
        screen.send("5")
        screen.wait_text("gpu0 util %")
        screen.send("t")
        screen.wait_text("processes", "command")
        screen.send(ESCAPE)
        screen.wait_text("gpu0 util %")


def test_archived_runs_leave_the_list_and_come_back(viewer: OgUser) -> None:
    with start(viewer, 120, 40) as screen:
        screen.wait_text("train/loss")
        screen.send("1")
        screen.wait_text("3 runs")
        screen.send("\x1b[HD")
        screen.wait_text("2 runs")
    viewer.og("archive", "slower-lr", "--undo")
    assert len(viewer.runs()) == 3


def test_an_alert_is_acknowledged(viewer: OgUser) -> None:
    with start(viewer, 120, 40) as screen:
        screen.wait_text("train/loss")
        screen.send("7")
        screen.wait_text("3 firing")
        screen.send("a")
        screen.wait_text("2 firing, 1 acknowledged")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
@pytest.mark.parametrize("name", keys.ALL)
def test_a_signal_puts_the_terminal_right_from_any_screen(
    viewer: OgUser, name: str, number: signal.Signals, code: int
) -> None:
    with start(viewer, 120, 40) as screen:
        screen.wait_text("train/loss")
        screen.send(number_of(name))
        screen.wait_for(lambda text: whole(text, name, 120, 40))
        os.kill(viewer.pid_of("og view aa11"), number)
        assert screen.exit_code() == code
        assert b"\x1b[?1049l" in screen.seen
        assert b"\x1b[?25h" in screen.seen


def test_a_storm_of_sizes_on_every_screen_ends_in_the_last_one(viewer: OgUser) -> None:
    with start(viewer, 120, 40) as screen:
        screen.wait_text("train/loss")
        for name in keys.ALL:
            screen.send(number_of(name))
            for columns, rows in [*SIZES, (1, 1), (33, 7), *SIZES[::-1]] * 2:
                screen.resize(columns, rows)
            screen.resize(100, 30)
            screen.wait_for(lambda text, name=name: whole(text, name, 100, 30) and "q quit" in text)
