"""What each entry point loads, seen from a fresh interpreter.

import-linter proves what the code may import; this proves what really happens when a
user types a command or a training process imports the SDK.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "src" / "opengraphs"

HEAVY = {
    "numpy",
    "msgspec",
    "textual",
    "rich",
    "starlette",
    "uvicorn",
    "httptools",
    "h11",
    "psutil",
    "pynvml",
    "pandas",
}
SLOW_STDLIB = {
    "asyncio",
    "dataclasses",
    "inspect",
    "subprocess",
    "logging",
    "ssl",
    "http.client",
    "email",
    "unittest",
}


def loaded(statement: str, *, path: Path | None = None) -> set[str]:
    """Names in sys.modules after `statement`, less those of a bare interpreter."""
    code = "import sys; before = set(sys.modules)\n"
    if path:
        code += f"sys.path.insert(0, {str(path)!r})\n"
    code += f"{statement}\nafter = sorted(set(sys.modules) - before)\nimport json; print(json.dumps(after))"
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return set(json.loads(done.stdout))


def tops(modules: set[str]) -> set[str]:
    return modules | {name.split(".")[0] for name in modules}


ENTRY_POINTS = {
    "package": ("import opengraphs", HEAVY | SLOW_STDLIB | {"click", "orjson", "json"}),
    "sdk": ("import opengraphs.sdk", HEAVY | SLOW_STDLIB | {"click"}),
    "sdk by attribute": ("import opengraphs as og; og.log", HEAVY | SLOW_STDLIB | {"click"}),
    "runner": ("import opengraphs.runner.__main__", HEAVY | {"asyncio", "click", "unittest", "ssl"}),
    "command line": ("import opengraphs.cli.main", HEAVY | SLOW_STDLIB | {"click"}),
    "first frame": ("import opengraphs.tui.stage0", HEAVY | SLOW_STDLIB | {"click"}),
    "raw client": ("import opengraphs.client.raw", HEAVY | SLOW_STDLIB | {"click"}),
    "client": ("import opengraphs.client", HEAVY | {"asyncio", "click"}),
    "painters": ("import opengraphs.tui.painters.screen", HEAVY | SLOW_STDLIB | {"click"}),
    "protocol": (
        "import opengraphs.protocol.series, opengraphs.protocol.runs",
        HEAVY | SLOW_STDLIB | {"click"},
    ),
}


@pytest.mark.parametrize("name", ENTRY_POINTS)
def test_entry_point_loads_no_heavy_module(name: str) -> None:
    statement, forbidden = ENTRY_POINTS[name]
    assert tops(loaded(statement)) & forbidden == set()


def test_check_fails_when_the_sdk_imports_numpy(tmp_path: Path) -> None:
    copy = tmp_path / "opengraphs"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    with (copy / "sdk" / "__init__.py").open("a") as sdk:
        sdk.write("\nimport numpy\n")
    statement, forbidden = ENTRY_POINTS["sdk"]
    assert "numpy" in tops(loaded(statement, path=tmp_path)) & forbidden


def test_sdk_imports_nothing_of_the_rest() -> None:
    ours = {name for name in loaded("import opengraphs.sdk") if name.startswith("opengraphs.")}
    assert {name for name in ours if not name.startswith("opengraphs.sdk")} == set()


def test_sdk_needs_only_the_standard_library() -> None:
    optional = {"orjson", "msgspec"}
    foreign = tops(loaded("import opengraphs.sdk")) - set(sys.stdlib_module_names) - {"opengraphs"} - optional
    assert {name for name in foreign if not name.startswith("opengraphs.") and "." not in name} == set()


def test_help_loads_no_client_and_no_screen() -> None:
    code = (
        "import contextlib, io, os, sys\n"
        "os._exit = sys.exit  # og leaves without the interpreter's own clean-up\n"
        "from opengraphs.cli.main import main\n"
        "sys.argv = ['og', '--help']\n"
        "with contextlib.redirect_stdout(io.StringIO()) as shown:\n"
        "    with contextlib.suppress(SystemExit):\n"
        "        main()\n"
        "print(len(shown.getvalue()) > 200, sorted(m for m in sys.modules if m.startswith('opengraphs.')))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    was_shown, _, modules = done.stdout.strip().partition(" ")
    assert was_shown == "True"
    assert "opengraphs.cli" in modules
    assert "opengraphs.client" not in modules
    assert "opengraphs.tui" not in modules
