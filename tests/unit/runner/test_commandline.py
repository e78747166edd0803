"""What a command line tells before its program runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from opengraphs.runner.commandline import script_of, seeds, settings, title


@pytest.fixture
def work(tmp_path: Path) -> str:
    for name in ("train.py", "run.sh", "nb.ipynb"):
        (tmp_path / name).touch()
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "tool.py").touch()
    return str(tmp_path)


@pytest.mark.parametrize(
    ("command", "script", "name"),
    [
        (["python", "train.py", "--lr", "1"], "train.py", "train"),
        (["./train.py"], "./train.py", "train"),
        (["torchrun", "--nproc-per-node", "2", "pkg/tool.py"], "pkg/tool.py", "tool"),
        (["uv", "run", "train.py"], "train.py", "train"),
        (["sh", "run.sh"], "run.sh", "run"),
        (["python", "-m", "pkg.tool", "--x"], "pkg.tool", "tool"),
        (["python", "-c", "print(1)", "train.py"], None, "python"),
        (["sh", "-c", "exit 7"], None, "sh"),
        (["/bin/true"], None, "true"),
        (["python", "missing.py"], None, "python"),
    ],
)
def test_script_and_name(work: str, command: list[str], script: str | None, name: str) -> None:
    assert script_of(command, work) == script
    assert title(command, work) == name


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["--lr", "1e-3"], {"lr": 0.001}),
        (["--lr=3"], {"lr": 3}),
        (["--use-amp", "--epochs", "4"], {"use_amp": True, "epochs": 4}),
        (["--shift", "-1.5"], {"shift": -1.5}),
        (["--flag", "--other"], {"flag": True, "other": True}),
        (["--fast", "false"], {"fast": False}),
        (["-b", "16"], {"b": 16}),
        (["--name", "big one"], {"name": "big one"}),
        (["--model.depth", "12"], {"model.depth": 12}),
        (["--hf-token", "abc"], {}),
        (["--data", "hf_abcdefghijklmnopqrstuvwxyz"], {"data": "[redacted]"}),
        (["data", "out"], {}),
        (["--", "-5"], {}),
        (["--big", "123456789012345678901"], {"big": 123456789012345678901.0}),
    ],
)
def test_flags_after_the_script_become_settings(
    work: str, words: list[str], found: dict[str, object]
) -> None:
    assert settings(["python", "train.py", *words], work) == found


def test_flags_of_the_launcher_are_not_the_scripts(work: str) -> None:
    assert settings(["torchrun", "--nproc-per-node", "2", "train.py", "--lr", "1"], work) == {"lr": 1}


def test_short_flags_without_a_script_are_not_settings(work: str) -> None:
    assert settings(["sh", "-c", "exit 7"], work) == {}
    assert settings(["./trainer-binary", "--lr", "2"], work) == {"lr": 2}


def test_seeds_that_can_be_seen(work: str) -> None:
    command = ["python", "train.py", "--seed", "3", "--data-seed=4", "--seedling", "5"]
    assert seeds(command, work, {"PYTHONHASHSEED": "0"}) == {"seed": 3, "data_seed": 4, "PYTHONHASHSEED": "0"}
