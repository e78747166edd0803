"""The Alerts screen: what fired, how it stands, and what it saw."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from test_frames import check_shape, compare
from tui_fakes import OLD_RUN, RUN, FakeSource, Session, run_app_test, until

from opengraphs.tui.model import Desk

MakeDesk = Callable[..., Desk]
SIZES = [(200, 50), (120, 40), (80, 24), (60, 20), (40, 10)]


def fill(source: FakeSource) -> None:
    source.add_alert(
        OLD_RUN,
        "old",
        age_s=9000,
        title="gradient spike",
        level="error",
        state="resolved",
        metric="train/loss",
        step=40,
    )
    source.add_alert(
        RUN, "spike", age_s=300, title="loss spike", level="error", state="acknowledged", note="known", metric="train/loss",
        detector="spike", onset_step=290, step=310, text="train/loss rose to three times its level and stays there.",
        evidence={"threshold": 0.3, "baseline": 0.15, "z": 9.1, "window": [0.1, 0.2, 0.9]},
    )  # fmt: skip
    source.add_alert(RUN, "flat", age_s=30, title="loss is flat", text="no progress for 100 steps", step=200)


def state(session: Session) -> Any:
    return session.app.views["alerts"].state


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_what_it_looks_like(source: FakeSource, make_desk: MakeDesk, size: tuple[int, int]) -> None:
    fill(source)

    async def script(session: Session) -> None:
        await session.press("down")
        await session.settle()
        check_shape(session, *size)
        compare(f"alerts-some-{size[0]}x{size[1]}", session.app.canvas.text())
        await session.press("tab")
        check_shape(session, *size)
        compare(f"alerts-some-{size[0]}x{size[1]}-read", session.app.canvas.text())

    run_app_test(script, source, make_desk(screen="alerts"), size=size)


def test_a_store_without_alerts_says_how_one_comes(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await until(lambda: "No run of this store has an alert." in session.text)
        assert "run.alert(" in session.text

    run_app_test(script, source, make_desk(screen="alerts"))


def test_the_evidence_is_drawn_on_its_curve(source: FakeSource, make_desk: MakeDesk) -> None:
    fill(source)

    async def script(session: Session) -> None:
        await session.press("down")
        await until(lambda: "threshold" in session.text and "baseline" in session.text)
        asked = [query for path, query in source.asked if path == "/series"][-1]
        assert (asked["metric_keys"] if "metric_keys" in asked else asked["metrics"]) == ["train/loss"]
        assert asked["range"] == [230.0, 350.0]
        assert "window     0.1000  0.2000  0.9000" in session.text

    run_app_test(script, source, make_desk(screen="alerts"))


def test_an_alert_without_a_metric_is_drawn_on_the_first_of_its_run(
    source: FakeSource, make_desk: MakeDesk
) -> None:
    fill(source)

    async def script(session: Session) -> None:
        await until(lambda: "┌ train/loss ─" in session.text)

    run_app_test(script, source, make_desk(screen="alerts"))


def test_acknowledging_says_so_and_is_done_once(source: FakeSource, make_desk: MakeDesk) -> None:
    fill(source)

    async def script(session: Session) -> None:
        await session.press("a")
        await until(lambda: state(session).current()["status"] == "acknowledged")
        assert "acknowledged: loss is flat" in session.text
        await session.press("a")
        assert "already acknowledged" in session.text
        assert sum(path.endswith("/ack") for path, _ in source.asked) == 1

    run_app_test(script, source, make_desk(screen="alerts"))


def test_a_new_alert_leaves_the_one_that_is_read_in_place(source: FakeSource, make_desk: MakeDesk) -> None:
    fill(source)

    async def script(session: Session) -> None:
        await session.press("down")
        reading = state(session).current()["id"]
        source.add_alert(RUN, "new", age_s=1, title="brand new")
        await until(lambda: "brand new" in session.text)
        assert (state(session).current()["id"], state(session).cursor) == (reading, 2)

    run_app_test(script, source, make_desk(screen="alerts"))


def test_status_and_words_narrow_the_list(source: FakeSource, make_desk: MakeDesk) -> None:
    fill(source)

    async def script(session: Session) -> None:
        await session.press("f")
        await until(lambda: state(session).total == 1 and "gradient" not in session.text)
        await session.press("escape", "slash", *"spike", "enter")
        await until(lambda: state(session).total == 2)
        await session.press("escape")
        await until(lambda: state(session).total == 3)
        await session.press("slash", *"nowhere")
        await until(lambda: "no such alert" in session.text)

    run_app_test(script, source, make_desk(screen="alerts"))


def test_enter_goes_to_the_curve_where_it_happened(source: FakeSource, make_desk: MakeDesk) -> None:
    fill(source)

    async def script(session: Session) -> None:
        await session.press("down", "enter")
        await until(lambda: session.desk.graphs.run and session.desk.screen == "graphs")
        graphs = session.desk.graphs
        assert (graphs.run_id, graphs.x.kind, graphs.x.cursor, graphs.focus) == (
            RUN,
            "step",
            310.0,
            "train/loss",
        )

    run_app_test(script, source, make_desk(screen="alerts"))


def test_mouse_chooses_and_the_wheel_scrolls(source: FakeSource, make_desk: MakeDesk) -> None:
    fill(source)

    async def script(session: Session) -> None:
        session.app.take_click(5, 5)
        await session.settle()
        assert state(session).current()["title"] == "gradient spike"
        session.app.take_click(100, 5)
        assert state(session).panel == "detail"
        session.app.take_wheel(5, 5, 1)
        await session.settle()
        assert session.app.views["alerts"].table()[1][4] == "loss is flat"

    run_app_test(script, source, make_desk(screen="alerts"))


def test_a_saved_view_comes_back(source: FakeSource, make_desk: MakeDesk) -> None:
    fill(source)

    async def script(session: Session) -> None:
        await session.press("f", "o", "O", "slash", *"loss", "enter")
        view = session.app.view
        kept = view.saved()
        assert kept == {"filter": "loss", "status": "firing", "sort": "level"}
        view.restore({"filter": "", "status": "", "sort": "-time"})
        view.restore({"filter": 1, "status": "burning", "sort": "colour"})
        assert view.saved() == {"filter": "", "status": "", "sort": "-time"}
        view.restore(kept)
        assert view.saved() == kept

    run_app_test(script, source, make_desk(screen="alerts"))


def test_hostile_text_reaches_no_terminal(source: FakeSource, make_desk: MakeDesk) -> None:
    evil = "\x1b]0;owned\x07 \x1b[2J"
    source.add_alert(
        RUN, evil, title=evil, text=evil, metric=evil, detector=evil, note=evil, evidence={evil: evil}, step=3
    )

    async def script(session: Session) -> None:
        check_shape(session, 120, 40)
        assert not any(char in session.text for char in "\x1b\x07")

    run_app_test(script, source, make_desk(screen="alerts"))
