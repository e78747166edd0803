"""What edits say about a run, whatever order their events are read in."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from opengraphs.store.overlay import Overlay

BASE: Any = {"run_id": "r", "name": "first", "tags": ["old"], "notes": "begin", "archived": False}


def folded(*events: dict[str, Any]) -> Any:
    overlay = Overlay()
    for offset, event in enumerate(events):
        overlay.apply(event, writer="ogd", offset=offset)
    return overlay.onto(BASE)


def event(time: float, kind: str, **payload: Any) -> dict[str, Any]:
    return {"time": time, "kind": kind, **payload}


EDITS = (
    event(1, "note", text="one"),
    event(2, "notes", notes="anew"),
    event(3, "note", text="two"),
    event(4, "name", name="second"),
    event(5, "archive", archived=True),
    event(6, "tag", tags=["new"]),
    event(7, "untag", tags=["old"]),
)


def test_notes_written_anew_replace_what_was_there_and_later_ones_follow() -> None:
    assert folded(*EDITS[:1])["notes"] == "begin\none"
    assert folded(*EDITS[:2])["notes"] == "anew"
    assert folded(*EDITS[:3])["notes"] == "anew\ntwo"
    assert folded(event(1, "notes", notes=""))["notes"] == ""
    assert folded(event(1, "note", text="at a step", step=3))["notes"] == "begin"


def test_order_of_reading_changes_nothing() -> None:
    whole = folded(*EDITS)
    assert (whole["name"], whole["tags"], whole["archived"]) == ("second", ["new"], True)
    for order in itertools.permutations(EDITS):
        assert folded(*order) == whole


@pytest.mark.parametrize("odd", [event(1, "notes", notes=3), event(1, "notes"), event(1, "name", name=None)])
def test_edit_without_sense_is_passed_over(odd: dict[str, Any]) -> None:
    assert folded(odd) == BASE
