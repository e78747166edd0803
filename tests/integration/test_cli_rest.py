"""init, doctor, config, completion, demo, help, and unknown words, as the installed `og` answers them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from made_runs import make_run
from og_user import OG, ROOT, OgUser

RUN = "20270115-080000-k7f3"


def test_init_makes_a_store_that_git_ignores_and_may_be_asked_twice(user: OgUser) -> None:
    first = user.og("init")
    assert first.returncode == 0, first.stderr
    store = user.work / ".opengraphs"
    assert first.stdout.strip() == str(store)
    assert "*" in (store / ".gitignore").read_text().splitlines()
    (store / ".gitignore").write_text("mine\n")
    assert "was there already" in user.og("init").stderr
    assert (store / ".gitignore").read_text() == "mine\n"
    subprocess.run(["git", "init", "-q", str(user.work)], check=True)
    (store / ".gitignore").unlink()
    user.og("init")
    status = subprocess.run(
        ["git", "-C", str(user.work), "status", "--porcelain"], capture_output=True, text=True, check=True
    )
    assert status.stdout == ""


def test_runs_started_below_a_project_go_to_its_store(user: OgUser) -> None:
    user.og("init")
    below = user.work / "src"
    below.mkdir()
    del user.env["OG_STORE"]
    done = subprocess.run(
        [OG, "run", "--", "true"],
        cwd=below,
        env=user.env,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    (run_dir,) = (user.work / ".opengraphs" / "runs").iterdir()
    assert json.loads((run_dir / "run.json").read_text())["project"] == "src"


def test_init_of_a_folder_that_is_not_there(user: OgUser) -> None:
    done = user.og("init", "nosuch")
    assert done.returncode == 4
    assert "no such folder" in done.stderr


def test_doctor_of_a_healthy_user_has_nothing_to_mend(user: OgUser) -> None:
    make_run(user.store, RUN)
    done = user.og("doctor", "--json")
    checks = json.loads(done.stdout)["checks"]
    assert json.loads(done.stdout)["schema"] == 1
    assert {"id", "status", "message", "fix"} == set(checks[0])
    assert [check for check in checks if check["status"] == "fail"] == []
    assert done.returncode == 0
    assert {"terminal", "store", "sockets", "python", "daemon"} <= {check["id"] for check in checks}
    (python,) = (check for check in checks if check["id"] == "python")
    assert python["status"] == "ok", python


def test_doctor_prints_a_line_a_check_and_a_verdict(user: OgUser) -> None:
    done = user.og("doctor")
    assert done.returncode == 0, done.stdout
    assert "daemon" in done.stdout
    assert done.stderr.startswith(("all is well", "works"))


def test_doctor_fails_where_something_cannot_work(user: OgUser) -> None:
    (Path(user.env["XDG_RUNTIME_DIR"]) / "opengraphs").mkdir()
    (Path(user.env["XDG_RUNTIME_DIR"]) / "opengraphs").chmod(0o755)
    done = user.og("doctor")
    assert done.returncode == 1
    assert "chmod 700" in done.stdout


def test_config_shows_values_and_where_they_come_from(user: OgUser) -> None:
    folder = Path(user.env["XDG_CONFIG_HOME"]) / "opengraphs"
    folder.mkdir()
    (folder / "config.toml").write_text('[ui]\nglyphs = "ascii"\n')
    shown = user.og("config", "show", "--origin", OG_REFRESH_MS="500")
    assert shown.returncode == 0, shown.stderr
    rows = {line.split()[0]: line.split()[1:] for line in shown.stdout.splitlines()}
    assert rows["ui.glyphs"] == ["ascii", str(folder / "config.toml")]
    assert rows["ui.refresh_ms"] == ["500", "environment"]
    assert rows["ui.theme"][-1] == "default"
    settings = {row["name"]: row for row in user.json("config", "show")["settings"]}
    assert settings["ui.glyphs"]["value"] == "ascii"


def test_config_sets_gets_and_takes_back_one_setting(user: OgUser) -> None:
    file = Path(user.env["XDG_CONFIG_HOME"]) / "opengraphs" / "config.toml"
    assert user.og("config", "path").stdout.strip() == str(file)
    file.parent.mkdir()
    file.write_text("# mine\n[ui]\nmouse = false # for tmux\n")
    done = user.og("config", "set", "ui.theme", "light")
    assert done.returncode == 0, done.stderr
    assert done.stderr.strip() == f"ui.theme = light, from {file}"
    assert file.read_text() == '# mine\n[ui]\nmouse = false # for tmux\ntheme = "light"\n'
    assert user.og("config", "get", "ui.theme").stdout == "light\n"
    assert user.og("config", "get", "ui.mouse").stdout == "false\n"
    assert user.og("config", "set", "ui.theme", "--unset").returncode == 0
    assert user.og("config", "get", "ui.theme").stdout == "auto\n"
    assert user.og("config", "set", "--project", "ui.theme", "dark").returncode == 0
    assert (user.work / "og.toml").read_text() == '[ui]\ntheme = "dark"\n'
    rows = [line.split() for line in user.og("config", "list").stdout.splitlines()]
    assert ["ui.theme", "dark", str(user.work / "og.toml")] in rows


def test_config_gives_an_action_other_keys(user: OgUser) -> None:
    file = Path(user.env["XDG_CONFIG_HOME"]) / "opengraphs" / "config.toml"
    assert user.og("config", "get", "keys.graphs.pause").stdout == "p\n"
    assert user.og("config", "set", "keys.graphs.pause", "P,f5").returncode == 0
    assert file.read_text() == '[keys]\n"graphs.pause" = ["P", "f5"]\n'
    assert user.og("config", "get", "keys.graphs.pause").stdout == "P\nf5\n"
    taken = user.og("config", "set", "keys.graphs.smooth", "f5")
    assert taken.returncode == 2
    assert "is given to" in taken.stderr
    assert "graphs.smooth" not in file.read_text()
    assert user.og("config", "set", "keys.graphs.pause", "--unset").returncode == 0
    assert user.og("config", "get", "keys.graphs.pause").stdout == "p\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("set", "keys.graphs.nothing", "p"), "unknown action"),
        (("set", "ui.them", "dark"), "ui.theme"),
        (("set", "ui.theme", "nowhere"), "no theme 'nowhere'"),
        (("set", "ui.refresh_ms", "1"), "between 33 and 60000"),
        (("set", "ui.theme"), "VALUE"),
        (("get", "nothing"), "unknown setting"),
    ],
)
def test_config_says_what_cannot_be(user: OgUser, words: tuple[str, ...], says: str) -> None:
    done = user.og("config", *words)
    assert done.returncode == 2
    assert says in done.stderr
    assert not (Path(user.env["XDG_CONFIG_HOME"]) / "opengraphs" / "config.toml").exists()


def test_damaged_config_is_a_usage_error_that_names_the_file(user: OgUser) -> None:
    folder = Path(user.env["XDG_CONFIG_HOME"]) / "opengraphs"
    folder.mkdir()
    (folder / "config.toml").write_text("[ui\n")
    done = user.og("config", "show")
    assert done.returncode == 2
    assert "config.toml" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script_loads_in_its_shell(user: OgUser, shell: str) -> None:
    script = user.og("completion", shell)
    assert script.returncode == 0
    check = subprocess.run(["sh", "-c", f"command -v {shell}"], capture_output=True, check=False)
    if check.returncode != 0:
        pytest.skip(f"{shell} is not installed")
    done = subprocess.run([shell, "-n"], input=script.stdout, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("og li", ["list", "lineage"]),
        ("og list --sta", ["--status"]),
        ("og show k7", ["k7f3"]),
        ("og daemon st", ["start", "status", "stop"]),
    ],
)
def test_completion_offers_commands_options_and_runs(user: OgUser, typed: str, offered: list[str]) -> None:
    make_run(user.store, RUN)
    done = user.og(_OG_COMPLETE="bash_complete", COMP_WORDS=typed, COMP_CWORD=str(len(typed.split()) - 1))
    assert [line.partition(",")[2] for line in done.stdout.splitlines()] == offered
    assert user.processes() == {}


def test_demo_without_scikit_learn_says_what_to_install(user: OgUser) -> None:
    hide = user.home / "hide"
    hide.mkdir()
    (hide / "sitecustomize.py").write_text("import sys; sys.modules['sklearn'] = None\n")
    done = user.og("demo", PYTHONPATH=str(hide))
    assert done.returncode == 3
    assert "opengraphs[demo]" in done.stderr
    assert user.run_dirs() == []


def test_synonym_is_the_same_program(user: OgUser) -> None:
    done = subprocess.run(
        [OG.with_name("opengraphs"), "--help"],
        env=user.env,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert done.stdout == user.og("--help").stdout
    assert done.stdout.index("Examples:") < done.stdout.index("Commands:")


def test_version_is_that_of_the_distribution(user: OgUser) -> None:
    version = next(
        line for line in (ROOT / "pyproject.toml").read_text().splitlines() if line.startswith("version")
    )
    assert user.og("--version").stdout == f"og {version.split(chr(34))[1]}\n"


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_break_nothing(user: OgUser, closed: str) -> None:
    script = f'"$OG" run -- sh -c "exit 3" {closed}; echo $?'
    done = subprocess.run(
        ["sh", "-c", script],
        env={**user.env, "OG": str(OG)},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert done.stdout == "3\n"
    (run_dir,) = user.run_dirs()
    assert json.loads((run_dir / "exit.json").read_text())["code"] == 3


def test_names_that_no_encoding_knows_are_printed_all_the_same(user: OgUser) -> None:
    odd = b"\xff\xfe.py"
    done = subprocess.run(
        [OG, b"run", odd], env=user.env, cwd=user.work, capture_output=True, check=False, timeout=30
    )
    assert done.returncode == 3
    assert b"script not found" in done.stderr
    ascii_only = user.og("doctor", PYTHONIOENCODING="ascii", LC_ALL="C", PYTHONUTF8="0")
    assert ascii_only.returncode == 0, ascii_only.stderr


BAD: list[tuple[list[str], int, str]] = [
    (["lst"], 2, "did you mean list?"),
    (["frobnicate"], 2, 'no command "frobnicate"'),
    (["no/such/place"], 3, "no such file or folder"),
    (["afile"], 2, "og run afile"),
    (["compare", "./afile", "./afile"], 4, "og attach --source afile"),
    (["list", "--store", "nosuch"], 4, "no such store"),
    (["list", "--store", "afile"], 4, "is a file"),
    (["list", "--limit", "-1"], 2, "--limit"),
    (["list", "--nosuch"], 2, "no option --nosuch"),
    (["show"], 2, "missing argument"),
    (["export", "x", "--format", "yaml"], 2, "--format"),
    (["tail", "./nosuch"], 3, "no such file"),
    (["stop"], 2, "missing argument"),
    (["daemon", "strat"], 2, "strat"),
    (["completion", "tcsh"], 2, "tcsh"),
]
NOTHING_THERE: list[tuple[list[str], int, str]] = [
    (["view", "./afile"], 3, "the file is empty"),
    (["view", "empty"], 4, "neither a run, a store nor a project"),
    (["empty"], 4, "neither a run, a store nor a project"),
    (["list", "empty"], 4, "neither a run, a store nor a project"),
]
"""What is answered only after a look for the runs of other programs, which is ogd's."""


@pytest.mark.parametrize(
    ("words", "code", "says"),
    BAD + NOTHING_THERE,
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_bad_input_is_a_message_a_code_and_no_traceback(
    user: OgUser, words: list[str], code: int, says: str
) -> None:
    (user.work / "afile").touch()
    (user.work / "empty").mkdir()
    done = user.og(*words)
    assert done.returncode == code, done.stderr
    assert done.stderr.startswith("og: ")
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert user.processes() == {} or (words, code, says) in NOTHING_THERE
