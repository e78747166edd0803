"""No spelling, no link and no race leads out of the project, or to what is denied in it."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from guard_kit import SCRIPT, Project, rule_of

from opengraphs.guard.paths import open_readable, open_target
from opengraphs.guard.policy import Policy, Refused
from opengraphs.guard.write import replace

SPELLINGS = [
    ("", "empty"),
    ("/etc/passwd", "absolute"),
    ("//etc/passwd", "absolute"),
    ("..", "dotdot"),
    ("../outside/train.py", "dotdot"),
    ("sub/../train.py", "dotdot"),
    ("sub/../../outside/train.py", "dotdot"),
    ("train.py/..", "dotdot"),
    ("train.py\0.txt", "nul"),
    ("..\\outside\\train.py", "backslash"),
    ("sub\\model.py", "backslash"),
    ("C:\\train.py", "backslash"),
    (".", "not_normal"),
    ("./train.py", "not_normal"),
    ("sub//model.py", "not_normal"),
    ("sub/./model.py", "not_normal"),
    ("train.py/", "not_normal"),
    (" train.py", "not_normal"),
    ("train.py ", "not_normal"),
    ("sub /model.py", "not_normal"),
    ("ｔrain.py", "unicode"),
    ("．．/outside/train.py", "unicode"),
    ("sub∕model.py", "not_found"),
    ("tra\u200bin.py", "unicode"),
    ("\u202etrain.py", "unicode"),
    ("train.py\n", "unicode"),
    ("train\x1b[2J.py", "unicode"),
    ("train\udcff.py", "unicode"),
    ("cafe\u0301.py", "unicode"),
    ("x" * 256, "too_long"),
    ("x/" * 2100 + "y", "too_long"),
    ("TRAIN.py", "spelling"),
    ("Sub/model.py", "spelling"),
    ("nowhere.py", "not_found"),
    ("nowhere/model.py", "not_found"),
    ("train.py/model.py", "not_folder"),
    ("sub", "not_regular"),
    ("~/train.py", "not_found"),
    ("$HOME/train.py", "not_found"),
]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.mark.parametrize(("path", "rule"), SPELLINGS, ids=[ascii(path)[:40] for path, _ in SPELLINGS])
def test_no_spelling_leads_elsewhere(project: Project, path: str, rule: str) -> None:
    before = project.seen_outside()
    assert rule_of(lambda: open_target(project.policy, path)) == rule
    assert rule_of(lambda: open_readable(project.policy, path)) == rule
    assert project.seen_outside() == before


DENIED = [
    ".git/config",
    ".git/hooks/pre-commit",
    "sub/.git/config",
    ".opengraphs/runs/x/run.json",
    ".og/STOP",
    ".env",
    ".env.local",
    ".ENV",
    "sub/.env",
    ".ssh/config",
    ".netrc",
    "id_rsa",
    "id_ed25519.pub",
    "server.pem",
    "SERVER.PEM",
    "api_key.txt",
    "ApiKeys.json",
    "my-secrets.yaml",
    "credentials.json",
    "venv/lib/x.py",
    ".venv/lib/x.py",
    "lib/site-packages/torch/optim.py",
    "node_modules/x/index.js",
    "__pycache__/train.cpython-311.pyc",
    "og.toml",
    "OG.toml",
    ".train.py.og-0123456789ab.tmp",
]


@pytest.mark.parametrize("path", DENIED)
def test_what_is_denied_is_denied_whatever_is_allowed(project: Project, path: str) -> None:
    file = project.root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("x = 1\n")
    policy = project.policy._replace(allowed=("**", path), denied=())
    assert rule_of(lambda: open_target(policy, path)) == "denied"
    assert rule_of(lambda: open_readable(policy, path)) == "denied"


def _symlink(project: Project) -> str:
    (project.root / "link.py").symlink_to(project.outside / "train.py")
    return "link.py"


def _inner_symlink(project: Project) -> str:
    (project.root / "link.py").symlink_to("train.py")
    return "link.py"


def _dangling(project: Project) -> str:
    (project.root / "link.py").symlink_to("nothing")
    return "link.py"


def _loop(project: Project) -> str:
    (project.root / "link.py").symlink_to("link.py")
    return "link.py"


def _linked_folder(project: Project) -> str:
    (project.root / "linked").symlink_to(project.outside)
    return "linked/train.py"


def _linked_upwards(project: Project) -> str:
    (project.root / "sub" / "up").symlink_to("..")
    return "sub/up/train.py"


def _hard_link(project: Project) -> str:
    os.link(project.outside / "train.py", project.root / "hard.py")
    return "hard.py"


def _fifo(project: Project) -> str:
    os.mkfifo(project.root / "pipe.py")
    return "pipe.py"


def _socket(project: Project) -> str:
    with socket.socket(socket.AF_UNIX) as server:
        here = os.open(project.root, os.O_RDONLY)
        server.bind(f"/proc/self/fd/{here}/sock.py")
        os.close(here)
    return "sock.py"


def _folder(project: Project) -> str:
    (project.root / "dir.py").mkdir()
    return "dir.py"


def _large(project: Project) -> str:
    (project.root / "large.py").write_bytes(b"#" * ((1 << 20) + 1))
    return "large.py"


def _latin(project: Project) -> str:
    (project.root / "latin.py").write_bytes("é".encode("latin-1"))
    return "latin.py"


def _utf16(project: Project) -> str:
    (project.root / "wide.py").write_bytes("x = 1\n".encode("utf-16"))
    return "wide.py"


def _binary(project: Project) -> str:
    (project.root / "model.bin").write_bytes(b"PK\0\0")
    return "model.bin"


def _case_twin(project: Project) -> str:
    (project.root / "Train.py").write_text(SCRIPT)
    return "train.py"


def _wide_twin(project: Project) -> str:
    (project.root / "ｔrain.py").write_text(SCRIPT)
    return "train.py"


def _folder_twin(project: Project) -> str:
    (project.root / "SUB").mkdir()
    return "sub/model.py"


def _only_otherwise_spelled(project: Project) -> str:
    (project.root / "ﬁt.py").write_text(SCRIPT)
    return "fit.py"


KINDS: list[tuple[Callable[[Project], str], str]] = [
    (_symlink, "symlink"),
    (_inner_symlink, "symlink"),
    (_dangling, "symlink"),
    (_loop, "symlink"),
    (_linked_folder, "symlink"),
    (_linked_upwards, "symlink"),
    (_hard_link, "hard_link"),
    (_fifo, "not_regular"),
    (_socket, "not_regular"),
    (_folder, "not_regular"),
    (_large, "too_big"),
    (_latin, "not_utf8"),
    (_utf16, "not_utf8"),
    (_binary, "binary"),
    (_case_twin, "lookalike"),
    (_wide_twin, "lookalike"),
    (_folder_twin, "lookalike"),
    (_only_otherwise_spelled, "spelling"),
]


@pytest.mark.parametrize(("make", "rule"), KINDS, ids=[make.__name__.strip("_") for make, _ in KINDS])
def test_only_plain_text_files_of_one_name_are_opened(
    project: Project, make: Callable[[Project], str], rule: str
) -> None:
    path = make(project)
    before = project.seen_outside()
    assert rule_of(lambda: open_target(project.policy, path)) == rule
    assert rule_of(lambda: open_readable(project.policy, path)) == rule
    assert project.seen_outside() == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_file_of_somebody_else_is_not_opened(project: Project) -> None:
    os.chown(project.script, 12345, -1)
    assert rule_of(lambda: open_target(project.policy, "train.py")) == "other_owner"


def test_a_file_of_somebody_else_is_told_by_the_user_id(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4321)
    assert rule_of(lambda: open_target(project.policy, "train.py")) == "other_owner"


@pytest.mark.parametrize("device", ["/dev/null", "/dev/zero", "/dev/full", "/proc/self/mem"])
def test_a_device_is_no_file(device: str) -> None:
    root, name = os.path.split(device)
    policy = Policy(Path(os.path.realpath(root)), ("**",))
    assert rule_of(lambda: open_target(policy, name)) in ("not_regular", "not_utf8", "unreadable")


def test_a_project_behind_a_link_is_not_entered(project: Project, tmp_path: Path) -> None:
    (tmp_path / "door").symlink_to(project.root)
    policy = project.policy._replace(root=tmp_path.resolve() / "door")
    assert rule_of(lambda: open_target(policy, "train.py")) == "root"


@pytest.mark.parametrize("root", [Path("/"), Path("relative"), Path("/nowhere/at/all")])
def test_without_a_project_nothing_is_opened(root: Path) -> None:
    assert rule_of(lambda: open_target(Policy(root, ("**",)), "etc/passwd")) == "root"


def test_a_file_that_is_not_allowed_can_be_read_and_not_changed(project: Project) -> None:
    policy = project.policy._replace(allowed=("train.py",))
    assert open_readable(policy, "sub/model.py") == SCRIPT
    assert rule_of(lambda: open_target(policy, "sub/model.py")) == "not_allowed"
    narrow = policy._replace(wide_reads=False)
    assert rule_of(lambda: open_readable(narrow, "sub/model.py")) == "not_allowed"
    assert open_readable(narrow, "train.py") == SCRIPT


def test_a_target_says_what_the_file_is(project: Project) -> None:
    project.script.write_bytes(b"\xef\xbb\xbfx = 1\r\n# \xc3\xa9\n")
    project.script.chmod(0o750)
    target = open_target(project.policy, "train.py")
    assert (target.path, target.text, target.mode) == ("train.py", "\ufeffx = 1\r\n# é\n", 0o750)
    assert target.inode == project.script.stat().st_ino


def test_no_descriptor_stays_open(project: Project) -> None:
    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))

    made = (_symlink, _linked_folder, _hard_link, _fifo, _folder, _large, _latin, _binary)
    paths = ["train.py", *(path for path, _ in SPELLINGS), *(make(project) for make in made)]
    before = descriptors()
    for path in paths:
        rule_of(lambda path=path: open_target(project.policy, path))  # type: ignore[misc]
    assert descriptors() == before


@pytest.mark.parametrize("what", ["file", "folder", "hard"])
def test_names_that_change_all_the_time_lead_nowhere_else(project: Project, what: str) -> None:
    """Somebody swaps the folder, or the file, for a link to the outside and back, as fast as they can."""
    inside, kept = (project.root / "sub", project.root / "kept")
    file = inside / "model.py"
    before, stop = project.seen_outside(), threading.Event()

    def swap_folder() -> None:
        os.rename(inside, kept)
        os.symlink(project.outside, inside)
        os.unlink(inside)
        os.rename(kept, inside)

    def swap_file() -> None:
        os.symlink(project.outside / "train.py", inside / "new")
        os.replace(inside / "new", file)
        (inside / "new").write_text(SCRIPT)
        os.replace(inside / "new", file)

    def swap_hard() -> None:
        os.link(project.outside / "train.py", inside / "new")
        os.replace(inside / "new", file)
        (inside / "new").write_text(SCRIPT)
        os.replace(inside / "new", file)

    swap = {"file": swap_file, "folder": swap_folder, "hard": swap_hard}[what]

    def swapping() -> None:
        while not stop.is_set():
            swap()

    thread = threading.Thread(target=swapping)
    thread.start()
    try:
        tries, path = 0, "sub/model.py"
        while tries < 150:
            tries += 1
            try:
                replace(project.policy, open_target(project.policy, path), f"lr = {tries}\n")
            except Refused:
                pass
    finally:
        stop.set()
        thread.join()
    assert project.seen_outside() == before
