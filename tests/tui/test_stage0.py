"""The first frame: real data from a daemon on a socket, in a real pty, with next to nothing imported."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fake_daemon import FakeDaemon
from pty_screen import PtyProgram

from opengraphs import paths
from opengraphs.sdk import layout as store_layout
from opengraphs.tui import keys, quick, stage0
from opengraphs.tui.painters import screen

RUN_ID = "20261122-093012-k7f3"
FORBIDDEN = [
    "textual",
    "rich",
    "numpy",
    "asyncio",
    "click",
    "dataclasses",
    "http.client",
    "urllib.request",
    "subprocess",
    "sqlite3",
    "logging",
    "msgspec",
    "orjson",
    "uvicorn",
    "starlette",
    "psutil",
    "threading",
    "selectors",
    "json",
    "re",
    "typing",
    "pathlib",
    "socket",
    "signal",
    "enum",
    "inspect",
    "importlib.metadata",
    "tempfile",
    "hashlib",
    "datetime",
]

PAINT = """
import sys
from opengraphs.tui import stage0
painted = stage0.paint({view!r}, run={run!r}, store="/tmp/store", socket=sys.argv[1])
if painted is None:
    print("no frame")
    sys.exit(3)
{then}
"""


def one_series(metric: str, count: int = 300, derived: str | None = None) -> dict[str, Any]:
    xs = [float(x) for x in range(count)]
    ys = [2 * math.exp(-x / 80) + 0.1 for x in xs]
    return {
        "run": RUN_ID,
        "metric": metric,
        "derived": derived,
        "rank": None,
        "x": xs,
        "y": ys,
        "points": count,
        "last": {"step": count - 1, "time": 0.0, "value": ys[-1]},
        "min": min(ys),
        "max": max(ys),
        "mean": 0.5,
        "slope": -1e-3,
        "first_step": 0,
        "last_step": count - 1,
        "nonfinite": {"nan": 0, "inf": 0, "at": []},
    }


def run_facts(**more: Any) -> dict[str, Any]:
    return {
        "run_id": RUN_ID,
        "name": "train-gpt",
        "project": "digits",
        "status": "running",
        "created_at": "2026-11-22T09:30:12.123456Z",
        "main_metric": "train/loss",
        "spark": [3.0, 2.0, 1.0],
        "last": {"train/loss": 0.412},
        "last_step": 299,
        "tags": [],
        **more,
    }


def answers() -> dict[str, Any]:
    metrics = [{"key": key} for key in ("train/loss", "train/acc", "lr", "grad_norm")]

    def series(_target: str, body: dict[str, Any]) -> Any:
        assert body["runs"] == [RUN_ID]
        assert body["columns"] >= 1
        found = [one_series(key, derived=kind) for key in body["metrics"] for kind in (None, "ma(15)")]
        progress = {"step": 300, "total": 1000, "eta_s": 252.0}
        return {"schema": 1, "series": found, "pending": {}, "progress": {RUN_ID: progress}}

    def log(_target: str, _body: dict[str, Any]) -> Any:
        lines = [{"n": n, "text": f"line {n} \x1b[32mok\x1b[0m"} for n in range(40, 60)]
        return {"lines": lines, "total_lines": 60, "size_bytes": 900, "next": 60}

    return {
        "/runs": lambda _t, _b: {
            "schema": 1,
            "runs": [run_facts(), run_facts(name="old", status="failed")],
            "total": 2,
            "next": None,
        },
        f"/runs/{RUN_ID}": lambda _t, _b: run_facts(metrics=metrics),
        "/runs/a name/with slash": lambda _t, _b: run_facts(metrics=metrics),
        f"/runs/{RUN_ID}/system": lambda _t, _b: {"hosts": ["box"], "series": [one_series("cpu.percent", 3)]},
        f"/runs/{RUN_ID}/log": log,
        "/series": series,
    }


@pytest.fixture
def daemon(short_tmp: Path) -> Any:
    with FakeDaemon(short_tmp / "run", answers()) as running:
        yield running


def program(
    daemon: FakeDaemon,
    view: str,
    *,
    run: str | None = RUN_ID,
    then: str = "sys.stdin.readline()",
    **more: Any,
) -> PtyProgram:
    return PtyProgram(PAINT.format(view=view, run=run, then=then), daemon.path, **more)


@pytest.mark.parametrize(("columns", "rows"), [(120, 40), (80, 24), (40, 10)])
def test_graphs_show_the_run_with_its_curves(daemon: FakeDaemon, columns: int, rows: int) -> None:
    with program(daemon, "graphs", columns=columns, rows=rows) as shown:
        shown.wait_until(lambda: "q quit" in shown.text(), "the whole frame")
        text = shown.text()
        assert "train-gpt" in text
        assert "┌ train/loss ─" in text
        assert any("⠀" < char <= "⣿" for char in text), "curves are drawn"
        assert ("300/1000" in text) == (columns >= 80)
        assert ("cpu" in text) == (columns >= 100)


def test_runs_and_logs(daemon: FakeDaemon) -> None:
    with program(daemon, "runs") as shown:
        shown.wait_until(lambda: "q quit" in shown.text(), "the whole frame")
        assert "2 runs, 1 live" in shown.text()
        assert "✗ failed" in shown.text()
    with program(daemon, "logs") as shown:
        shown.wait_until(lambda: "q quit" in shown.text(), "the whole frame")
        assert "60 │ line 59 ok" in shown.text()


def test_the_newest_live_run_is_shown_when_none_is_named(daemon: FakeDaemon) -> None:
    with program(daemon, "graphs", run=None) as shown:
        shown.wait_until(lambda: "train/loss" in shown.text(), "the whole frame")
    assert any("status=running" in target for target in daemon.asked)


def test_a_name_with_spaces_and_slashes_reaches_the_daemon(daemon: FakeDaemon) -> None:
    with program(daemon, "graphs", run="a name/with slash") as shown:
        shown.wait_until(lambda: "train/loss" in shown.text(), "the whole frame")
    assert any(target.startswith("/runs/a%20name%2Fwith%20slash?") for target in daemon.asked)


def test_typed_keys_wait_unseen_and_ctrl_c_still_works(daemon: FakeDaemon) -> None:
    with program(daemon, "runs", then="import time; time.sleep(30)") as shown:
        shown.wait_until(lambda: "q quit" in shown.text(), "the whole frame")
        before = shown.text()
        shown.send("xyz")
        shown.send("\x03")
        assert shown.wait() in (1, -2, 130)
        assert "xyz" not in before + shown.text().replace(before, "")


def test_restore_leaves_the_terminal_as_it_was(daemon: FakeDaemon) -> None:
    with program(daemon, "runs", then="painted.restore(); print('back')") as shown:
        before = shown.attrs()
        shown.wait_until(lambda: b"back" in shown.raw, "the program's last word")
        shown.wait()
        assert shown.attrs() == before
        assert shown.raw.index(b"\x1b[?1049h") < shown.raw.index(b"\x1b[?1049l") < shown.raw.index(b"back")


@pytest.mark.parametrize("signal_name", ["SIGTERM", "SIGHUP"])
def test_a_signal_before_the_app_is_there_restores_the_terminal(daemon: FakeDaemon, signal_name: str) -> None:
    then = f"import os, signal; os.kill(os.getpid(), signal.{signal_name}); sys.stdin.readline()"
    with program(daemon, "runs", then=then) as shown:
        before = shown.attrs()
        code = shown.wait()
        assert code == 128 + {"SIGTERM": 15, "SIGHUP": 1}[signal_name]
        assert b"\x1b[?1049l" in shown.raw
        assert shown.attrs() == before


@pytest.mark.parametrize("trouble", ["no socket", "open folder", "error reply", "odd reply", "no terminal"])
def test_any_trouble_means_no_frame_and_an_untouched_terminal(short_tmp: Path, trouble: str) -> None:
    table = answers()
    if trouble == "error reply":
        table = {}
    if trouble == "odd reply":
        table["/runs"] = lambda _t, _b: {"something": "else"}
    with FakeDaemon(short_tmp / "run", table) as daemon:
        if trouble == "open folder":
            os.chmod(short_tmp / "run", 0o755)
        if trouble == "no socket":
            daemon.path += ".gone"
        env = {"TERM": "dumb"} if trouble == "no terminal" else {}
        with program(daemon, "runs", env=env) as shown:
            assert shown.wait() == 3
            assert "no frame" in shown.text()
            assert b"\x1b[?1049h" not in shown.raw
            assert shown.attrs() == shown.attrs_at_start[:4]
        daemon.path = daemon.path.removesuffix(".gone")


def test_a_slow_daemon_is_not_waited_for(short_tmp: Path) -> None:
    import threading

    release = threading.Event()
    table = answers()
    table["/runs"] = lambda _t, _b: release.wait(10) and None
    with FakeDaemon(short_tmp / "run", table) as daemon:
        with program(daemon, "runs") as shown:
            assert shown.wait() == 3
        release.set()


def test_stage0_loads_none_of_the_forbidden_modules(daemon: FakeDaemon) -> None:
    report = "import os; loaded = sorted(sys.modules); painted.restore(); print('LOADED', *loaded, 'END')"
    with program(daemon, "graphs", then=report) as shown:
        shown.wait_until(lambda: b"END" in shown.raw, "the list of modules")
        loaded = set(shown.raw.split(b"LOADED", 1)[1].split(b"END")[0].decode().split())
    assert "opengraphs.tui.painters.chart" in loaded
    bare = subprocess.run(
        [sys.executable, "-c", "import sys, opengraphs; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    heavy = (loaded - set(bare.stdout.split())) & set(FORBIDDEN)
    assert not heavy


def test_settings_files_are_scanned_without_a_parser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "config" / "opengraphs"
    config.mkdir(parents=True)
    (config / "config.toml").write_text(
        '[ui]\ntheme = "light"  # mine\nglyphs = \'ascii\'\n[other]\nmode = "minimal"\n'
    )
    project = tmp_path / "work" / "deep"
    project.mkdir(parents=True)
    (tmp_path / "work" / "og.toml").write_text('ui.mode = "minimal"\n[ui]\nrefresh_ms = 100\n')
    monkeypatch.chdir(project)
    env = {"XDG_CONFIG_HOME": str(tmp_path / "config")}
    assert stage0.settings(env) == {"theme": "light", "glyphs": "ascii", "mode": "minimal"}
    assert stage0.settings({**env, "OG_THEME": "ansi"})["theme"] == "ansi"


def test_locations_are_those_of_the_rest_of_og(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a" / ".opengraphs").mkdir(parents=True)
    (tmp_path / "a" / "b").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    for folder in (tmp_path, tmp_path / "a" / "b"):
        monkeypatch.chdir(folder)
        for env in ({}, {"OG_STORE": "~/s"}, {"OG_STORE": "rel"}, {"XDG_DATA_HOME": "/data"}):
            assert quick.find_store(None, env) == store_layout.find_store(None, env=env)
            assert quick.find_store("x/../y", env) == store_layout.find_store("x/../y", env=env)
        for env in (
            {"OGD_SOCKET": "~/x.sock"},
            {"OGD_SOCKET": "rel.sock"},
            {"XDG_RUNTIME_DIR": "/run/user/1"},
        ):
            assert quick.daemon_socket(env) == str(paths.daemon_socket(env))


def test_hints_are_those_the_app_will_show() -> None:
    keymap, short = keys.Keymap({}), {action.id: action.short for action in keys.ACTIONS}

    def hints(name: Any, *actions: str) -> list[tuple[str, str]]:
        return [(keys.label(keymap.keys_of(name, one)[0], ascii_only=False), short[one]) for one in actions]

    assert list(screen.LOGS_HINTS) == hints("logs", "help", "logs.find", "logs.first", "leave")
    some = ["runs.filter", "runs.open", "runs.select", "runs.sort", "runs.columns", "runs.tree", "runs.tag"]
    runs = hints("runs", "help", *some, "leave")
    assert screen.runs_hints(True) == runs
    graphs = [
        "graphs.search",
        "graphs.enlarge",
        "graphs.page_down",
        "graphs.smooth",
        "graphs.pause",
        "graphs.ask",
    ]
    assert screen.graphs_hints(charts=True, pages=True, live=True) == hints(
        "graphs", "help", *graphs, "leave"
    )


def test_json_is_read_as_json_reads_it() -> None:
    text = b' {"a": [1, -2.5e3, "NaN", null, true, "\\u00e9\\n\xe8\xae\xad"], "b": {}} \n'
    assert quick.loads(text) == {"a": [1, -2500.0, "NaN", None, True, "é\n训"], "b": {}}
    for bad in (b"", b"{", b"1 2", b"nope", b'{"a":}'):
        with pytest.raises(ValueError, match=r"JSON|line 1"):
            quick.loads(bad)
    assert quick.loads(quick.text_list(['quote " back \\ 训 🚀 \x07']).encode()) == [
        'quote " back \\ 训 🚀 \x07'
    ]
