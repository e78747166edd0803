"""Which Python a command ends up in, and what is installed in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from opengraphs.runner.capture.python import Found, find_interpreter, packages


class Machine:
    """Programs in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {"PATH": str(folder)}

    def program(self, name: str, head: str = "\x7fELF") -> str:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(head)
        path.chmod(0o755)
        return str(path)

    def find(self, *command: str) -> Found | None:
        return find_interpreter(list(command), str(self.folder), self.env)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.mark.parametrize("name", ["python", "python3", "python3.12", "python3.14t", "pypy3.10"])
def test_command_that_names_its_python(machine: Machine, name: str) -> None:
    path = machine.program(name)
    assert machine.find(name, "train.py") == Found(path, guessed=False)


def test_relative_path_is_seen_from_the_working_folder(machine: Machine) -> None:
    path = machine.program("venv/bin/python")
    assert machine.find("venv/bin/python", "train.py") == Found(path, guessed=False)


@pytest.mark.parametrize(
    "first_line",
    [
        "#!{python}\nimport torch\n",
        "#! {python} -u\n",
        "#!/usr/bin/env python3\n",
        "#!/usr/bin/env -S python3 -u\n",
        "#!/bin/sh\n'''exec' \"{python}\" \"$0\" \"$@\"\n' '''\n",
        "#!/bin/sh\n'''exec' {python} \"$0\" \"$@\"\n' '''\n",
    ],
)
def test_console_script_names_its_python(machine: Machine, first_line: str) -> None:
    python = machine.program("python3")
    machine.program("torchrun", first_line.format(python=python))
    assert machine.find("torchrun", "train.py") == Found(python, guessed=False)


def test_shell_script_is_guessed_from_the_path(machine: Machine) -> None:
    python = machine.program("python3")
    machine.program("job.sh", "#!/bin/bash\npython3 train.py\n")
    machine.program("sh")
    assert machine.find("./job.sh") == Found(python, guessed=True)
    assert machine.find("sh", "-c", "python3 train.py") == Found(python, guessed=True)


def test_active_environment_comes_before_the_path(machine: Machine) -> None:
    machine.program("python3")
    active = machine.program("env/bin/python")
    machine.program("sh")
    machine.env["VIRTUAL_ENV"] = str(machine.folder / "env")
    assert machine.find("sh", "job.sh") == Found(active, guessed=True)


def test_uv_run_uses_the_projects_environment(machine: Machine) -> None:
    machine.program("uv")
    project = machine.program(".venv/bin/python")
    assert machine.find("uv", "run", "train.py") == Found(project, guessed=True)


def test_plain_program_has_no_python(machine: Machine) -> None:
    machine.program("python3")
    machine.program("true")
    assert machine.find("true") is None
    assert machine.find("missing") is None


def test_packages_are_the_names_of_their_metadata_folders(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    for folder in (
        first / "numpy-2.1.0.dist-info",
        first / "scikit_learn-1.5.dist-info",
        first / "numpy",
        second / "numpy-1.0.dist-info",
        second / "old_thing-0.1-py3.11.egg-info",
        second / "~umpy-2.dist-info.tmp",
    ):
        folder.mkdir(parents=True)
    assert packages([str(first), str(tmp_path / "missing.zip"), str(second)]) == [
        ("numpy", "2.1.0"),
        ("old-thing", "0.1"),
        ("scikit-learn", "1.5"),
    ]
