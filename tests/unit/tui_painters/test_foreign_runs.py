"""What the screens say of runs that other programs recorded."""

from __future__ import annotations

from typing import Any

from opengraphs.tui.glyphs import GLYPHS
from opengraphs.tui.keys import Keymap
from opengraphs.tui.messages import Happened
from opengraphs.tui.model import Choices, Desk
from opengraphs.tui.painters import table
from opengraphs.tui.painters.screen import source_of

FOREIGN: dict[str, Any] = {
    "run_id": "20260101-120000-aaaa",
    "source": "wandb",
    "source_path": "/home/ada/llm/wandb/run-1",
}


class Nobody:
    def touch(self, *names: str) -> None: ...

    def touch_all(self) -> None: ...


def test_footer_names_the_source_and_what_of_it_cannot_be_read() -> None:
    assert source_of(FOREIGN) == "source: wandb/run-1"  # type: ignore[arg-type]
    troubled = {**FOREIGN, "source_trouble": "2 records skipped: corrupt at 4711"}
    assert source_of(troubled) == "source: wandb/run-1  2 records skipped: corrupt at 4711"  # type: ignore[arg-type]
    assert source_of({"run_id": "20260101-120000-aaaa", "source": "sdk"}) == "runs/…-aaaa"


def test_source_has_a_column_only_where_there_are_foreign_runs() -> None:
    for width in (60, 100, 160):
        plain = [column.key for column in table.columns_for(width)]
        assert "source" not in plain
        columns = table.columns_for(width, foreign=True)
        assert sum(column.width + 1 for column in columns) + 1 == width
    assert "source" in [column.key for column in columns]
    row = table.paint_run(FOREIGN, columns, 160, GLYPHS["braille"], now=0.0)  # type: ignore[arg-type]
    assert "wandb" in "".join(text for text, _ in row)


def said(desk: Desk, **event: Any) -> str:
    desk.toast = None
    desk.take(Happened({"kind": "sources", "run": "", **event}), Nobody())  # type: ignore[typeddict-item]
    return desk.toast.text if desk.toast is not None else ""


def test_toast_says_how_far_the_look_for_runs_is() -> None:
    desk = Desk(Choices(GLYPHS["braille"], Keymap()))
    assert said(desk, runs=14, looking=True) == "14 runs found, still looking"
    assert said(desk, runs=15, looking=False) == "15 runs found"
    assert said(desk, runs=16, looking=False) == ""
    assert said(desk, runs=1, looking=False, message="tb/run: 2 records skipped: corrupt") != ""
