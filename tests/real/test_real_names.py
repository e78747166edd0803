"""Every public name of the real wandb and trackio is there, or is on the list of those that say why not."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from real_kit import QUIET, need

import opengraphs as og

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "sdk.md"
NOT_HERE = {
    "wandb": set(),
    "trackio": {"ReferenceHandler", "ResolvedReference", "TRACKIO_LOGO_DIR", "register_reference_handler"},
}


@pytest.mark.parametrize("library", ["wandb", "trackio"])
def test_every_public_name_is_there_or_on_the_list(library: str) -> None:
    python = need(library)
    code = f"import {library}; print(*{library}.__all__)"
    env = {**QUIET, "PATH": ""}
    done = subprocess.run(
        [python, "-c", code], env=env, capture_output=True, text=True, check=True, timeout=60
    )
    names = done.stdout.split()
    assert len(names) > 20
    missing = {name for name in names if not hasattr(og, name)}
    assert missing <= NOT_HERE[library]
    for name in missing:
        assert re.search(rf"`{name}`", PAGE.read_text())
        with pytest.raises(AttributeError, match=name):
            getattr(og, name)


@pytest.mark.parametrize("library", ["wandb", "trackio"])
def test_every_member_of_a_run_is_there(library: str) -> None:
    python = need(library)
    code = f"import {library}; print(*(name for name in dir({library}.Run) if name[0] != '_'))"
    done = subprocess.run(
        [python, "-c", code], env={**QUIET, "PATH": ""}, capture_output=True, text=True, check=True
    )
    run = og.init(mode="disabled")
    try:
        missing = {name for name in done.stdout.split() if not hasattr(run, name)}
    finally:
        run.finish()
    assert missing <= {"to_html", "start_time", "status"}
