"""`--once` and `--plain`: the faces for no terminal, on the fake daemon through a synchronous client."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tui_fakes import METRICS, NOW, OLD_RUN, RUN, FakeSource, Session, run_app_test

from opengraphs import client as clients
from opengraphs.errors import NotFoundError, StoreError, UnreachableError, UsageError
from opengraphs.tui import keys, once, plain
from opengraphs.tui.model import Desk


class SyncFake:
    """The fake daemon behind the synchronous client's methods."""

    def __init__(self, source: FakeSource) -> None:
        self.source = source
        self.script: list[Callable[[], dict[str, Any]]] = []
        self.opened = 0

    def __enter__(self) -> SyncFake:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def get(self, path: str, /, **query: Any) -> dict[str, Any]:
        return once._finish(self.source.get(path, **query))

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return once._finish(self.source.post(path, body))

    def run(self, ref: str) -> Any:
        return self.get(f"/runs/{ref}")

    def series(self, request: Any) -> Any:
        return self.post("/series", dict(request))

    def open(self) -> None:
        self.opened += 1

    def stream(self, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        assert (path, query) == ("/events", {"run": RUN})
        yield {"kind": "hello", "seq": 0}
        while self.script:
            yield self.script.pop(0)()


@pytest.fixture
def client(source: FakeSource, monkeypatch: pytest.MonkeyPatch) -> SyncFake:
    fake = SyncFake(source)
    monkeypatch.setattr(clients, "connect", lambda *, store: fake)
    monkeypatch.setattr("opengraphs.tui.model.time", SimpleNamespace(time=lambda: NOW))
    return fake


def frame(**options: Any) -> str:
    out = io.StringIO()
    once.print_frame(
        out,
        **{
            "store": Path("/store"),
            "run": RUN,
            "width": 100,
            "height": 30,
            "glyphs": "braille",
            "color": False,
            **options,
        },
    )
    return out.getvalue()


@pytest.mark.parametrize("screen", keys.ALL)
def test_once_prints_what_the_screen_shows(
    client: SyncFake, source: FakeSource, make_desk: Callable[..., Desk], screen: Any
) -> None:
    printed = frame(screen=screen).splitlines()
    shown: list[str] = []

    async def script(session: Session) -> None:
        shown.extend(line.rstrip() for line in session.app.canvas.text())

    desk = make_desk(screen=screen)
    desk.open_run(RUN)
    run_app_test(script, source, desk, size=(100, 30))
    assert [line.rstrip() for line in printed] == shown


def test_once_without_a_run_takes_the_newest_live_one(client: SyncFake) -> None:
    assert "train-gpt" in frame(run=None)


def test_once_takes_graphs_filter_and_minimal(client: SyncFake) -> None:
    text = frame(graphs=("lr",), metric_filter="^(lr|train/loss)$", ui="minimal")
    assert text.index(" lr ") < text.index(" train/loss ")
    assert "grad_norm" not in text
    assert "stats" not in text


def test_once_lays_selected_runs_over_each_other(client: SyncFake) -> None:
    text = frame(width=200, graphs=("train/loss",), selected={RUN: "train-gpt", OLD_RUN: "baseline"})
    assert "baseline" in text


def test_once_without_colour_has_no_escapes(client: SyncFake) -> None:
    assert "\x1b" not in frame()


@pytest.mark.parametrize(
    ("kind", "begin"),
    [("svg", "<svg "), ("txt", " 1 "), ("csv", "run,metric,derived,rank,step,value\n")],
)
def test_a_frame_is_exported_by_the_suffix(client: SyncFake, tmp_path: Path, kind: str, begin: str) -> None:
    path = tmp_path / f"frame.{kind}"
    assert frame(export=path, color=True) == ""
    text = path.read_text()
    assert text.startswith(begin)
    assert "\x1b" not in text
    with pytest.raises(UsageError, match="such a file already"):
        frame(export=path)
    assert path.read_text() == text


def test_an_export_says_what_it_cannot_write(client: SyncFake, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a kind of file"):
        frame(export=tmp_path / "frame.png")
    with pytest.raises(StoreError, match=r"cannot be written \(No such file"):
        frame(export=tmp_path / "nowhere" / "frame.svg")


def test_once_names_an_unknown_run(client: SyncFake) -> None:
    with pytest.raises(NotFoundError, match="no run 'nobody'"):
        frame(run="nobody")


def test_once_refuses_a_bad_filter(client: SyncFake) -> None:
    with pytest.raises(UsageError, match="not a regular expression"):
        frame(metric_filter="(")


def followed(client: SyncFake, **options: Any) -> list[str]:
    out = io.StringIO()
    plain.follow(out, store=Path("/store"), run=RUN, **options)
    return out.getvalue().splitlines()


def step(client: SyncFake, number: int, **values: float) -> Callable[[], dict[str, Any]]:
    def happen() -> dict[str, Any]:
        client.source.log(RUN, number, **values)
        return {"kind": "metrics", "run": RUN, "keys": {key.replace("__", "/"): number for key in values}}

    return happen


def end(client: SyncFake) -> dict[str, Any]:
    client.source.runs[0]["status"] = "finished"
    return {"kind": "run", "run": RUN, "facts": {"status": "finished"}}


def test_plain_prints_each_step_once_and_ends_with_the_run(client: SyncFake) -> None:
    client.script = [
        step(client, 372, lr=1e-4, train__loss=0.5),
        step(client, 373, lr=2e-4),
        lambda: end(client),
    ]
    lines = followed(client)
    assert lines[0].startswith("step 0  train/loss 2")
    assert lines[-2:] == ["step 372  lr 1.00e-4  train/loss 0.5000", "step 373  lr 2.00e-4"]
    assert len(lines) == 374


def test_plain_prints_what_came_between_the_last_event_and_the_end(client: SyncFake) -> None:
    client.source.metrics[RUN] = {"loss": [(0, 1.0)]}

    def last_words() -> dict[str, Any]:
        client.source.metrics[RUN]["loss"].append((1, 0.5))
        return end(client)

    client.script = [last_words]
    assert followed(client) == ["step 0  loss 1", "step 1  loss 0.5000"]


def test_plain_keeps_to_the_filter(client: SyncFake) -> None:
    client.script = [lambda: end(client)]
    assert all("loss" in line and "lr" not in line for line in followed(client, metric_filter="loss"))


def test_plain_survives_the_daemon(client: SyncFake) -> None:
    client.source.metrics[RUN] = {"loss": [(0, 1.0)]}

    def gone() -> dict[str, Any]:
        client.source.log(RUN, 1, loss=0.5)
        raise UnreachableError("ogd went away")

    client.script = [gone]
    original = client.stream

    def stream(path: str, **query: Any) -> Iterator[dict[str, Any]]:
        if client.opened:
            client.script = [lambda: end(client)]
        return original(path, **query)

    client.stream = stream  # type: ignore[method-assign]
    assert followed(client) == ["step 0  loss 1", "step 1  loss 0.5000"]
    assert client.opened == 1


def test_plain_of_an_ended_run_prints_it_and_returns(client: SyncFake) -> None:
    client.source.runs[0]["status"] = "finished"
    assert len(followed(client)) == len({step for points in METRICS.values() for step, _ in points})


def test_names_of_metrics_are_made_safe() -> None:
    assert "\x1b" not in plain.line(1, {"a\x1b[2J": 1.0})


@pytest.mark.parametrize("module", ["opengraphs.tui", "opengraphs.tui.once", "opengraphs.tui.plain"])
def test_no_textual_without_a_screen(module: str) -> None:
    code = f"import sys, {module}; print([m for m in ('textual', 'rich', 'asyncio', 'numpy') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_the_other_run_can_be_printed_too(client: SyncFake) -> None:
    assert "baseline" in frame(run=OLD_RUN)
