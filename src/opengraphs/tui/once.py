"""One frame as text, for scripts: `og view --once`. Imports no Textual.

The frame is painted by the very screens of the UI: paint, ask what that needs, paint again.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO, TypeVar

from opengraphs import client as clients
from opengraphs.client.sync import Client
from opengraphs.errors import UsageError
from opengraphs.protocol.events import Event
from opengraphs.tui import ansi, looks, saving
from opengraphs.tui.handover import ScreenName
from opengraphs.tui.messages import Answer, Link, Streamed
from opengraphs.tui.model import Desk
from opengraphs.tui.painters.cells import Row, plain
from opengraphs.tui.panelhost import InPlace, PanelHost
from opengraphs.tui.questions import Question, Stream
from opengraphs.tui.screens.base import View
from opengraphs.tui.screens.graphs_state import GraphsState
from opengraphs.tui.screens.late import view_class

ROUNDS = 6
"""A run has to be known before its metrics can be asked for, and so on; a frame needs three."""

LOOK_S = 1.0

T = TypeVar("T")


def print_frame(
    out: TextIO,
    *,
    store: Path,
    run: str | None,
    width: int,
    height: int,
    screen: ScreenName = "graphs",
    graphs: Sequence[str] = (),
    metric_filter: str | None = None,
    theme: str | None = None,
    glyphs: str | None = None,
    ui: str | None = None,
    panels: str | None = None,
    color: bool = True,
    host: bool = False,
    process_filter: str = "",
    watched_s: float = 0.0,
    export: Path | None = None,
    selected: Mapping[str, str] | None = None,
) -> None:
    """Ask ogd, paint one frame of `width` x `height` cells, write it to `out` as lines of text.

    Args:
        run: None is the newest live run, else the newest.
        host: the System screen shows this machine now, not a run; its processes have the words of `process_filter`.
        watched_s: seconds to look at the machine before, every `LOOK_S`, so that its curves have a past.
        color: False writes bare text without any escape sequence.
        selected: names of runs by their ids, for overlay and Compare.
        export: a new `.svg`, `.txt` or `.csv` file to write to instead of `out`.

    Raises:
        NotFoundError, AmbiguousError: `run` fits no run, or several.
        UsageError: a filter, theme, setting or file that cannot be.
        DaemonError: ogd can be neither reached nor started.
        StoreError: the file cannot be written.
    """
    looks.check_metric_filter(metric_filter)
    check_export(export)
    look = looks.settle(
        store=store, theme_name=theme, glyphs=glyphs, ui=ui, refresh_ms=None, color=color, panels=panels
    )
    desk = Desk(look.choices, graphs=GraphsState(bound=graphs, metric_filter=metric_filter), screen=screen)
    desk.link = Link(True, "")
    desk.system.mode, desk.system.process_filter = "host" if host else "run", process_filter
    desk.panels = PanelHost(look.choices.panels, worker=lambda _: InPlace())
    desk.panels.start()
    desk.runs.selected.update(selected or {})
    if run is not None:
        desk.open_run(run)
    with clients.connect(store=store) as client:
        until = time.monotonic() + watched_s
        view, rows = _answered(client, desk, width, height)
        while host and time.monotonic() < until:
            time.sleep(LOOK_S)
            view, rows = _answered(client, desk, width, height)
    if export is not None:
        depth = "truecolor" if color else "none"
        kind, values = export.suffix[1:], saving.table(view)
        if not saving.write_new(export, saving.made(kind, rows, values, look.theme, depth)):
            raise _there(export)
    elif color:
        out.write(ansi.lines(rows, look.theme, look.depth))
    else:
        out.writelines(line.rstrip() + "\n" for line in plain(rows))


def check_export(path: Path | None) -> None:
    """Raises UsageError when a frame cannot be saved as that, or would be written over something."""
    if path is None:
        return
    if path.suffix[1:] not in saving.KINDS:
        hint = "the name ends in " + ", ".join(f".{kind}" for kind in saving.KINDS)
        raise UsageError("not a kind of file that og saves", hint=hint, path=str(path))
    if path.exists():
        raise _there(path)


def _there(path: Path) -> UsageError:
    return UsageError(
        "there is such a file already", hint="og writes over nothing: another name", path=str(path)
    )


def frame(client: Client, desk: Desk, width: int, height: int) -> list[Row]:
    """The screen that `desk` shows, once everything on it has been answered."""
    return _answered(client, desk, width, height)[1]


def _answered(client: Client, desk: Desk, width: int, height: int) -> tuple[View, list[Row]]:
    source, nobody = _Waiting(client), _Nobody()
    view = view_class(desk.screen)(desk, nobody)
    desk.attach({view.name: view}, {view.name: view.own_slots})
    asked: set[Question] = set()
    for _ in range(ROUNDS):
        rows = view.paint(width, height)
        while view.behind:
            rows = view.paint(width, height)
        questions = [question for question in view.wants() if question not in asked]
        heard = _listen(desk, nobody, source)
        if not questions and not heard:
            break
        for question in questions:
            asked.add(question)
            desk.take(Answer(question, _finish(question.ask(source))), nobody)
    desk.toast = None
    return view, rows


def _listen(desk: Desk, nobody: _Nobody, source: _Waiting) -> bool:
    """What the stream that the screen listens to has so far; False when there is none, or it is known."""
    stream, nobody.stream = nobody.stream, None
    if stream is None or stream in nobody.heard:
        return False
    nobody.heard.append(stream)
    lines = stream.lines(source)

    async def following() -> dict[str, Any]:
        return await anext(lines)

    while (line := _finish(following())).get("kind") != "lost":
        desk.take(Streamed(stream, line), nobody)
    return True


class _Waiting:
    """The synchronous client in the shape of the asynchronous one: nothing in it ever waits in a loop."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def get(self, path: str, /, **query: Any) -> dict[str, Any]:
        return self._client.get(path, **query)

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return self._client.post(path, body)

    async def put(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return self._client.put(path, body)

    async def patch(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return self._client.patch(path, body)

    async def delete(self, path: str) -> dict[str, Any]:
        return self._client.delete(path)

    def events(self) -> AsyncIterator[Event]:
        raise AssertionError("one frame follows nothing")

    async def stream(self, path: str, **query: Any) -> AsyncGenerator[dict[str, Any], None]:
        for line in self._client.stream(path, **{**query, "follow": None}):
            yield line

    async def close(self) -> None:
        """Whoever opened the client closes it."""


class _Nobody:
    """No data layer: one frame is never old. heard: streams that have been read to their ends."""

    def __init__(self) -> None:
        self.stream: Stream | None = None
        self.heard: list[Stream] = []

    def listen(self, stream: Stream | None) -> None:
        """`frame` reads what there is of it."""
        self.stream = stream

    def touch(self, *names: str) -> None:
        """Nothing is asked twice."""

    def touch_all(self) -> None:
        """Nothing is asked twice."""

    def ask_once(self, question: Question) -> None:
        """`frame` asks for itself."""

    def pause(self, paused: bool) -> None:
        """There is nothing to hold."""


def _finish(work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that never suspends."""
    try:
        work.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    raise RuntimeError("a synchronous answer waited")
