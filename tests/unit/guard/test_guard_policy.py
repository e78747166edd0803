"""What a run may have changed: its script, what that imports, the configs it names; and how much at once."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from guard_kit import rule_of

from opengraphs.errors import UsageError
from opengraphs.guard.globs import allows, denies
from opengraphs.guard.policy import (
    Policy,
    Size,
    default_policy,
    open_readable,
    open_target,
    reading_policy,
    size_findings,
)
from opengraphs.guard.project import MAX_MODULES
from opengraphs.guard.rules import ALWAYS_DENIED


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a mark, whose home is elsewhere."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    made = tmp_path.resolve() / "project"
    (made / ".git").mkdir(parents=True)
    return made


def facts(root: Path, *command: str, cwd: str = "") -> dict[str, Any]:
    script = next((word for word in command if word.endswith((".py", ".sh"))), None)
    if "-m" in command:
        script = command[command.index("-m") + 1]
    return {"cwd": str(root / cwd), "script": script, "command": list(command)}


def allowed(root: Path, *command: str, cwd: str = "", **settings: Any) -> list[str]:
    return list(default_policy(facts(root, *command, cwd=cwd), settings=settings).allowed)


def put(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def test_the_script_and_what_it_imports_from_the_project(root: Path) -> None:
    put(
        root,
        {
            "train.py": "import torch, model\nfrom lib import data\nfrom lib.opt import sgd as s\nimport lib.deep.x\n",
            "model.py": "def build():\n    import layers\n",
            "layers.py": "",
            "lib/__init__.py": "",
            "lib/data.py": "from . import tokens\nfrom .opt import sgd\nfrom ..model import build\n",
            "lib/tokens.py": "",
            "lib/opt.py": "import train\n",
            "lib/deep/x.py": "",
            "unrelated.py": "",
            "lib/unrelated.py": "",
        },
    )
    assert sorted(allowed(root, "python", "train.py")) == [
        "layers.py",
        "lib/__init__.py",
        "lib/data.py",
        "lib/deep/x.py",
        "lib/opt.py",
        "lib/tokens.py",
        "model.py",
        "train.py",
    ]


def test_the_script_stands_first(root: Path) -> None:
    put(root, {"b.py": "import a", "a.py": ""})
    assert allowed(root, "python", "b.py") == ["b.py", "a.py"]


@pytest.mark.parametrize(
    "command", [("python", "-m", "pkg.train"), ("torchrun", "-m", "pkg.train", "--lr", "1")]
)
def test_a_module_is_found_from_the_working_folder(root: Path, command: tuple[str, ...]) -> None:
    put(root, {"pkg/__init__.py": "", "pkg/train.py": "from pkg import net", "pkg/net.py": ""})
    assert allowed(root, *command) == ["pkg/train.py", "pkg/__init__.py", "pkg/net.py"]


def test_a_package_with_a_main_is_found(root: Path) -> None:
    put(root, {"pkg/__init__.py": "", "pkg/__main__.py": "from .net import x", "pkg/net.py": ""})
    assert allowed(root, "python", "-m", "pkg") == ["pkg/__main__.py", "pkg/net.py"]


def test_a_source_folder_is_looked_into(root: Path) -> None:
    put(root, {"scripts/train.py": "import mylib.net", "src/mylib/__init__.py": "", "src/mylib/net.py": ""})
    assert "src/mylib/net.py" in allowed(root, "python", "scripts/train.py")


def test_configs_of_the_command_line_and_of_calls(root: Path) -> None:
    put(
        root,
        {
            "train.py": (
                "import json, yaml\n"
                "base = yaml.safe_load(open('conf/base.yaml'))\n"
                "p.add_argument('--config', default='conf/small.toml')\n"
                "json.dump({}, open('results.json', 'w'))\n"
                "Path('out.json').open(mode='w')\n"
                "NOTE = 'notes.json'\n"
            ),
            "conf/base.yaml": "",
            "conf/small.toml": "",
            "conf/run.yml": "",
            "conf/other.json": "{}",
            "conf/unnamed.yaml": "",
            "results.json": "{}",
            "notes.json": "{}",
        },
    )
    command = ("python", "train.py", "--config", "conf/run.yml", "--extra=conf/other.json", "missing.yaml")
    found = allowed(root, *command)
    assert found[:3] == ["train.py", "conf/run.yml", "conf/other.json"]
    assert sorted(found[3:]) == ["conf/base.yaml", "conf/small.toml"]


def test_configs_outside_and_denied_ones_are_not_allowed(root: Path) -> None:
    put(
        root,
        {"train.py": "open('api_keys.yaml'); open('../x.yaml'); open('/etc/y.yaml')", "api_keys.yaml": ""},
    )
    put(root.parent, {"x.yaml": ""})
    found = allowed(root, "python", "train.py", str(root.parent / "x.yaml"), ".hidden.yaml", "og.toml")
    assert found == ["train.py"]


def test_a_module_behind_a_link_is_not_allowed(root: Path) -> None:
    put(root, {"train.py": "import model, pack.net"})
    put(root.parent, {"model.py": "", "pack/net.py": ""})
    (root / "model.py").symlink_to("../model.py")
    (root / "pack").symlink_to("../pack")
    assert allowed(root, "python", "train.py") == ["train.py"]


def test_a_doubtful_escape_in_a_script_is_no_trouble(root: Path) -> None:
    put(root, {"train.py": r"import model; x = '\d'", "model.py": ""})
    assert allowed(root, "python", "train.py") == ["train.py", "model.py"]


@pytest.mark.parametrize(
    "text", ["def (:", "\0", "(" * 5000, "x = " + "-" * 20000 + "1"], ids=["syntax", "nul", "deep", "unary"]
)
def test_a_script_that_is_no_python_allows_itself_at_most(root: Path, text: str) -> None:
    put(root, {"train.py": text})
    assert allowed(root, "python", "train.py") == ([] if "\0" in text else ["train.py"])


def test_a_walk_ends(root: Path) -> None:
    chain = {f"m{n}.py": f"import m{n + 1}, m0" for n in range(MAX_MODULES + 50)}
    put(root, {"train.py": "import m0", **chain})
    assert len(allowed(root, "python", "train.py")) == MAX_MODULES


@pytest.mark.parametrize(
    "run",
    [
        {},
        {"cwd": None, "script": None, "command": None},
        {"cwd": "relative", "script": "train.py"},
        {"cwd": "C:\\work", "script": "train.py"},
        {"cwd": "/nowhere/at/all", "script": "train.py"},
    ],
)
def test_a_run_of_elsewhere_allows_nothing(run: dict[str, Any]) -> None:
    policy = default_policy(run, settings={})
    assert policy.allowed == ()
    assert rule_of(lambda: open_readable(policy, "etc/passwd")) in ("root", "not_allowed")


def test_a_plain_program_allows_nothing_by_itself(root: Path) -> None:
    assert allowed(root, "./train") == []


def test_the_top_of_the_project_is_where_its_mark_is(root: Path) -> None:
    put(root, {"deep/er/train.py": ""})
    policy = default_policy(facts(root, "python", "train.py", cwd="deep/er"), settings={})
    assert (policy.root, policy.allowed) == (root, ("deep/er/train.py",))


def test_without_a_mark_the_project_is_the_working_folder(root: Path) -> None:
    (root / ".git").rmdir()
    put(root, {"deep/train.py": ""})
    policy = default_policy(facts(root, "python", "deep/train.py"), settings={})
    assert (policy.root, policy.allowed, policy.wide_reads) == (root, ("deep/train.py",), True)


def test_a_script_elsewhere_has_its_own_folder_as_project(root: Path, tmp_path: Path) -> None:
    (root / ".git").rmdir()
    put(tmp_path, {"scripts/train.py": ""})
    script = str(tmp_path.resolve() / "scripts" / "train.py")
    policy = default_policy({"cwd": str(root), "script": script, "command": []}, settings={})
    assert policy.root == tmp_path.resolve() / "scripts"
    assert policy.allowed == ("train.py",)


def test_a_home_folder_is_no_project_to_read_in(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(root))
    put(root, {"train.py": "", "diary.txt": ""})
    policy = default_policy(facts(root, "python", "train.py"), settings={})
    assert open_readable(policy, "train.py") == ""
    assert rule_of(lambda: open_readable(policy, "diary.txt")) == "not_allowed"
    assert reading_policy(facts(root, "python", "train.py"), settings={}) == policy


def test_to_read_no_import_is_looked_for(root: Path) -> None:
    put(root, {"train.py": "import model", "model.py": "", "notes.txt": "n", "data/x.csv": "1"})
    policy = reading_policy(
        facts(root, "python", "train.py"), settings={"deny": ["data"]}, store=root / "runs"
    )
    assert policy.allowed == ()
    assert open_readable(policy, "notes.txt") == "n"
    assert rule_of(lambda: open_readable(policy, "data/x.csv")) == "denied"
    assert "runs" in policy.denied


def test_a_store_in_the_project_is_never_touched(root: Path) -> None:
    put(root, {"train.py": "", "store/runs/x/config.json": "{}"})
    policy = default_policy(
        facts(root, "python", "train.py"), settings={"allow": ["**"]}, store=root / "store"
    )
    assert rule_of(lambda: open_target(policy, "store/runs/x/config.json")) == "denied"
    assert open_target(policy, "train.py").text == ""


def test_settings_add_and_take(root: Path) -> None:
    put(root, {"train.py": "import model", "model.py": "", "conf/a.yaml": "", "conf/prod/a.yaml": ""})
    settings = {
        "allow": ["conf/**"],
        "deny": ["prod", "model.py"],
        "max_files": 2,
        "max_lines": 80,
        "max_share": 0.2,
    }
    policy = default_policy(facts(root, "python", "train.py"), settings=settings)
    assert rule_of(lambda: open_target(policy, "conf/a.yaml")) == ""
    assert rule_of(lambda: open_target(policy, "conf/prod/a.yaml")) == "denied"
    assert rule_of(lambda: open_target(policy, "model.py")) == "denied"
    assert (policy.max_files, policy.max_lines, policy.max_share) == (2, 80, 0.2)


@pytest.mark.parametrize(
    "settings",
    [
        {"allow": ["/etc/*"]},
        {"allow": ["../x"]},
        {"allow": [""]},
        {"allow": ["a\\b"]},
        {"allow": 3},
        {"deny": [3]},
        {"max_files": 4},
        {"max_files": 1.5},
        {"max_files": True},
        {"max_lines": 121},
        {"max_lines": -1},
        {"max_lines": "40"},
        {"max_share": 0.6},
        {"max_share": float("nan")},
    ],
    ids=str,
)
def test_wrong_settings_are_refused(root: Path, settings: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"\[agent\]"):
        default_policy(facts(root, "python", "train.py"), settings=settings)


def test_sizes_within_the_limits_need_no_word() -> None:
    policy = Policy(Path("/p"), ())
    assert size_findings(policy, [Size("a.py", 20, 20, 300)]) == []
    assert size_findings(policy, [Size("a.py", 4, 4, 5)]) == []


@pytest.mark.parametrize(
    ("sizes", "rule", "level"),
    [
        ([Size("a", 1, 1, 99), Size("b", 1, 1, 99)], "many_files", "ask"),
        ([Size(name, 1, 1, 99) for name in "abcd"], "too_many_files", "refuse"),
        ([Size("a", 21, 20, 900)], "many_lines", "ask"),
        ([Size("a", 121, 0, 9000)], "too_many_lines", "refuse"),
        ([Size("a", 5, 5, 40)], "large_share", "ask"),
        ([Size("a", 11, 0, 100)], "large_share", "ask"),
    ],
)
def test_sizes_above_them_are_asked_for_or_refused(sizes: list[Size], rule: str, level: str) -> None:
    (found,) = size_findings(Policy(Path("/p"), ()), sizes)
    assert (found.rule, found.level) == (rule, level)


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("*.py", "a.py", True),
        ("*.py", "sub/a.py", False),
        ("**/*.py", "a.py", True),
        ("**/*.py", "x/y/a.py", True),
        ("conf/**", "conf/x/y.yaml", True),
        ("conf/*", "conf/x/y.yaml", False),
        ("a?.py", "ab.py", True),
        ("[a].py", "a.py", False),
        ("[a].py", "[a].py", True),
        ("A.py", "a.py", False),
    ],
)
def test_patterns_that_allow(pattern: str, path: str, fits: bool) -> None:
    assert allows(pattern, path.split("/")) is fits


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        (".env*", "x/.ENVRC", True),
        ("*key*", "x/Keys/a.py", True),
        ("data/raw", "data/raw/x.csv", True),
        ("data/raw", "data/rawer/x.csv", False),
        ("data/raw/", "DATA/raw", True),
        ("prod", "conf/prod/a.yaml", True),
        ("prod", "production.yaml", False),
    ],
)
def test_patterns_that_deny(pattern: str, path: str, fits: bool) -> None:
    assert denies(pattern, path.split("/")) is fits


def test_reading_the_policy_of_a_project_opens_no_pipe(root: Path) -> None:
    put(root, {"train.py": "import pipe\nopen('pipe.yaml')"})
    os.mkfifo(root / "pipe.py")
    os.mkfifo(root / "pipe.yaml")
    assert allowed(root, "python", "train.py") == ["train.py"]


def test_every_rule_that_refuses_is_documented() -> None:
    base = Path(__file__).resolve().parents[3]
    sources = ("rules", "paths", "write", "snapshot")
    text = "".join((base / "src" / "opengraphs" / "guard" / f"{name}.py").read_text() for name in sources)
    rules = set(re.findall(r'(?:refused|Finding)\(\s*"(\w+)"', text))
    page = (base / "docs" / "agent.md").read_text()
    assert len(rules) > 25
    assert [rule for rule in sorted(rules) if f"`{rule}`" not in page] == []


def test_every_name_that_is_never_touched_is_documented() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "agent.md").read_text()
    assert [name for name in ALWAYS_DENIED if name.strip("*.") and name.strip("*") not in page] == []
