"""Foreign runs on the command line: view, list, show, attach, detach, import, and what cannot be read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from og_user import OgUser


@pytest.fixture
def folder(user: OgUser) -> Path:
    """A folder as a training left it: TensorBoard's `runs`, which is no store, with a table in it."""
    place = user.work / "llm"
    (place / "runs" / "exp1").mkdir(parents=True)
    (place / "runs" / "exp1" / "progress.csv").write_text("step,loss\n1,0.5\n2,0.25\n")
    return place


def test_folder_is_listed_and_its_file_shown_and_exported(user: OgUser, folder: Path) -> None:
    (row,) = user.json("list", str(folder))["runs"]
    assert (row["source"], row["project"], row["last"]) == ("csv", "llm", {"loss": 0.25})
    file = str(folder / "runs" / "exp1" / "progress.csv")
    assert f"csv, {file}" in user.og("show", file).stdout
    assert user.og("export", file).stdout.splitlines()[1].split(",")[1:4] == ["loss", "", "1"]
    assert "loss" in user.og("view", str(folder), "--once").stdout
    assert row["run_id"] in user.og("view", str(folder), "--plain").stdout
    assert user.json("list")["runs"] == [], "the store in force has nothing of it"


def test_project_with_a_store_shows_both(user: OgUser, folder: Path) -> None:
    assert user.og("init", str(folder)).returncode == 0
    (folder / ".opengraphs" / "runs").mkdir(exist_ok=True)
    reply = user.json("list", str(folder))
    assert [run["source"] for run in reply["runs"]] == ["csv"]
    assert len(user.json("list", "--store", str(folder / ".opengraphs"))["runs"]) == 1


def test_attached_source_stays_until_it_is_detached(user: OgUser, folder: Path) -> None:
    done = user.og("attach", "--source", str(folder))
    assert (done.returncode, "1 run attached" in done.stderr) == (0, True)
    (run,) = user.json("list")["runs"]
    refused = user.og("rm", run["run_id"], "--yes")
    assert refused.returncode != 0
    assert "og attach --detach" in refused.stderr
    assert user.og("attach", "--detach", str(folder)).returncode == 0
    assert user.og("attach", "--detach", str(folder)).returncode == 3


def test_import_tells_what_it_did(user: OgUser, folder: Path) -> None:
    dry = user.json("import", str(folder), "--dry-run")
    assert [(run["state"], run["points"]) for run in dry["runs"]] == [("imported", 2)]
    assert user.json("list")["runs"] == []
    done = user.og("import", str(folder), "--project", "kept")
    assert (done.returncode, "1 imported" in done.stderr) == (0, True)
    assert "1 unchanged" in user.og("import", str(folder)).stderr
    (run,) = user.json("list")["runs"]
    assert (run["project"], run["status"]) == ("kept", "finished")


@pytest.mark.parametrize("words", [("view", "--plain"), ("list",), ("import",), ("attach", "--source")])
def test_place_without_runs_says_what_was_looked_for(user: OgUser, words: tuple[str, ...]) -> None:
    (user.work / "empty").mkdir()
    done = user.og(*words, str(user.work / "empty"))
    assert done.returncode in (3, 4)
    assert "TensorBoard" in done.stderr
    assert "W&B" in done.stderr
    assert "Traceback" not in done.stderr


def test_doctor_names_what_lies_below_the_working_folder(user: OgUser, folder: Path) -> None:
    checks = {check["id"]: check for check in json.loads(user.og("doctor", "--json").stdout)["checks"]}
    assert "1 CSV" in checks["readers"]["message"]
    assert checks["sources"]["status"] == "ok"
