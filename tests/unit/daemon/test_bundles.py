"""What it takes to run a run again: steps, what is missing, and no secret in any of it."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from planted_keys import PLANTED

from opengraphs.cli import bundle_page
from opengraphs.cli.output import Ink
from opengraphs.daemon.bundles import describe

COMMIT = "a" * 40


def made(run: Path, **parts: Any) -> Path:
    """A run folder with these parts in its bundle: objects as JSON, texts as they are."""
    for name, value in parts.items():
        stem, _, ending = name.rpartition("_")
        path = run / "bundle" / f"{stem}.{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(value if isinstance(value, str) else json.dumps(value))
    return run


def facts(**more: Any) -> dict[str, Any]:
    return {"run_id": "20261122-093012-k7f3", "name": "digits", "config": {}, **more}


def whats(reply: Any) -> list[str]:
    return [part["what"] for part in reply["missing"]]


def test_a_whole_record_gives_every_step_and_nothing_is_missing(tmp_path: Path) -> None:
    run = made(
        tmp_path,
        command_json={
            "argv": ["python", "train.py", "--seed", "1"],
            "cwd": str(tmp_path),
            "seeds": {"seed": "1"},
        },
        environment_json={"CUDA_VISIBLE_DEVICES": "0", "PATH": "/bin", "OG_STORE": "/x"},
        git_json={"commit": COMMIT, "remote": "https://git.example/ada/code", "dirty": True, "untracked": []},
        diff_patch="diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-x\n+y\n",
    )
    reply = describe(run, facts(), contents=True)
    commands = [line for step in reply["steps"] for line in step["commands"]]
    assert commands == [
        "git clone https://git.example/ada/code code",
        "cd code",
        f"git checkout {COMMIT}",
        "git apply diff.patch",
        "set -a; . ./environment.sh; set +a",
        "og run -- python train.py --seed 1",
    ]
    assert reply["env"] == {"CUDA_VISIBLE_DEVICES": "0"}
    assert whats(reply) == ["package"]
    assert set(reply["contents"]) == {"command.sh", "environment.sh", "diff.patch"}


@pytest.mark.parametrize(
    ("parts", "what"),
    [
        ({}, "record"),
        ({"environment_json": {"HF_TOKEN": "[redacted]"}}, "secret"),
        ({"command_json": {"argv": ["x", "--api-key", "[redacted]"], "cwd": "/"}}, "secret"),
        ({"git_json": {"commit": COMMIT, "dirty": True}}, "patch"),
        ({"git_json": {"commit": COMMIT, "diff_truncated": True}}, "patch"),
        ({"git_json": {"commit": COMMIT, "error": "timed out"}}, "patch"),
        ({"git_json": {"commit": COMMIT, "untracked": ["data/", "new.py"]}}, "untracked"),
        ({"diff_patch": "diff --git a/m b/m\n-Subproject commit 1\n+Subproject commit 1-dirty\n"}, "submodule"),
        ({"command_json": {"argv": ["x"], "cwd": "/", "seeds": {}}}, "seed"),
        ({"command_json": {"argv": ["x"], "cwd": "/nowhere/at/all"}}, "cwd"),
        ({"packages_txt": "torch==2.4\n", "python_json": {"version": "3.9.1", "executable": "/nowhere/python", "prefix": "/nowhere"}}, "python"),
    ],
)  # fmt: skip
def test_what_is_missing_is_said(tmp_path: Path, parts: dict[str, Any], what: str) -> None:
    reply = describe(made(tmp_path, **parts), facts(), contents=False)
    assert what in whats(reply)
    assert not reply["exact"]


def test_packages_that_are_others_here_are_named(tmp_path: Path) -> None:
    prefix = tmp_path / "venv"
    for name in ("torch-2.5.dist-info", "numpy-2.0.dist-info"):
        (prefix / "lib" / "python3.9" / "site-packages" / name).mkdir(parents=True)
    python = prefix / "bin" / "python"
    python.parent.mkdir()
    python.touch()
    told = {"version": "3.9.1", "executable": str(python), "prefix": str(prefix)}
    run = made(tmp_path / "run", packages_txt="torch==2.4\nnumpy==2.0\nold==1\n", python_json=told)
    assert describe(run, facts(), contents=False)["differing"] == [
        {"name": "old", "recorded": "1", "here": None},
        {"name": "torch", "recorded": "2.4", "here": "2.5"},
    ]


def planted(kind: str) -> str:
    return f"postgres://ada:{PLANTED[kind]}@db/x" if kind == "login" else f"before {PLANTED[kind]} after"


@pytest.mark.parametrize("kind", PLANTED)
def test_no_planted_key_leaves_in_a_reply_or_an_export(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = planted(kind)
    monkeypatch.setenv("MY_SERVICE_PASSWORD", "a-value-that-no-pattern-knows")
    script = f"KEY = '''{text}'''\nprint('a-value-that-no-pattern-knows')\nnum_tokens = 1234\n"
    run = made(
        tmp_path,
        command_json={"argv": ["python", "train.py", text], "cwd": str(tmp_path), "script": text, "seeds": {"seed": text}},
        environment_json={"WANDB_NOTES": text, "HF_HOME": text},
        git_json={"commit": COMMIT, "branch": text, "remote": text, "untracked": [text], "error": text},
        machine_json={"host": text},
        python_json={"version": "3.11.7", "executable": text},
        diff_patch=f"diff --git a/a.py b/a.py\n+{text}\n",
    )  # fmt: skip
    (run / "bundle" / "files").mkdir()
    (run / "bundle" / "files" / "train.py").write_text(script)
    reply = describe(run, facts(name=text, config={"note": text, "api_key": "Ab12Cd34Ef"}), contents=True)
    page = "\n".join(bundle_page.lines(dict(reply), limit=100, ink=Ink(on=False)))
    archive = bundle_page.archive(dict(reply))
    told = json.dumps(reply) + page + gzip.decompress(archive).decode("utf-8", "replace")
    secret = PLANTED[kind]
    assert secret not in told
    assert secret.replace("\n", "\\n") not in told
    assert "a-value-that-no-pattern-knows" not in told
    assert 'Ab12Cd34Ef"' not in told
    assert "num_tokens = 1234" in reply["contents"]["files/train.py"]
    assert "secret" in whats(reply)
    assert sum(one["times"] for one in reply["hidden"]) > 5


def test_an_export_is_one_folder_of_plain_files_with_a_readme(tmp_path: Path) -> None:
    run = made(
        tmp_path, command_json={"argv": ["python", "train.py"], "cwd": "/"}, packages_txt="torch==2.4\n"
    )
    reply = dict(describe(run, facts(), contents=True))
    with tarfile.open(fileobj=io.BytesIO(bundle_page.archive(reply))) as tar:
        names = tar.getnames()
        readme = tar.extractfile(f"{names[0]}")
        assert all(
            member.isfile() and not member.name.startswith("/") and ".." not in member.name for member in tar
        )
        assert readme is not None
        assert b"og run -- python train.py" in readme.read()
    top = "20261122-093012-k7f3-bundle"
    assert names == [f"{top}/{name}" for name in ("README.md", "bundle.json", "command.sh", "packages.txt")]


def test_a_bundle_of_another_machine_can_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "diff.patch").symlink_to("/etc/passwd")
    (tmp_path / "bundle" / "command.json").write_text('{"argv": "no list", "cwd": 3, "seeds": [1]}')
    reply = describe(tmp_path, facts(git="odd", config=None), contents=True)
    assert "root:" not in json.dumps(reply)
    (tmp_path / "bundle" / "files").symlink_to("/etc")
    assert describe(tmp_path, facts(), contents=True)["files"] == []
