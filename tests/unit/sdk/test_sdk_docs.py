"""The SDK's pages say what is there, with bytes that are real and examples that run."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path

import pytest

import opengraphs as og
from opengraphs.sdk import layout

ROOT = Path(__file__).resolve().parents[3]
SDK_PAGE = (ROOT / "docs" / "reference" / "sdk.md").read_text()
FILES_PAGE = (ROOT / "docs" / "reference" / "files.md").read_text()
GOLDEN = ROOT / "tests" / "format" / "golden" / "sdk-1"
PYTHON = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
JSON = re.compile(r"^ *```json\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("name", og.__all__)
def test_public_name_is_documented(name: str) -> None:
    assert re.search(rf"`{name}[`(.]", SDK_PAGE)


def test_every_public_part_of_a_run_is_documented() -> None:
    inside = {"start", "tend", "current_facts", "end", "leave", "owner"}  # for the SDK itself
    run = og.init(mode="disabled")
    names = {name for name in (*dir(run), *vars(run)) if not name.startswith("_")} - inside
    assert [name for name in sorted(names) if not re.search(rf"`{name}[`(=]", SDK_PAGE)] == []


@pytest.mark.parametrize("name", ["init", "log", "finish", "progress", "note", "checkpoint", "log_system"])
def test_arguments_are_documented(name: str) -> None:
    line = next(line for line in SDK_PAGE.splitlines() if line.startswith(f"| `{name}("))
    parameters = inspect.signature(getattr(og, name)).parameters.values()
    for parameter in parameters:
        if parameter.kind is not parameter.VAR_KEYWORD:
            assert parameter.name in line


@pytest.mark.parametrize("number", range(len(PYTHON.findall(SDK_PAGE))))
def test_example_runs(fresh_sdk: Path, capsys: pytest.CaptureFixture[str], number: int) -> None:
    if number >= 3:
        og.init()
    exec(PYTHON.findall(SDK_PAGE)[number], {"og": og})
    assert capsys.readouterr().err == ""
    assert og.run is not None
    assert og.run.dir is not None


def test_lines_on_the_page_are_in_the_golden_run() -> None:
    golden = {line for path in GOLDEN.rglob("*.jsonl") for line in path.read_text().splitlines()}
    for block in JSON.findall(FILES_PAGE):
        if block.startswith("{\n"):
            continue
        for line in block.splitlines():
            assert re.sub(r'"bytes":\d+', "", line.strip()) in {re.sub(r'"bytes":\d+', "", g) for g in golden}


@pytest.mark.parametrize("name", [layout.RUN_JSON, layout.EXIT_JSON])
def test_whole_files_on_the_page_are_the_golden_ones(name: str) -> None:
    golden = json.loads((GOLDEN / name).read_bytes())
    assert golden in [json.loads(block) for block in JSON.findall(FILES_PAGE) if block.startswith("{\n")]


def test_every_event_kind_is_in_the_table() -> None:
    golden = {
        json.loads(line).get("kind", "")
        for line in (GOLDEN / "events" / "a0-r0.jsonl").read_text().splitlines()
    }
    table = FILES_PAGE.split("## events")[1].split("## samples")[0]
    assert [kind for kind in sorted(golden - {""}) if f"`{kind}`" not in table] == []
