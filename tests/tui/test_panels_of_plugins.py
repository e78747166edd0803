"""Panels of others: found, given data, shown; and whatever they do wrong stays in their box."""

from __future__ import annotations

import math
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import panel_kit
import pytest
from tui_fakes import METRICS, RUN, FakeSource, Session, run_app_test, until

from opengraphs.tui import panelhost, plugins, settings
from opengraphs.tui.glyphs import ASCII, BRAILLE
from opengraphs.tui.keys import Keymap
from opengraphs.tui.model import Choices, Desk
from opengraphs.tui.painters.cells import plain, row_width
from opengraphs.tui.plugins import PanelError
from opengraphs.tui.screens.graphs_state import GraphsState

Install = Callable[..., None]

GAP_SOURCE, GAP_ENTRY, GAP_PICTURE = panel_kit.documented_example()


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """A module `brought` with these panels: a source, and names → attributes."""

    def do(source: str, module: str = "brought", **panels: str) -> None:
        panel_kit.install(tmp_path, monkeypatch, module, source, panels)

    return do


def desk_with(*names: str) -> Desk:
    choices = Choices(BRAILLE, Keymap(), 250, False, "/store", names)
    return Desk(choices, graphs=GraphsState(), screen="graphs", clock=lambda: 1_795_341_600.0)


def panel_text(session: Session) -> str:
    """The side column, where panels stand."""
    return "\n".join(line[-36:] for line in session.app.canvas.text())


def show(source: FakeSource, script: Callable[[Session], Any], *names: str) -> None:
    run_app_test(script, source, desk_with(*names), size=(130, 44))


# The example of the docs


def test_the_documented_example_does_what_its_picture_shows(install: Install, source: FakeSource) -> None:
    install(GAP_SOURCE, "og_gap", **GAP_ENTRY)
    assert plugins.installed() == [plugins.Installed("gap", "og-gap", "1.0")]
    source.metrics[RUN]["train/loss"].append((372, 0.5))
    source.metrics[RUN]["eval/loss"].append((375, 0.618))

    async def script(session: Session) -> None:
        await until(lambda: "+0.1180" in session.text, what="the panel")
        shown = panel_text(session)
        for line in GAP_PICTURE.splitlines():
            assert line.strip("┌┐└┘─│ ") in shown
        asked = next(body for path, body in source.asked if path == "/series" and len(body["metrics"]) == 2)
        assert asked["metrics"] == ["train/loss", "eval/loss"]
        assert asked["columns"] <= 80

    show(source, script, "gap")


def test_the_example_folder_holds_what_the_docs_show() -> None:
    folder = panel_kit.ROOT / "examples" / "og-gap"
    assert (folder / "og_gap.py").read_text() == GAP_SOURCE
    assert (folder / "pyproject.toml").read_text() in panel_kit.PAGE.read_text()


def test_a_panel_follows_the_run(install: Install, source: FakeSource) -> None:
    install(GAP_SOURCE, "og_gap", **GAP_ENTRY)

    async def script(session: Session) -> None:
        await until(lambda: "eval - train" in session.text, what="the panel")
        source.log(RUN, 400, train__loss=0.5, eval__loss=0.75)
        await until(lambda: "+0.2500" in session.text, what="its new figure")
        source.log(RUN, 401, eval__loss=math.nan)
        await until(lambda: "a loss is not a number" in session.text, what="what NaN becomes")

    show(source, script, "gap")


def test_w_lists_what_is_installed_and_switches_it_on_and_off(install: Install, source: FakeSource) -> None:
    install(GAP_SOURCE, "og_gap", **GAP_ENTRY)

    async def script(session: Session) -> None:
        assert "generalisation gap" not in session.text
        await session.pilot.press("w")
        await until(lambda: "og-gap 1.0" in session.text, what="the list")
        await session.press("1")
        await until(lambda: "eval - train" in session.text, what="the panel")
        await session.pilot.press("w")
        await until(lambda: "hide  og-gap 1.0" in session.text, what="the list again")
        await session.press("1")
        await until(lambda: "generalisation gap" not in session.text, what="the panel gone")

    show(source, script)


