"""Trainings that use real libraries, run under `og run` in an environment of their own.

og lives in one environment and the training in another, as with most users. The other's
interpreter is named by `OG_REAL_PYTHON`; without it, or without the library, tests are skipped.
"""

from __future__ import annotations

import functools
import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from og_user import OgUser

from opengraphs.alerts.settings import DETECTORS

QUIET = {
    "WANDB_MODE": "offline",
    "WANDB_SILENT": "true",
    "WANDB_ERROR_REPORTING": "false",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "1",
    "KERAS_BACKEND": "torch",
    "CUDA_VISIBLE_DEVICES": "",
    "TOKENIZERS_PARALLELISM": "false",
    "OMP_NUM_THREADS": "1",
}
"""What keeps the libraries off the network, and small."""


class Ran(NamedTuple):
    """A training that ended. curves: metric → [(step, value)], as `og export --format json` gives them."""

    folder: Path
    facts: dict[str, Any]
    curves: dict[str, list[tuple[int, float]]]
    done: subprocess.CompletedProcess[str]


def real_python() -> str:
    """The interpreter that has the libraries; skips the test where none is named."""
    found = os.environ.get("OG_REAL_PYTHON", "")
    if not found:
        pytest.skip("OG_REAL_PYTHON names no interpreter; `make real` does")
    return found


@functools.cache
def _has(python: str, module: str) -> bool:
    code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({module!r}) is None)"
    return subprocess.run([python, "-c", code], check=False, timeout=60).returncode == 0


def need(*modules: str) -> str:
    """The interpreter, if it has all of the modules; else the test is skipped."""
    python = real_python()
    for module in modules:
        if not _has(python, module):
            pytest.skip(f"{module} is not installed beside OG_REAL_PYTHON")
    return python


def og_run(
    user: OgUser, script: str, *flags: str, args: tuple[str, ...] = (), timeout_s: float = 110, **env: str
) -> Ran:
    """Run a script under `og run` with the other interpreter, and read back what og has of it.

    Args:
        flags: of `og run`. args: of the script. env: beside `QUIET`.
    """
    path = user.work / "train.py"
    path.write_text(script)
    command = ("run", *flags, "--", real_python(), str(path), *args)
    done = user.og(*command, timeout_s=timeout_s, **{**QUIET, **env})
    run = user.runs()[0]
    return Ran(
        user.store / "runs" / run["run_id"],
        user.json("show", run["run_id"]),
        curves(user, run["run_id"]),
        done,
    )


def curves(user: OgUser, run: str) -> dict[str, list[tuple[int, float]]]:
    """Every metric of a run as (step, value) pairs; non-finite values come as floats."""
    done = user.og("export", run, "--format", "json")
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, list[Any]]] = json.loads(done.stdout)["metrics"]
    return {
        key: [(step, float(value)) for step, value in zip(columns["step"], columns["value"], strict=True)]
        for key, columns in found.items()
    }


@contextmanager
def writing(
    python: str, script: str, folder: Path, *args: object, **env: str
) -> Iterator[subprocess.Popen[str]]:
    """A training of its own that writes below `folder`, without og; killed with all it started."""
    path = folder / "train.py"
    path.write_text(script)
    with subprocess.Popen(
        [python, str(path), *map(str, args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=folder,
        env={**os.environ, **QUIET, **env},
        start_new_session=True,
    ) as child:
        try:
            yield child
        finally:
            try:
                os.killpg(child.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


def raised(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The alerts of a run that its script raised; what og itself found, sooner or later, is no matter here."""
    return [alert for alert in facts["alerts"] if alert["detector"] not in DETECTORS]
