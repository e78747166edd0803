"""The bundle of a run, and the figures sampled beside it, from real processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from ogd_kit import wait_for
from runner_kit import Runs, Training, alive

from opengraphs.runner import capturing
from opengraphs.runner.capturing import Capture
from opengraphs.runner.loop import Loop

TOKEN = "hf_thisIsASecretThatNobodyMayRead01"
UNTIL_GO = "while [ ! -e go ]; do sleep 0.01; done"


@pytest.fixture
def runs(og_home: Path) -> Iterator[Runs]:
    kit = Runs(og_home)
    yield kit
    kit.end()


def git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    done = subprocess.run(["git", *identity, *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repo(runs: Runs) -> Path:
    """A work tree with a commit, a change, an untracked script and a login in its remote's address."""
    work = runs.work
    git(work, "init", "-q", "-b", "main")
    (work / "model.py").write_text("layers = 2\n")
    git(work, "add", "model.py")
    git(work, "commit", "-q", "-m", "first")
    git(work, "remote", "add", "origin", f"https://me:{TOKEN}@example.org/model.git")
    (work / "model.py").write_text("layers = 3\n")
    (work / "train.py").write_text("print('trained')\n")
    return work


def bundle(training: Training, name: str) -> Any:
    return json.loads((training.folder / "bundle" / name).read_text())


def test_bundle_holds_what_it_takes_to_run_again(runs: Runs, repo: Path) -> None:
    command = [sys.executable, "train.py", "--lr", "0.1", "--seed", "3", "--api-key", "very-private"]
    training = runs.run(command, env={"HF_TOKEN": TOKEN, "CUDA_VISIBLE_DEVICES": "0", "UNKNOWN_THING": "x"})
    assert training.log() == "trained\n"
    assert bundle(training, "command.json")["argv"][1:] == [*command[1:-1], "[redacted]"]
    assert bundle(training, "command.json")["cwd"] == str(repo)
    assert bundle(training, "command.json")["seeds"] == {"seed": 3}
    environment = bundle(training, "environment.json")
    assert environment["CUDA_VISIBLE_DEVICES"] == "0"
    assert environment["HF_TOKEN"] == "[redacted]"
    assert "UNKNOWN_THING" not in environment
    assert (training.folder / "bundle" / "files" / "train.py").read_text() == "print('trained')\n"
    assert bundle(training, "machine.json")["cpu"]["count"] == os.cpu_count()
    python = bundle(training, "python.json")
    assert (python["executable"], python["guessed"]) == (sys.executable, False)
    packages = (training.folder / "bundle" / "packages.txt").read_text().splitlines()
    assert f"pytest=={version('pytest')}" in packages


def test_git_state_is_in_the_bundle_and_in_run_json(runs: Runs, repo: Path) -> None:
    training = runs.run([sys.executable, "train.py"])
    facts = bundle(training, "git.json")
    commit = git(repo, "rev-parse", "HEAD")
    assert (facts["commit"], facts["branch"], facts["dirty"]) == (commit, "main", True)
    assert facts["untracked"] == ["train.py"]
    assert "+layers = 3" in (training.folder / "bundle" / "diff.patch").read_text()
    remote = "https://[redacted]@example.org/model.git"
    assert training.facts()["git"] == {"commit": commit, "branch": "main", "dirty": True, "remote": remote}
    assert training.facts()["python"] == sys.version.split()[0]


def test_patch_can_be_applied(runs: Runs, repo: Path) -> None:
    training = runs.run([sys.executable, "train.py"])
    git(repo, "checkout", "-q", "model.py")
    git(repo, "apply", str(training.folder / "bundle" / "diff.patch"))
    assert (repo / "model.py").read_text() == "layers = 3\n"


def test_no_secret_is_anywhere_in_the_folder(runs: Runs, repo: Path) -> None:
    (repo / "model.py").write_text(f"token = '{TOKEN}'\n")
    training = runs.run([sys.executable, "train.py", "--hf-token", TOKEN], env={"WANDB_API_KEY": TOKEN})
    holding = [
        path for path in training.folder.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()
    ]
    assert holding == []
    assert bundle(training, "git.json")["diff_redacted"] is True


def test_git_facts_are_there_from_the_first_moment(runs: Runs, repo: Path) -> None:
    training = runs.shell(UNTIL_GO)
    facts = training.facts()["git"]
    assert facts["commit"] == git(repo, "rev-parse", "HEAD")
    assert facts["branch"] == "main"