def test_one_frame_as_text_has_the_panel_too(install: Install, source: FakeSource) -> None:
    from opengraphs.tui import once

    install(GAP_SOURCE, "og_gap", **GAP_ENTRY)

    class Client:
        def get(self, path: str, /, **query: Any) -> Any:
            return once._finish(source.get(path, **query))

        def post(self, path: str, body: dict[str, Any]) -> Any:
            return once._finish(source.post(path, body))

    desk = desk_with("gap")
    desk.panels = panelhost.PanelHost(["gap"], worker=lambda _: panelhost.InPlace())
    desk.panels.start()
    desk.open_run(RUN)
    text = "\n".join(plain(once.frame(Client(), desk, 130, 44)))  # type: ignore[arg-type]
    assert "eval - train" in text


def test_nothing_is_looked_for_before_it_is_named() -> None:
    code = (
        "import sys; from opengraphs.tui import once, app; from opengraphs.tui.panelhost import PanelHost;"
        "host = PanelHost(); host.start(); host.metrics(['a']);"
        "print('importlib.metadata' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    before = subprocess.run(
        [sys.executable, "-c", "import sys, textual.app; print('importlib.metadata' in sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == before.stdout, "only what Textual itself has loaded"


def test_the_setting_names_panels_with_commas(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from opengraphs.tui import looks

    monkeypatch.setenv("OG_PANELS", " gap, tokens ,")
    chosen = settings.load(cwd=tmp_path)
    look = looks.settle(
        store=tmp_path, theme_name=None, glyphs=None, ui=None, refresh_ms=None, color=True, given=chosen
    )
    assert look.choices.panels == ("gap", "tokens")


# What goes wrong stays in the box

BAD = """
    class Base:
        title = "bad"
        metrics = ["lr"]
        def paint(self, data, width, height):
            return ["fine"]

    class Raises(Base):
        def paint(self, data, width, height):
            raise RuntimeError("no more\\nsecond line")

    class Leaves(Base):
        def paint(self, data, width, height):
            raise SystemExit(3)

    class NoList(Base):
        def paint(self, data, width, height):
            return 7

    class NoLine(Base):
        def paint(self, data, width, height):
            return [{"a": 1}]

    class NoMetrics(Base):
        metrics = "lr"

    class Unknown(Base):
        metrics = ["nothing/like/this"]

    class NoTitle(Base):
        title = None

    class NoPaint:
        title, metrics = "x", []

    class Fails(Base):
        def __init__(self):
            raise ValueError("cannot be made")
"""

SAID = {
    "Raises": "RuntimeError: no more",
    "Leaves": "SystemExit: 3",
    "NoList": "paint returned int",
    "NoLine": "a line is a text",
    "NoMetrics": "metrics is a list of names",
    "Unknown": "this run has none of its",
    "NoTitle": "title is a text, not NoneType",
    "NoPaint": "a panel needs 'paint'",
    "Fails": "ValueError: cannot be made",
}


@pytest.mark.parametrize("kind", SAID)
def test_a_mistake_is_one_calm_line_in_its_own_box(install: Install, source: FakeSource, kind: str) -> None:
    install(BAD, bad=f"brought:{kind}", good="brought:Base")

    def told(session: Session) -> str:
        return " ".join(line.strip("│ ") for line in panel_text(session).splitlines())

    async def script(session: Session) -> None:
        await until(lambda: SAID[kind] in told(session), what=SAID[kind])
        await until(lambda: "fine" in panel_text(session), what="the other panel")
        await session.press("m")
        assert session.desk.graphs.smooth == "ma(50)", "the screen goes on"

    show(source, script, "bad", "good")


def test_a_panel_that_is_not_installed_names_the_nearest(install: Install, source: FakeSource) -> None:
    install(BAD, tokens="brought:Base")

    async def script(session: Session) -> None:
        await until(lambda: "did you mean tokens?" in panel_text(session), what="the nearest")

    show(source, script, "token")


def test_an_error_is_over_when_the_next_picture_is_fine(install: Install, source: FakeSource) -> None:
    install(
        """
        title, metrics = "moody", ["lr"]
        def paint(data, width, height):
            if len(data["series"]["lr"]["x"]) == 372:
                raise KeyError("today")
            return ["better"]
        """,
        moody="brought",
    )

    async def script(session: Session) -> None:
        await until(lambda: "KeyError: 'today'" in session.text, what="the error")
        source.log(RUN, 372, lr=1e-4)
        await until(lambda: "better" in session.text, what="the picture")

    show(source, script, "moody")


def test_a_panel_that_hangs_holds_nobody_up(
    install: Install, source: FakeSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(panelhost, "STUCK_S", 0.05)
    release = threading.Event()
    monkeypatch.setattr(threading, "og_test_release", release, raising=False)
    install(
        """
        import threading
        title, metrics = "stuck", ["lr"]
        def paint(data, width, height):
            threading.og_test_release.wait(30)
            return ["at last"]
        """,
        stuck="brought",
    )

    async def script(session: Session) -> None:
        await until(lambda: "does not answer" in session.text, what="that it hangs")
        await session.pilot.press("m")
        await until(lambda: session.desk.graphs.smooth == "ma(50)", what="a key")
        release.set()
        await until(lambda: "at last" in session.text, what="its picture")

    show(source, script, "stuck")


def test_a_panel_that_is_too_slow_is_left_alone(
    install: Install, source: FakeSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(panelhost, "BUDGET_S", -1.0)
    calls: list[int] = []
    monkeypatch.setattr(threading, "og_test_calls", calls, raising=False)
    install(
        """
        import threading
        title, metrics = "slow", ["lr"]
        def paint(data, width, height):
            threading.og_test_calls.append(1)
            return [str(len(threading.og_test_calls))]
        """,
        slow="brought",
    )

    async def script(session: Session) -> None:
        for step in range(372, 380):
            seen = len(calls)
            source.log(RUN, step, lr=1e-4)
            await until(lambda seen=seen: len(calls) > seen or "too slow" in session.text)
        assert "too slow" in session.text
        assert len(calls) == panelhost.SLOW_PICTURES

    show(source, script, "slow")


# Lines


def test_text_is_made_safe_and_cut_to_the_panel() -> None:
    lines = [
        "\x1b[2Jhi\x07",
        ("x" * 99, "bold warn"),
        ["a", ("b", "series.3.dim"), ("c", "no such style")],
        None,
    ]
    rows = plugins.rows_of(lines, 12, 4, BRAILLE)
    assert [row_width(row) for row in rows] == [12] * 4
    assert "\x1b" not in "".join(plain(rows))
    assert rows[1][0][1] == "b:warn"
    assert [role for _, role in rows[2][:3]] == ["text", "series.3.dim", "text"]


def test_an_ascii_terminal_gets_ascii() -> None:
    assert plain(plugins.rows_of(["├─ é"], 6, 1, ASCII))[0].isascii()


def test_a_style_is_a_word_with_bold_or_without() -> None:
    assert [plugins.role_of(style) for style in ("", "ok", "bold", "bold accent", "series.12", "sel:text", "series.123")] == [
        "text", "ok", "b:text", "b:accent", "series.12", "text", "text"
    ]  # fmt: skip


def test_metrics_are_globs_or_a_function_and_have_a_bound() -> None:
    class Some:
        title = "some"
        paint = staticmethod(lambda data, width, height: [])

        def __init__(self, metrics: Any) -> None:
            self.metrics = metrics

    keys = list(METRICS)
    assert plugins.Panel("p", Some(["eval/*", "lr", "eval/acc"])).wanted(keys) == (
        "eval/loss",
        "eval/acc",
        "lr",
    )
    assert plugins.Panel("p", Some(lambda keys: keys[:1])).wanted(keys) == ("train/loss",)
    many = [f"m{n}" for n in range(100)]
    assert len(plugins.Panel("p", Some(["*"])).wanted(many)) == plugins.MAX_METRICS
    with pytest.raises(PanelError):
        plugins.Panel("p", Some([7])).wanted(keys)


def test_data_are_the_panels_own() -> None:
    run: Any = {
        "run_id": "r",
        "name": "n",
        "config": {"a": {"b": [1]}},
        "tags": ["t"],
        "progress": {"step": 3, "total": 9},
    }
    one: Any = {
        "run": "r", "metric": "m", "derived": None, "rank": None, "x": [1.0, 2.0], "y": [0.5, "NaN"], "points": 2,
        "last": {"step": 2, "time": 0.0, "value": "NaN"}, "min": 0.5, "max": 0.5, "mean": 0.5, "slope": None,
    }  # fmt: skip
    data = plugins.data_of(run, "step", [one, {**one, "derived": "ma(15)"}, {**one, "run": "other"}], ["m"])
    assert data["run"]["step"] == 3
    assert list(data["series"]) == ["m"]
    assert math.isnan(data["series"]["m"]["y"][1])
    assert math.isnan(data["series"]["m"]["last"] or 0.0)
    data["run"]["config"]["a"]["b"].append(2)
    data["series"]["m"]["x"].clear()
    assert run["config"] == {"a": {"b": [1]}}
    assert one["x"] == [1.0, 2.0]
