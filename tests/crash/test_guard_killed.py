"""kill -9 at any step of a write, of an audit's record, of an action over two files."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from guard_kit import SCRIPT, Project, Taken

from opengraphs.guard.audit import Audit, verify
from opengraphs.guard.snapshot import apply, restore
from opengraphs.guard.write import sweep
from opengraphs.redaction import Redactor

AFTER = SCRIPT.replace("0.1", "0.01")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture
def taken(tmp_path: Path) -> Taken:
    return Taken(tmp_path)


def left_over(project: Project) -> list[str]:
    return sorted(path.name for path in project.root.iterdir() if path.name not in ("train.py", "sub"))


WRITE = """
import os, signal, sys
from pathlib import Path
from opengraphs.guard.policy import Policy, open_target
from opengraphs.guard.write import replace

root, call, when, after = Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
target = open_target(Policy(root, ("**",)), "train.py")
real = getattr(os, call)
def killed(*args, **kwargs):
    if call == "open" and not args[1] & os.O_CREAT:
        return real(*args, **kwargs)
    if when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    if call == "write":
        args = (args[0], bytes(args[1])[:7])
    real(*args, **kwargs)
    os.kill(os.getpid(), signal.SIGKILL)
setattr(os, call, killed)
replace(Policy(root, ("**",)), target, after)
"""
WRITE_STEPS = [
    *(
        (call, when)
        for call in ("open", "write", "fchmod", "fsync", "replace")
        for when in ("before", "after")
    ),
]


@pytest.mark.parametrize(("call", "when"), WRITE_STEPS)
def test_killed_at_any_step_the_file_is_the_old_or_the_new(project: Project, call: str, when: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WRITE, str(project.root), call, when, AFTER],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert project.script.read_text() == (AFTER if (call, when) == ("replace", "after") else SCRIPT)
    left = left_over(project)
    assert sweep(project.policy, "train.py") == left
    assert left_over(project) == []


AUDIT = """
import os, signal, sys
from pathlib import Path
from opengraphs.guard.audit import Audit
from opengraphs.redaction import Redactor

folder, call, at, part = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
real, calls = getattr(os, call), []
def killed(*args, **kwargs):
    calls.append(1)
    if len(calls) == at:
        if part == "half":
            real(args[0], bytes(args[1])[: len(args[1]) // 2])
        if part == "after":
            real(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*args, **kwargs)
audit = Audit(folder, Redactor())
setattr(os, call, killed)
audit.append("plan", text="x" * 9000)
audit.append("verdict", decision="allow")
"""
AUDIT_STEPS = [
    *(("write", at, part) for at in range(1, 6) for part in ("before", "half", "after")),
    *(("fsync", at, part) for at in range(1, 5) for part in ("before", "after")),
]


@pytest.mark.parametrize(("call", "at", "part"), AUDIT_STEPS)
def test_killed_at_any_step_the_chain_holds(tmp_path: Path, call: str, at: int, part: str) -> None:
    folder = tmp_path / "agent"
    with Audit(folder, Redactor()) as audit:
        audit.append("prompt", text="why?")
    done = subprocess.run(
        [sys.executable, "-c", AUDIT, str(folder), call, str(at), part],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert verify(folder).intact
    with Audit(folder, Redactor()) as audit:
        last = audit.append("recovery", text="up again")
    assert verify(folder) == (last, True, "")


APPLY = """
import os, signal, sys
from pathlib import Path
from opengraphs.guard.policy import Policy
from opengraphs.guard.snapshot import apply, load

root, agent, call, at = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
snapshot = load(agent, "a1")
real, calls = getattr(os, call), []
def killed(*args, **kwargs):
    calls.append(1)
    if len(calls) == at:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*args, **kwargs)
setattr(os, call, killed)
apply(Policy(root, ("**",)), snapshot)
"""


@pytest.mark.parametrize(("call", "at"), [("replace", 1), ("replace", 2), ("fsync", 2), ("fsync", 4)])
@pytest.mark.parametrize("way", [apply, restore], ids=lambda call: call.__name__)
def test_killed_between_two_files_it_can_be_finished_or_undone(
    taken: Taken, call: str, at: int, way: Callable[..., Any]
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", APPLY, str(taken.root), str(taken.agent), call, str(at)],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert all(text in (SCRIPT, AFTER) for text in taken.texts())
    way(taken.policy, taken.snapshot)
    assert taken.texts() == [AFTER if way is apply else SCRIPT] * 2
    assert [path.name for path in taken.root.rglob(".*")] == []
