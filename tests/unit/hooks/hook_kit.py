"""Trainings with og's hooks and made-up libraries that have the shapes of the real ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any, NamedTuple

HOOKS = Path(__file__).resolve().parents[3] / "src" / "opengraphs" / "hooks"
RUN_ID = "20261122-093012-k7f3"


class Hooked(NamedTuple):
    """A script that ended under hooks."""

    folder: Path
    stdout: str
    stderr: str
    code: int

    def rows(self, writer: str = "mirror-a0-r0") -> list[dict[str, Any]]:
        """Metric records of one writer without their time."""
        return [
            {key: value for key, value in record.items() if key != "time"}
            for record in read(self.folder / "metrics" / f"{writer}.jsonl")
        ]

    def points(self, writer: str = "mirror-a0-r0") -> list[tuple[int, dict[str, Any]]]:
        """(step, metrics) of one writer."""
        return [(row["step"], row["metrics"]) for row in self.rows(writer)]

    def writers(self) -> list[str]:
        return sorted(path.stem for path in (self.folder / "metrics").glob("*.jsonl"))

    def events(self, kind: str) -> list[dict[str, Any]]:
        """Events of a kind of all writers, in order of time."""
        found = [record for path in (self.folder / "events").glob("*.jsonl") for record in read(path)]
        return sorted((one for one in found if one["kind"] == kind), key=lambda one: float(one["time"]))

    def config(self) -> dict[str, Any]:
        return {key: value for event in self.events("config") for key, value in event["config"].items()}

    @property
    def log(self) -> str:
        """hooks.log, "" when nothing went wrong."""
        path = self.folder / "hooks.log"
        return path.read_text() if path.exists() else ""


def read(path: Path) -> list[dict[str, Any]]:
    lines = path.read_bytes().replace(b"\0", b"").splitlines()
    return [record for record in map(json.loads, lines) if "seal" not in record]


class Lab:
    """Runs scripts in a folder of their own."""

    def __init__(self, root: Path) -> None:
        self.libraries = root / "libraries"
        self.folder = root / "store" / "runs" / RUN_ID
        self.work = root / "work"
        for folder in (self.libraries, self.work, self.folder / "events"):
            folder.mkdir(parents=True)
        (self.folder / "run.json").write_text(json.dumps({"run_id": RUN_ID, "name": "train-k7f3"}))

    def library(self, name: str, text: str) -> Path:
        """Make a module, `pkg.sub.module` with the packages it needs."""
        folder = self.libraries
        for package in name.split(".")[:-1]:
            folder = folder / package
            folder.mkdir(exist_ok=True)
            init = folder / "__init__.py"
            if not init.exists():
                init.write_text("")
        path = folder / f"{name.rpartition('.')[2]}.py"
        path.write_text(textwrap.dedent(text))
        return path

    def run(
        self,
        code: str,
        *args: str,
        flags: tuple[str, ...] = (),
        interpreter: str = sys.executable,
        env: dict[str, str] | None = None,
        timeout_s: float = 60,
    ) -> Hooked:
        """Run a script as `og run` would start it."""
        script = self.work / "train.py"
        script.write_text(textwrap.dedent(code))
        done = subprocess.run(
            [interpreter, *flags, str(script), *args],
            env=self.env(**(env or {})),
            cwd=self.work,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_s,
        )
        return Hooked(self.folder, done.stdout, done.stderr, done.returncode)

    def env(self, **more: str) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("OG_", "PYTHON", "RANK", "WORLD_SIZE", "SLURM_", "PMI"))
        }
        path = os.pathsep.join([str(HOOKS), str(self.libraries)])
        return {**kept, "OG_RUN_DIR": str(self.folder), "OG_RUN_ID": RUN_ID, "PYTHONPATH": path, **more}


WANDB_RUN = """
    class Settings:
        mode, run_name, run_tags, run_notes = "offline", "given", ("a",), "why"


    class Run:
        def __init__(self):
            self._settings, self._config, self._local_step = Settings(), {"lr": 0.1, "_wandb": {}}, 0
            self._on_start()

        def _on_start(self):
            pass

        def _config_callback(self, key=None, val=None, data=None):
            pass

        def log(self, data, step=None, commit=None):
            return self._log(data, step, commit)

        def _log(self, data, step=None, commit=None):
            if not isinstance(data, dict):
                raise TypeError("a dict")
            if step is not None and step > self._local_step:
                self._local_step = step
            if (step is None and commit is None) or commit:
                self._local_step += 1
            return "what wandb returns"

        def define_metric(self, name, step_metric=None, **more):
            pass

        def alert(self, title, text="", level="INFO"):
            pass

        @property
        def tags(self):
            return self._settings.run_tags

        @tags.setter
        def tags(self, value):
            self._settings.run_tags = tuple(value)

        @property
        def name(self):
            return self._settings.run_name

        @name.setter
        def name(self, value):
            self._settings.run_name = value

        @property
        def notes(self):
            return self._settings.run_notes

        @notes.setter
        def notes(self, value):
            self._settings.run_notes = value
"""
"""`wandb.sdk.wandb_run` as far as it is hooked."""

SUMMARY_WRITER = """
    class SummaryWriter:
        def add_scalar(self, tag, scalar_value, global_step=None, walltime=None, new_style=False):
            if tag == "bad":
                raise ValueError("its own trouble")

        def add_scalars(self, main_tag, tag_scalar_dict, global_step=None, walltime=None):
            pass

        def add_hparams(self, hparam_dict, metric_dict, hparam_domain_discrete=None, run_name=None,
                        global_step=None):
            for key, value in metric_dict.items():
                self.add_scalar(key, value, global_step)
"""
