"""The curve of a family: each step owned by the deepest run, abandoned branches beside it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opengraphs.engine import families, familycurves
from opengraphs.errors import UsageError

ROOT, MID, LEAF, OTHER = (f"20261122-09301{n}-{'abcd'[n] * 4}" for n in range(4))


def went_on(parent: str, step: int | None) -> dict[str, Any]:
    return {"run_id": parent, "checkpoint_id": "c", "step": step, "reason": "user"}


@pytest.fixture
def engine(maker: Any) -> Any:
    """root 0…9, mid from 4 to 8, leaf from 6 on, and another branch of root from 2."""
    maker.run(ROOT)
    maker.run(MID, parent=went_on(ROOT, 4))
    maker.run(LEAF, parent=went_on(MID, 6))
    maker.run(OTHER, parent=went_on(ROOT, 2))
    logged = (
        (ROOT, range(10), 0), (MID, range(5, 9), 100), (LEAF, range(7, 12), 200), (OTHER, range(3, 6), 300),
    )  # fmt: skip
    for run, steps, base in logged:
        records = [{"step": step, "time": 1.0 + step, "metrics": {"loss": base + step}} for step in steps]
        maker.append(records, run_id=run)
    return maker.open()


def asked(engine: Any, run: str, **more: Any) -> list[tuple[str, str, list[float]]]:
    reply = engine.series({"runs": [run], "metrics": ["loss"], "lineage": True, **more})
    return [(one["run"], one["family"]["role"], list(one["y"])) for one in reply["series"]]


def test_each_step_is_the_deepest_runs_and_the_rest_is_abandoned(engine: Any) -> None:
    assert sorted(asked(engine, LEAF)) == sorted([
        (ROOT, "path", [0, 1, 2, 3, 4]),
        (ROOT, "abandoned", [5, 6, 7, 8, 9]),
        (MID, "path", [105, 106]),
        (MID, "abandoned", [107, 108]),
        (LEAF, "path", [207, 208, 209, 210, 211]),
        (OTHER, "abandoned", [303, 304, 305]),
    ])  # fmt: skip


def test_seen_from_the_root_every_child_is_another_branch(engine: Any) -> None:
    roles = {run: role for run, role, _ in asked(engine, ROOT)}
    assert roles == {ROOT: "path", MID: "abandoned", LEAF: "abandoned", OTHER: "abandoned"}


def test_a_range_cuts_every_piece(engine: Any) -> None:
    assert sorted(asked(engine, LEAF, range=[4, 6])) == sorted([
        (ROOT, "path", [4]), (ROOT, "abandoned", [5, 6]), (MID, "path", [105, 106]), (OTHER, "abandoned", [304, 305]),
    ])  # fmt: skip


@pytest.mark.parametrize("more", [{"x": "time"}, {"lineage": "yes"}])
def test_other_axes_and_odd_values_are_refused(engine: Any, more: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        engine.series({"runs": [ROOT], "metrics": ["loss"], "lineage": True, **more})


def test_a_run_that_logs_earlier_steps_anew_owns_them() -> None:
    found = families.Lineage("a", ["a", "b"], ["a", "b"], 0)
    own = familycurves.pieces_of(found, {"a": None, "b": 300}, {"a": (0, 500), "b": (290, 400)})
    assert [one[:4] for one in own] == [
        ("a", "path", 0, 289),
        ("b", "path", 290, 400),
        ("a", "abandoned", 290, 500),
    ]


def test_a_run_that_began_anew_takes_nothing_of_its_parent() -> None:
    found = families.Lineage("a", ["a", "b"], ["a", "b"], 0)
    own = familycurves.pieces_of(found, {"a": None, "b": None}, {"a": (0, 10), "b": (0, 4)})
    assert [(one.run_id, one.role) for one in own] == [("b", "path"), ("a", "abandoned")]


def test_a_child_that_has_not_logged_yet_leaves_the_path_up_to_its_checkpoint() -> None:
    found = families.Lineage("a", ["a", "b"], ["a", "b"], 0)
    own = familycurves.pieces_of(found, {"a": None, "b": 300}, {"a": (0, 500), "b": None})
    assert [one[:4] for one in own] == [("a", "path", 0, 300), ("a", "abandoned", 301, 500)]


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_every_step_of_the_path_has_one_owner(data: st.DataObject) -> None:
    depth = data.draw(st.integers(1, 6))
    path = [f"r{n}" for n in range(depth)]
    number = st.integers(0, 30)
    starts = {run: data.draw(st.none() | number) for run in path}
    spans = {run: data.draw(st.none() | st.tuples(number, number).map(sorted).map(tuple)) for run in path}
    found = familycurves.pieces_of(families.Lineage("r0", path, path, 0), starts, spans)
    for step in range(32):
        logged = [run for run in path if (span := spans[run]) is not None and span[0] <= step <= span[1]]
        owners = [one.run_id for one in found if one.role == "path" and one.low <= step <= one.high]
        left = [one.run_id for one in found if one.role == "abandoned" and one.low <= step <= one.high]
        assert len(owners) <= 1
        assert sorted(owners + left) == sorted(logged)  # nothing that was logged is lost, nothing shown twice
        assert path[-1] not in left
    assert all(0 < one.share <= 1 for one in found)
