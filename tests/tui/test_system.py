"""The System screen: a run's figures beside its metrics, and the machine as it is now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from test_frames import check_shape, compare
from tui_fakes import NOW, OLD_RUN, RUN, FakeSource, Session, run_app_test, until

from opengraphs.tui.model import Desk

MakeDesk = Callable[..., Desk]
SIZES = [(200, 50), (120, 40), (80, 24), (40, 10)]


def titles(session: Session) -> list[str]:
    return [key.rpartition("|")[2] for key, _ in session.app.views["system"].wall.placed]


def asked_since(session: Session, count: int) -> list[str]:
    return [path for path, _ in session.source.asked[count:]]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("gpus", [1, 2, 8, 16])
def test_frame_of_a_run(source: FakeSource, make_desk: MakeDesk, gpus: int, size: tuple[int, int]) -> None:
    source.add_figures(gpus=gpus, cores=8)

    async def script(session: Session) -> None:
        check_shape(session, *size)
        compare(f"system-{gpus}gpu-{size[0]}x{size[1]}", session.app.canvas.text())

    run_app_test(script, source, make_desk(screen="system"), size=size)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_frame_of_the_machine_now(source: FakeSource, make_desk: MakeDesk, size: tuple[int, int]) -> None:
    source.host_metrics, source.host_step_s = machine(), 0.0
    desk = make_desk(screen="system")
    desk.system.mode = "host"
    desk.paused = True

    async def script(session: Session) -> None:
        session.app.live.pause(True)
        check_shape(session, *size)
        compare(f"top-{size[0]}x{size[1]}", still(session))

    desk.open_run(RUN)
    run_app_test(script, source, desk, size=size, refresh_s=60.0)


def machine() -> dict[str, float]:
    return {
        "cpu.percent": 41.0, "cpu.count": 8.0, **{f"cpu.{n}.percent": n * 14.0 for n in range(8)},
        "ram.used_bytes": 6e9, "ram.total_bytes": 16e9, "swap.used_bytes": 1e8, "swap.total_bytes": 2e9,
        "disk.free_bytes": 4e10, "disk.total_bytes": 5e11, "disk.read_bytes_per_s": 4e6,
        "disk.write_bytes_per_s": 1e6, "net.rx_bytes_per_s": 2e6, "net.tx_bytes_per_s": 5e5,
        "gpu.0.util_percent": 97.0, "gpu.0.mem_used_bytes": 6e10, "gpu.0.mem_total_bytes": 8.5e10,
        "gpu.0.temp_c": 71.0, "gpu.0.power_watts": 412.0,
    }  # fmt: skip


def still(session: Session) -> list[str]:
    return list(session.app.canvas.text())


def test_no_gpu_no_gpu_pictures(source: FakeSource, make_desk: MakeDesk) -> None:
    source.add_figures()

    async def script(session: Session) -> None:
        assert "cpu %" in session.text
        assert "gpu" not in session.text

    run_app_test(script, source, make_desk(screen="system"))


def test_from_eight_gpus_on_a_row_each(source: FakeSource, make_desk: MakeDesk) -> None:
    source.add_figures(gpus=8)

    async def script(session: Session) -> None:
        assert "gpus util %" in titles(session)
        assert "gpu0 util %" not in titles(session)
        await session.press("enter")
        assert all(f" {n}  " in session.text for n in range(8))

    run_app_test(script, source, make_desk(screen="system"))


def test_the_read_out_goes_through_all_pictures(source: FakeSource, make_desk: MakeDesk) -> None:
    source.add_figures(gpus=1)

    async def script(session: Session) -> None:
        await session.press("home")
        assert session.desk.system.x.cursor == NOW - 598
        slots = session.app.views["system"].wall._slots
        placed = [key for key, _ in session.app.views["system"].wall.placed]
        assert len(placed) > 4
        assert {slots[key].spec.cursor for key in placed} == {NOW - 598}
        await session.press("escape")
        assert session.desk.system.x.cursor is None

    run_app_test(script, source, make_desk(screen="system"))


def test_zoom_is_asked_of_the_daemon_and_holds_for_all(source: FakeSource, make_desk: MakeDesk) -> None:
    source.add_figures(gpus=1)

    async def script(session: Session) -> None:
        await session.press("plus")
        low, high = session.desk.system.x.zoom
        asked = [query for path, query in source.asked if path.endswith("/system")][-1]
        assert (asked["from"], asked["to"]) == (low, high)
        series = [query for path, query in source.asked if path == "/series"][-1]
        assert series["range"] == [low, high]

    run_app_test(script, source, make_desk(screen="system"))


def test_only_what_is_in_view_is_asked_for(source: FakeSource, make_desk: MakeDesk) -> None:
    source.add_figures(gpus=4, cores=16)

    async def script(session: Session) -> None:
        asked = [query for path, query in source.asked if path.endswith("/system") and query["columns"] > 1]
        assert all("cpu.3.percent" not in query["keys"] for query in asked)
        assert "gpu.0.util_percent" in asked[-1]["keys"]

    run_app_test(script, source, make_desk(screen="system"), size=(80, 24))


def test_search_narrows_and_escape_takes_it_back(source: FakeSource, make_desk: MakeDesk) -> None:
    source.add_figures(gpus=2)

    async def script(session: Session) -> None:
        await session.press("slash")
        await session.type("gpu1 mem")
        await session.press("enter")
        assert [title for title in titles(session) if title.startswith("gpu")] == ["gpu1 mem GiB"]
        await session.press("escape")
        assert "gpu0 util %" in titles(session)

    run_app_test(script, source, make_desk(screen="system"))


def test_a_search_that_fits_nothing_says_so(source: FakeSource, make_desk: MakeDesk) -> None:
    source.add_figures()

    async def script(session: Session) -> None:
        await session.press("slash")
        await session.type("zzz")
        assert "no figure fits" in session.text

    run_app_test(script, source, make_desk(screen="system"))


def test_tab_goes_to_the_next_device_on_whatever_page(source: FakeSource, make_desk: MakeDesk) -> None:
    source.add_figures(gpus=2)

    async def script(session: Session) -> None:
        await session.press("tab", "tab")
        assert "[cpu]" in session.text
        assert "cpu %" in titles(session)
        await session.press("shift+tab")
        assert "[gpu1]" in session.text

    run_app_test(script, source, make_desk(screen="system"))


def test_several_hosts_have_a_block_each(source: FakeSource, make_desk: MakeDesk) -> None:
    source.add_figures(gpus=1, hosts=("node1", "node2"))

    async def script(session: Session) -> None:
        assert "node1: gpu0 util %" in session.text
        for _ in range(8):
            await session.press("pagedown")
        assert session.desk.system.focus.startswith("node2|")

    run_app_test(script, source, make_desk(screen="system"))


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"source": "tensorboard", "source_path": "/logs"}, "tensorboard recorded none"),
        ({"source": "sdk", "runner_pid": None}, "started without og run"),
        ({"source": "run", "runner_pid": 7}, "the first ones come within seconds"),
        ({"source": "run", "runner_pid": 7, "status": "finished"}, "ended before the first sample"),
    ],
)
def test_a_run_without_figures_says_why(
    source: FakeSource, make_desk: MakeDesk, facts: dict[str, Any], says: str
) -> None:
    source.system = {}
    source.runs[0].update(facts)

    async def script(session: Session) -> None:
        assert says in session.text

    run_app_test(script, source, make_desk(screen="system"))


def test_new_figures_are_asked_for_when_they_are_announced(source: FakeSource, make_desk: MakeDesk) -> None:
    source.add_figures(gpus=1)

    async def script(session: Session) -> None:
        source.figures["box"]["gpu.0.util_percent"].append((NOW + 2, 55.0))
        source.emit("system", run=RUN)
        await until(lambda: "55" in session.text)

    run_app_test(script, source, make_desk(screen="system"))


def test_an_idle_ended_run_asks_nothing(source: FakeSource, make_desk: MakeDesk) -> None:
    source.add_figures(gpus=1)
    desk = make_desk(screen="system")
    desk.open_run(OLD_RUN)

    async def script(session: Session) -> None:
        count = len(source.asked)
        for _ in range(20):
            await session.pilot.pause()
        assert asked_since(session, count) == []

    run_app_test(script, source, desk)


def test_the_machine_is_asked_again_and_again_only_while_it_is_shown(
    source: FakeSource, make_desk: MakeDesk
) -> None:
    async def script(session: Session) -> None:
        await session.pilot.press("t")
        await until(lambda: source.host_asked > 3)
        await session.pilot.press("2")
        await session.settle()
        count = source.host_asked
        for _ in range(20):
            await session.pilot.pause()
        assert source.host_asked == count

    run_app_test(script, source, make_desk(screen="system"))


def test_processes_are_sorted_filtered_and_marked(source: FakeSource, make_desk: MakeDesk) -> None:
    desk = make_desk(screen="system")
    desk.system.mode = "host"
    desk.open_run(RUN)

    async def script(session: Session) -> None:
        await until(lambda: "train-gpt python job2.py" in session.text)
        assert session.text.index("job0.py") < session.text.index("job1.py")
        await session.pilot.press("o")
        await until(lambda: "job59.py" in session.text and "job0.py" not in session.text)
        await session.pilot.press("slash", "j", "o", "b", "7", "enter")
        await until(lambda: session.desk.system.sample["matching"] == 1)
        await until(lambda: "job59.py" not in session.text)
        await session.pilot.press("down")
        assert session.desk.system.process == 107
        assert not any(path.startswith("/runs") for path in asked_since(session, 0))

    run_app_test(script, source, desk)


def test_a_view_is_kept_and_comes_back(source: FakeSource, make_desk: MakeDesk) -> None:
    source.add_figures(gpus=2)

    async def script(session: Session) -> None:
        view = session.app.views["system"]
        await session.press("m", "b", "x", "plus", "down", "enter")
        kept = view.saved()
        assert kept["metrics"] == ["train/acc"]
        assert kept["zoom"]
        await session.press("escape", "0", "M", "b", "x", "up")
        assert view.saved() != kept
        view.restore(kept)
        session.app.changed()
        await session.settle()
        assert view.saved() == kept
        assert titles(session)[-1] == "gpu1 util %"
        assert len(titles(session)) == 3

    run_app_test(script, source, make_desk(screen="system"))


def test_a_view_may_come_back_before_the_run_is_known(source: FakeSource, make_desk: MakeDesk) -> None:
    source.add_figures(gpus=2)
    desk = make_desk(screen="system")
    desk.open_run("train-gpt")
    desk.system.focus, desk.system.x.zoom = "box|gpu1|gpu1 util %", (NOW - 100, NOW - 50)

    async def script(session: Session) -> None:
        assert session.desk.system.focus == "box|gpu1|gpu1 util %"
        assert session.desk.system.x.zoom == (NOW - 100, NOW - 50)

    run_app_test(script, source, desk)


def test_a_damaged_view_changes_nothing(source: FakeSource, make_desk: MakeDesk) -> None:
    source.add_figures()

    async def script(session: Session) -> None:
        view = session.app.views["system"]
        before = view.saved()
        view.restore({"mode": 7, "zoom": ["a", None], "metrics": "x", "beside": 9, "sort": [], "focus": None})
        assert view.saved() == before

    run_app_test(script, source, make_desk(screen="system"))


def test_what_runs_say_never_reaches_the_terminal_raw(source: FakeSource, make_desk: MakeDesk) -> None:
    evil = "\x1b]0;owned\x07\x1b[2J"
    source.add_figures(hosts=(evil, "b"))
    source.figures[evil][evil] = [(NOW, 1.0)]
    source.processes[0].update(command=evil, user=evil, run=RUN, run_name=evil)

    async def script(session: Session) -> None:
        for keys in (("tab",), ("slash", "o", "enter"), ("escape",)):
            await session.press(*keys)
            assert "\x1b" not in session.text
        await session.pilot.press("t")
        await until(lambda: "python job1" in session.text)
        assert "\x1b" not in session.text

    run_app_test(script, source, make_desk(screen="system"))
