"""`og top` without a terminal, and the routes behind it, with a real daemon."""

from __future__ import annotations

import re
import subprocess
import sys
import uuid

import pytest
from og_user import OgUser
from ogd_kit import LiveRun, Ogd, make_run

from opengraphs.errors import UsageError


def test_without_a_terminal_one_plain_frame(user: OgUser) -> None:
    done = user.og("top")
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    assert "cpu %" in done.stdout
    assert "command" in done.stdout


def test_export_saves_what_was_seen_and_writes_over_nothing(user: OgUser) -> None:
    done = user.og("top", "--export", "top.svg", "--for", "1.5")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert done.stderr.strip() == "saved top.svg"
    picture = (user.work / "top.svg").read_text()
    assert ">cpu<" in picture
    assert picture.count("h0") > 2, "the curve of two looks at least"
    again = user.og("top", "--export", "top.svg")
    assert again.returncode == 2
    assert "such a file already" in again.stderr
    assert user.og("top", "--export", "top.csv").returncode == 0
    assert (user.work / "top.csv").read_text().startswith("pid,user,cpu_percent,")


def test_only_processes_with_the_words_asked_for(user: OgUser) -> None:
    """Under a word that no other test's process has: the whole machine is listed."""
    word = f"napper-{uuid.uuid4().hex}"
    nap = [sys.executable, "-c", "print('up', flush=True); input()", word]
    with subprocess.Popen(nap, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as napper:
        try:
            assert napper.stdout is not None
            assert napper.stdout.readline() == "up\n"
            told = user.json("top", "--json", "--filter", f"{word} !--filter")["processes"]
            assert [one["pid"] for one in told] == [napper.pid], "not og itself, which has the words too"
            frame = user.og("top", "--once", "--filter", word).stdout
        finally:
            napper.kill()
    assert "command" in frame
    assert re.search(rf"^\W*{napper.pid}\b", frame, re.MULTILINE), frame


def test_json_is_the_answer_of_the_daemon(user: OgUser) -> None:
    told = user.json("top", "--json")
    assert 0 <= told["metrics"]["cpu.percent"] <= 100
    assert 0 < len(told["processes"]) <= 50
    assert told["uptime_s"] > 0
    assert len(told["load"]) == 3


def test_a_live_run_is_marked_among_the_processes(ogd: Ogd) -> None:
    with LiveRun(ogd.store, name="napper") as live, ogd.client() as client:
        told = client.get("/host", processes=500, filter="napper")
        assert [one["run"] for one in told["processes"]] == [live.run_id] * told["matching"]
        assert told["matching"] >= 1
        assert told["total"] > told["matching"]


def test_the_machine_alone_has_no_processes(ogd: Ogd) -> None:
    with ogd.client() as client:
        told = client.get("/host")
        assert "processes" not in told
        with pytest.raises(UsageError):
            client.get("/host", processes=501)
        with pytest.raises(UsageError):
            client.get("/host", processes=1, sort="colour")


@pytest.mark.parametrize("span", [{"from": 1}, {"to": 1}, {"from": 2, "to": 1}, {"from": "x", "to": 1}])
def test_a_stretch_that_is_none_is_refused(ogd: Ogd, span: dict[str, object]) -> None:
    folder = make_run(ogd.store)
    with ogd.client() as client, pytest.raises(UsageError):
        client.get(f"/runs/{folder.name}/system", **span)