def test_outside_a_repository(runs: Runs) -> None:
    training = runs.run(["true"])
    assert training.facts()["git"] is None
    assert not (training.folder / "bundle" / "git.json").exists()
    assert not (training.folder / "bundle" / "python.json").exists()


def test_huge_diff_is_cut(runs: Runs, repo: Path) -> None:
    (repo / "model.py").write_text("".join(f"line = {number}\n" for number in range(400_000)))
    training = runs.run([sys.executable, "train.py"])
    facts = bundle(training, "git.json")
    assert facts["diff_truncated"] is True
    assert facts["diff_bytes"] == 4 << 20


def test_repository_whose_settings_name_programs_runs_none_of_them(runs: Runs, repo: Path) -> None:
    (repo / "spy.sh").write_text("#!/bin/sh\ntouch spied\n")
    (repo / "spy.sh").chmod(0o755)
    git(repo, "config", "core.fsmonitor", "./spy.sh")
    git(repo, "config", "diff.external", "./spy.sh")
    git(repo, "config", "diff.spy.textconv", "./spy.sh")
    (repo / ".gitattributes").write_text("*.py diff=spy\n")
    runs.run([sys.executable, "train.py"])
    assert not (repo / "spied").exists()


@pytest.fixture
def hanging_git(runs: Runs, repo: Path) -> dict[str, str]:
    folder = runs.home / "bin"
    folder.mkdir()
    program = folder / "git"
    program.write_text("#!/bin/sh\necho $$ > git.pid\nexec sleep 600\n")
    program.chmod(0o755)
    return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


def test_git_that_hangs_does_not_delay_the_end(runs: Runs, hanging_git: dict[str, str]) -> None:
    training = runs.start(sys.executable, "train.py", env=hanging_git)
    assert training.ended()["code"] == 0
    assert alive(training.runner_pid)  # it still waits for the capture
    pid = wait_for(lambda: (runs.work / "git.pid").exists() and int((runs.work / "git.pid").read_text() or 0))
    os.kill(pid, 9)
    training.leave()
    assert training.facts()["git"]["branch"] == "main"
    assert "error" in bundle(training, "git.json")


def test_capture_that_takes_too_long_is_ended_with_its_git(
    runs: Runs, hanging_git: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capturing, "LIMIT_AFTER_END_S", 0.05)
    folder = runs.home / "run-folder"
    (folder / "bundle").mkdir(parents=True)
    loop, found = Loop(), []
    capture = Capture(loop, found.append)
    capture.start(
        {
            "run_dir": str(folder),
            "cwd": str(runs.work),
            "import_paths": [],
            "command": ["true"],
            "env": {**os.environ, **hanging_git},
        }
    )
    pid = wait_for(lambda: (runs.work / "git.pid").exists() and int((runs.work / "git.pid").read_text() or 0))
    capture.hurry()
    loop.run(lambda: capture.finished)
    wait_for(lambda: not alive(pid), what="end of git")
    assert found == []
    assert (folder / "bundle" / "environment.json").exists()


def test_bundle_that_cannot_be_written_is_said_and_nothing_more(runs: Runs) -> None:
    training = runs.shell(UNTIL_GO)
    wait_for(lambda: (training.folder / "bundle" / "machine.json").exists(), what="the capture")
    other = runs.start("sh", "-c", UNTIL_GO, cwd=str(runs.home))
    (other.folder / "bundle").rename(other.folder / "elsewhere")
    file = other.folder / "events" / "runner.jsonl"
    wait_for(lambda: file.exists() and file.stat().st_size, what="the event")
    assert other.lines("events/runner.jsonl")[0]["reason"].startswith("bundle: ")
    assert other.control.status()["status"] == "running"


def test_sampler_writes_what_machine_and_training_do(runs: Runs) -> None:
    training = runs.python("while True: pass")
    host = os.uname().nodename
    file = training.folder / "system" / f"{host}.jsonl"
    wait_for(lambda: file.exists() and file.stat().st_size, what="the first sample")
    first = json.loads(file.read_text().splitlines()[0])
    training.control.stop(grace_s=0)
    training.leave()
    assert first["time"] > 1.6e9
    metrics = first["metrics"]
    assert metrics["proc.cpu_percent"] > 1
    assert metrics["proc.count"] == 1
    assert metrics["proc.rss_bytes"] > 1e6
    assert {"cpu.percent", "cpu.count", "load.1m", "ram.used_bytes", "ram.total_bytes", "ram.percent"} <= set(
        metrics
    )
    assert {"disk.free_bytes", "net.rx_bytes_per_s", "disk.write_bytes_per_s"} <= set(metrics)
    assert all(json.loads(line) for line in file.read_text().splitlines())
