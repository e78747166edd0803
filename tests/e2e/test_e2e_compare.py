"""`og compare` and `og diff` in a real terminal: they fit it, and say without colour what they say with it."""

from __future__ import annotations

import re

import pytest
from made_runs import add_points, make_run
from og_user import OG, OgUser
from terminal import Terminal

from opengraphs.cli.table import cells

BASE, FAST = "20270115-080000-k7f3", "20270115-080100-k9aa"
SGR = re.compile(rb"\x1b\[[0-9;]*m")
LONG = "/a/long/path/of/data" * 9


@pytest.fixture
def pair(user: OgUser) -> OgUser:
    make_run(user.store, BASE, name="a-rather-long-name-of-the-baseline", config={"lr": 0.1, "data": "/d"})
    fast = make_run(user.store, FAST, name="fast", points=0, config={"lr": 0.2, "data": LONG})
    add_points(fast, "a0-r0", [(step, {"train/loss": 0.5 / (1 + step)}) for step in range(80)])
    assert user.og("compare", "k7f3", "k9aa").returncode == 0  # the daemon is there and has read them
    return user


def printed(user: OgUser, *words: str, columns: int, **env: str) -> bytes:
    """What a command writes to a terminal of this width."""
    command = [str(OG), *words]
    with Terminal(command, env={**user.env, **env}, cwd=user.work, columns=columns, rows=60) as screen:
        assert screen.exit_code() == 0
        return bytes(screen.seen)


@pytest.mark.parametrize("columns", [40, 80, 200])
@pytest.mark.parametrize("verb", ["compare", "diff"])
def test_every_line_fits_the_terminal(pair: OgUser, verb: str, columns: int) -> None:
    seen = printed(pair, verb, "k7f3", "k9aa", columns=columns)
    lines = [line.rstrip("\r") for line in SGR.sub(b"", seen).decode().split("\n")]
    too_long = [line for line in lines if cells(line) > columns]
    assert too_long == []
    text = "\n".join(lines)
    assert re.search("▼ -[0-9.]+ ✓", text)
    if verb == "diff":
        assert LONG in re.sub(r"[\s+]", "", text)
    else:
        assert sum("▇" in line for line in lines) >= 1


@pytest.mark.parametrize("verb", ["compare", "diff"])
def test_no_colour_takes_nothing_but_the_colour_away(pair: OgUser, verb: str) -> None:
    coloured = printed(pair, verb, "k7f3", "k9aa", columns=80)
    plain = printed(pair, verb, "k7f3", "k9aa", columns=80, NO_COLOR="1")
    assert SGR.search(coloured)
    assert b"\x1b" not in plain
    assert SGR.sub(b"", coloured) == plain
