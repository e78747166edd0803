"""Several processes of one run: each has a journal, and none looks like the restart of another."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hook_kit import SUMMARY_WRITER, Lab

from opengraphs.store.folder import WriterName

LOG = "from tensorboardX.writer import SummaryWriter\nSummaryWriter().add_scalar('x', {value}, 0)\n"


@pytest.fixture(autouse=True)
def library(lab: Lab) -> None:
    lab.library("tensorboardX.writer", SUMMARY_WRITER)


def test_process_beside_a_living_one_has_a_branch_of_its_own(lab: Lab) -> None:
    done = lab.run(f"""
        import subprocess, sys
        from tensorboardX.writer import SummaryWriter
        SummaryWriter().add_scalar("x", 1.0, 0)
        subprocess.run([sys.executable, "-c", {LOG.format(value=2.0)!r}], check=True)
        SummaryWriter().add_scalar("x", 3.0, 1)
    """)
    first, beside = done.writers()
    assert first == "mirror-a0-r0"
    assert beside.startswith("mirror-a0-r0-f")
    assert WriterName.parse(first).branch != WriterName.parse(beside).branch
    assert done.points(beside) == [(0, {"x": 2.0})]
    assert done.points(first) == [(0, {"x": 1.0}), (1, {"x": 3.0})]


def test_process_after_one_that_ended_is_the_next_attempt(lab: Lab) -> None:
    for value in (1.0, 2.0):
        done = lab.run(LOG.format(value=value))
    assert done.writers() == ["mirror-a0-r0", "mirror-a1-r0"]


def test_parent_that_only_parsed_its_settings_leaves_the_name_to_the_child(lab: Lab) -> None:
    done = lab.run(f"""
        import argparse, subprocess, sys
        argparse.ArgumentParser().parse_args()
        subprocess.run([sys.executable, "-c", {LOG.format(value=2.0)!r}], check=True)
    """)
    assert done.writers() == ["mirror-a0-r0"]


def test_forked_child_writes_beside_its_parent(lab: Lab) -> None:
    done = lab.run("""
        import os
        from tensorboardX.writer import SummaryWriter
        w = SummaryWriter()
        w.add_scalar("x", 1.0, 0)
        child = os.fork()
        if child == 0:
            w.add_scalar("x", 2.0, 1)
            os._exit(0)
        os.waitpid(child, 0)
        w.add_scalar("x", 3.0, 2)
    """)
    first, beside = done.writers()
    assert done.points(first) == [(0, {"x": 1.0}), (2, {"x": 3.0})]
    assert done.points(beside) == [(1, {"x": 2.0})]
    assert (done.stderr, done.log) == ("", "")


@pytest.mark.parametrize("method", ["spawn", "forkserver", "fork"])
def test_children_of_multiprocessing_are_captured(lab: Lab, method: str) -> None:
    done = lab.run(f"""
        import multiprocessing
        from tensorboardX.writer import SummaryWriter
        def work(n):
            SummaryWriter().add_scalar("child", float(n), n)
        if __name__ == "__main__":
            SummaryWriter().add_scalar("parent", 0.5, 0)
            context = multiprocessing.get_context("{method}")
            children = [context.Process(target=work, args=(n,)) for n in range(3)]
            [child.start() for child in children]; [child.join() for child in children]
            print([child.exitcode for child in children])
    """)
    assert done.stdout == "[0, 0, 0]\n", done.stderr
    first, *beside = done.writers()
    assert len(beside) == 3
    assert sorted(row for writer in beside for row in done.points(writer)) == [
        (n, {"child": float(n)}) for n in range(3)
    ]
    assert done.points(first) == [(0, {"parent": 0.5})]
    assert done.log == ""


def test_python_child_of_the_users_sitecustomize_does_not_recurse(lab: Lab) -> None:
    (lab.libraries / "sitecustomize.py").write_text(
        "import os, subprocess, sys\n"
        "if not os.environ.get('CHILD'):\n"
        "    subprocess.run([sys.executable, '-c', 'pass'], env={**os.environ, 'CHILD': '1'}, check=True)\n"
    )
    assert lab.run(LOG.format(value=1.0)).points() == [(0, {"x": 1.0})]


def test_training_that_is_killed_loses_nothing_mirrored(lab: Lab) -> None:
    done = lab.run("""
        import os, signal
        from tensorboardX.writer import SummaryWriter
        for n in range(500): SummaryWriter().add_scalar("x", float(n), n)
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    assert [step for step, _ in done.points()] == list(range(500))


def old_pythons() -> list[str]:
    found = []
    for version in ("3.8", "3.9", "3.13"):
        candidates = [
            *map(str, Path.home().glob(f".pyenv/versions/{version}.*/bin/python")),
            *filter(None, [shutil.which(f"python{version}")]),
        ]
        for candidate in candidates:
            answer = subprocess.run([candidate, "-c", "print(1)"], capture_output=True, check=False)
            if answer.stdout == b"1\n":
                found.append(candidate)
                break
    return found


@pytest.mark.parametrize("version", ["2.7", "3.6", "3.7"])
def test_python_that_is_too_old_runs_as_ever(lab: Lab, version: str) -> None:
    found = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    if not found:
        pytest.skip(f"no Python {version} on this machine")
    done = lab.run("print('trained')", interpreter=str(found[0]))
    assert (done.stdout, done.stderr, done.code, done.log) == ("trained\n", "", 0, "")


@pytest.mark.parametrize(
    "interpreter", old_pythons() or [None], ids=lambda path: str(path).split(os.sep)[-3:][0]
)
def test_other_pythons_are_hooked(lab: Lab, interpreter: str | None) -> None:
    if interpreter is None:
        pytest.skip("no other Python on this machine")
    lab.library("wandb.sdk.wandb_run", __import__("hook_kit").WANDB_RUN)
    done = lab.run(
        """
        import argparse
        parser = argparse.ArgumentParser(); parser.add_argument("--lr", type=float, default=0.1); parser.parse_args()
        from tensorboardX.writer import SummaryWriter
        from wandb.sdk.wandb_run import Run
        SummaryWriter().add_scalar("x", 1.5, 2)
        Run().log({"a": 1.0, "n": {"x": float("nan")}})
        """,
        interpreter=interpreter,
        env={"PYTHONWARNINGS": "error"},
    )
    assert (done.stderr, done.log) == ("", "")
    assert done.points() == [(2, {"x": 1.5}), (0, {"a": 1.0, "n.x": "NaN"})]
    assert done.config() == {"lr": 0.1}
