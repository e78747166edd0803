"""Runs of four programs in one folder, as a user who has them sees them: all in one list, and in one chart."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from og_user import OG, ROOT, OgUser
from tmux import INSTALLED, Tmux

from opengraphs import paths

FIXTURES = ROOT / "tests" / "fixtures"
FORMATS = {"tensorboard", "wandb", "csv", "mlflow-files"}


@pytest.fixture
def mixed(user: OgUser) -> Path:
    """A folder with what TensorBoard, W&B, MLflow and a CSV logger left."""
    folder = user.work / "mixed"
    shutil.copytree(FIXTURES / "sources" / "tensorboard_restarted", folder / "runs" / "board")
    shutil.copytree(FIXTURES / "sources" / "wandb" / "wandb", folder / "wandb")
    shutil.copytree(FIXTURES / "tables" / "mlflow" / "mlruns", folder / "mlruns")
    rows = "".join(f"{step},{2.0 / (1 + step)}\n" for step in range(40))
    (folder / "table.csv").write_text("step,loss\n" + rows)
    return folder


def tree(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in folder.rglob("*")}


def test_all_are_listed_compared_and_left_as_they_were(user: OgUser, mixed: Path) -> None:
    before = tree(mixed)
    listed = user.json("list", str(mixed))
    assert {run["source"] for run in listed["runs"]} == FORMATS
    with_loss = [run for run in listed["runs"] if "loss" in run["last"]]
    assert {run["source"] for run in with_loss} == FORMATS
    one = user.json("show", str(mixed / "table.csv"))
    assert one["source_path"] == str(mixed / "table.csv")
    store = Path(user.env["XDG_CACHE_HOME"]) / "opengraphs" / "views" / paths.view_store(mixed).name
    run_ids = [run["run_id"] for run in with_loss]
    compared = user.json("compare", *run_ids, "--store", str(store), "--metric", "loss")
    assert {run["run"] for run in compared["metrics"][0]["runs"]} == set(run_ids)
    assert tree(mixed) == before


@pytest.mark.skipif(not INSTALLED, reason="tmux is not installed")
def test_runs_of_four_programs_lie_over_each_other_on_the_screen(user: OgUser, mixed: Path) -> None:
    command = [str(OG), "view", str(mixed)]
    with Tmux(command, env=user.env, cwd=user.work, folder=user.home, columns=160, rows=45) as pane:
        first = pane.wait_for(lambda text: all(name in text for name in FORMATS))
        assert "mixed" in first.splitlines()[-1]
        for _ in first.splitlines():
            pane.send("Space")  # selects, and goes on to the next
        pane.send("Enter")
        for name in ("table", "board", "a run", "first"):
            pane.wait_for(lambda text, name=name: "stats" in text and name in text.splitlines()[2])


@pytest.mark.skipif(not INSTALLED, reason="tmux is not installed")
def test_what_cannot_be_read_is_said_after_the_screen_and_not_across_it(user: OgUser, mixed: Path) -> None:
    (mixed / "torn.csv").write_text("step,loss\n1,0.5\n2\n3,0.4\n")
    said = "1 record skipped: a row that does not fit the header"
    assert said in user.og("list", str(mixed)).stderr
    command = ["sh", "-c", f"{OG} view {mixed}; sleep 60"]
    with Tmux(command, env=user.env, cwd=user.work, folder=user.home, columns=160, rows=45) as pane:
        shown = pane.wait_for(lambda text: "torn" in text and "q quit" in text)
        assert shown.splitlines()[0].startswith(" 1 runs")
        assert said not in shown
        pane.send("q")
        pane.wait_for(lambda text: said in text and "q quit" not in text)
