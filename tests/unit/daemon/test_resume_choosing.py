"""Which checkpoint is meant, and whether it can be used."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest

from opengraphs.daemon.resuming.choosing import choose
from opengraphs.errors import NotFoundError, OgError, ProcessError


def made(tmp_path: Path, step: int, *, whole: bool = True, **more: Any) -> Any:
    path = tmp_path / f"{step}.npz"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("w.npy", b"x")
    known = {"checkpoint_id": f"a0-r0-{step}-abcd", "path": str(path), "step": step}
    return {**known, "complete": whole, "exists": True, **more}


def chosen(checkpoints: list[Any], wanted: str, cwd: str = "/") -> int | None:
    found = choose(checkpoints, wanted, cwd=cwd)
    return None if found is None else found["step"]


def test_latest_is_the_highest_step_that_is_whole_now(tmp_path: Path) -> None:
    made_ones = [
        made(tmp_path, 10),
        made(tmp_path, 20),
        made(tmp_path, 30, whole=False),
        made(tmp_path, 40, complete=False, exists=False),
    ]
    assert chosen(made_ones, "latest") == 20


def test_none_begins_anew(tmp_path: Path) -> None:
    assert choose([made(tmp_path, 10)], "none", cwd="/") is None


@pytest.mark.parametrize("wanted", ["20", "a0-r0-20-abcd", "a0-r0-20", "20.npz", "./20.npz"])
def test_by_step_id_or_path(tmp_path: Path, wanted: str) -> None:
    assert chosen([made(tmp_path, 10), made(tmp_path, 20)], wanted, str(tmp_path)) == 20


def test_a_path_that_nobody_registered(tmp_path: Path) -> None:
    one = made(tmp_path, 77)
    Path(one["path"]).rename(tmp_path / "ckpt-step-77.npz")
    found = choose([], str(tmp_path / "ckpt-step-77.npz"), cwd="/")
    assert found is not None
    assert (found["step"], found["format"], found["origin"]) == (77, "numpy", "found")


def test_best_by_its_mark_or_by_a_metric_that_all_have(tmp_path: Path) -> None:
    metrics = [{"val/loss": 3.0, "lr": 1}, {"val/loss": 1.0}, {"val/loss": 2.0}]
    made_ones = [made(tmp_path, step, metrics=one) for step, one in zip((10, 20, 30), metrics, strict=True)]
    assert chosen(made_ones, "best") == 20
    made_ones[0]["best"] = True
    assert chosen(made_ones, "best") == 10
    scores = [made(tmp_path, step, metrics={"acc": step}) for step in (10, 20)]
    assert chosen(scores, "best") == 20


@pytest.mark.parametrize(
    ("wanted", "error", "says"),
    [
        ("latest", ProcessError, "none of the run's 2 checkpoints"),
        ("10", ProcessError, "the checkpoint of step 10 is not complete"),
        ("20", ProcessError, "the checkpoint of step 20 is not there any more"),
        ("30", NotFoundError, "no checkpoint '30'"),
        ("best", NotFoundError, "no checkpoint says how good it is"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_sentence(
    tmp_path: Path, wanted: str, error: type[OgError], says: str
) -> None:
    made_ones = [made(tmp_path, 10, whole=False), made(tmp_path, 20, complete=False, exists=False)]
    with pytest.raises(error, match=says):
        choose(made_ones, wanted, cwd="/")


def test_a_run_without_any() -> None:
    with pytest.raises(NotFoundError, match="no checkpoint") as told:
        choose([], "latest", cwd="/")
    assert "none begins anew" in told.value.hint
