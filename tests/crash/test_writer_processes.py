"""The SDK in real processes: how they end, fork, thread, are interrupted and what they load."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "src" / "opengraphs"
HOOKS = PACKAGE / "hooks"


def environment(store: Path, **more: str) -> dict[str, str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("OG_")}
    return {**env, "OG_STORE": str(store), **more}


def python(
    code: str, store: Path, *arguments: str, interpreter: str = sys.executable, **env: str
) -> subprocess.CompletedProcess[str]:
    """Run a script text; standard error must be empty unless the test looks at it."""
    return subprocess.run(
        [interpreter, "-c", textwrap.dedent(code), *arguments],
        env=environment(store, **env),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def run_dirs(store: Path) -> list[Path]:
    return sorted((store / "runs").iterdir())


def only_run(store: Path) -> Path:
    (found,) = run_dirs(store)
    return found


def end_of(store: Path) -> tuple[Any, Any, str]:
    """(code, signal, status in run.json); None for code and signal when there is no end record."""
    folder = only_run(store)
    status = json.loads((folder / "run.json").read_bytes())["status"]
    if not (folder / "exit.json").exists():
        return None, None, status
    end = json.loads((folder / "exit.json").read_bytes())
    return end["code"], end["signal"], status


def steps_of(path: Path) -> list[int]:
    lines = path.read_bytes().rstrip(b"\0").splitlines()
    return [record["step"] for record in map(json.loads, lines) if "step" in record]


# -- how a process ends ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("last_words", "code", "end"),
    [
        ("pass", 0, (0, None, "finished")),
        ("sys.exit()", 0, (0, None, "finished")),
        ("sys.exit(3)", 3, (3, None, "failed")),
        ("sys.exit(259)", 3, (3, None, "failed")),
        ("sys.exit('no good')", 1, (1, None, "failed")),
        ("1 / 0", 1, (1, None, "failed")),
        ("raise KeyboardInterrupt", -2, (None, 2, "failed")),
        ("og.finish(); sys.exit(5)", 5, (0, None, "finished")),
        ("og.finish(exit_code=4)", 0, (4, None, "failed")),
        ("os._exit(6)", 6, (None, None, "running")),
        ("os.kill(os.getpid(), signal.SIGTERM)", -15, (None, None, "running")),
        (
            "import threading; t = threading.Thread(target=sys.exit, args=(3,)); t.start(); t.join()",
            0,
            (0, None, "finished"),
        ),
        ("atexit.register(og.log, {'late': 1.0})", 0, (0, None, "finished")),
    ],
)
def test_end_of_the_process_is_the_end_of_the_run(
    tmp_path: Path, last_words: str, code: int, end: tuple[Any, Any, str]
) -> None:
    script = "import atexit, os, signal, sys, opengraphs as og\nog.init()\nog.log({'a': 1.0})\n" + last_words
    done = python(script, tmp_path)
    assert done.returncode == code
    assert end_of(tmp_path) == end
    assert steps_of(only_run(tmp_path) / "metrics" / "a0-r0.jsonl")[0] == 0
    assert "og: " not in done.stderr


def test_excepthook_of_the_script_is_called_too(tmp_path: Path) -> None:
    code = """
        import sys, opengraphs as og
        sys.excepthook = lambda kind, *_: print("mine", kind.__name__)
        og.init()
        1 / 0
    """
    assert python(code, tmp_path).stdout == "mine ZeroDivisionError\n"
    assert end_of(tmp_path)[0] == 1


def test_interpreter_ends_quietly_while_the_keeper_is_at_work(tmp_path: Path) -> None:
    code = """
        import opengraphs as og
        from opengraphs.sdk import keeper
        keeper.PERIOD_S = 0.0001
        og.init()
        for step in range(3000):
            og.log({"a": 1.0}, step=step)
    """
    for attempt in range(5):
        done = python(code, tmp_path / str(attempt))
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert len(steps_of(only_run(tmp_path / str(attempt)) / "metrics" / "a0-r0.jsonl")) == 3000


def test_init_while_the_interpreter_ends_still_records(tmp_path: Path) -> None:
    code = """
        import atexit, opengraphs as og
        def late():
            og.init()
            og.log({"a": 1.0}, step=7)
            og.finish()
        atexit.register(late)
    """
    done = python(code, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert steps_of(only_run(tmp_path) / "metrics" / "a0-r0.jsonl") == [7]


def test_training_is_not_kept_alive_by_the_sdk(tmp_path: Path) -> None:
    code = "import opengraphs as og, opengraphs.sdk.journal as j\nkept = j.Journal('.', 'w', mode='mapped', upkeep=True)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment(tmp_path), timeout=30, capture_output=True
    )
    assert (done.returncode, done.stderr) == (0, b"")


# -- threads, signals, forks -----------------------------------------------------------------------


def test_four_threads_of_twenty_thousand_calls(tmp_path: Path) -> None:
    code = """
        import threading, opengraphs as og
        run = og.init()
        def work(number):
            for step in range(20_000):
                run.log({"t%d" % number: 1.0}, step=step)
        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for t in threads: t.start()
        for t in threads: t.join()
    """
    done = python(code, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    seen: dict[str, list[int]] = {}
    for line in (only_run(tmp_path) / "metrics" / "a0-r0.jsonl").read_bytes().splitlines():
        record = json.loads(line)
        if "metrics" in record:
            seen.setdefault(next(iter(record["metrics"])), []).append(record["step"])
    assert seen == {f"t{number}": list(range(20_000)) for number in range(4)}


@pytest.mark.parametrize("mode", ["mapped", "append"])
def test_signal_handler_that_logs_while_the_main_code_logs(tmp_path: Path, mode: str) -> None:
    code = """
        import signal, opengraphs as og
        run = og.init()
        calls, is_over = 0, False
        def handle(_number, _frame):
            global calls
            run.log({"handler": 1.0}, step=calls)
            calls += 1
            if not is_over:
                signal.setitimer(signal.ITIMER_REAL, 0.00003)
        signal.signal(signal.SIGALRM, handle)
        signal.setitimer(signal.ITIMER_REAL, 0.00003)
        for step in range(20_000):
            run.log({"main": 1.0, "pad/" + "x" * 200: 2.0}, step=step)
        is_over = True
        signal.setitimer(signal.ITIMER_REAL, 0)
        og.finish()
        print(calls)
    """
    done = python(code, tmp_path, OG_JOURNAL=mode)
    assert done.stderr == ""
    steps: dict[bool, list[int]] = {True: [], False: []}
    for line in (only_run(tmp_path) / "metrics" / "a0-r0.jsonl").read_bytes().splitlines():
        record = json.loads(line or b"{}")  # a handler inside a write may leave an empty line
        if "metrics" in record:
            steps["main" in record["metrics"]].append(record["step"])
    assert steps[True] == list(range(20_000))
    assert sorted(steps[False]) == list(range(int(done.stdout)))
    assert int(done.stdout) > 100


@pytest.mark.parametrize("mode", ["mapped", "append"])
def test_forked_child_writes_its_own_journal(tmp_path: Path, mode: str) -> None:
    code = """
        import os, sys, opengraphs as og
        run = og.init(config={"a": 1})
        for step in range(1000):
            run.log({"parent": 1.0}, step=step)
        child = os.fork()
        if child == 0:
            for step in range(2000):
                run.log({"child": 1.0}, step=step)
            og.config.from_child = 1
            sys.exit(9)
        for step in range(1000, 3000):
            run.log({"parent": 1.0}, step=step)
        _, status = os.waitpid(child, 0)
        print(child, os.WEXITSTATUS(status))
    """
    done = python(code, tmp_path, OG_JOURNAL=mode)
    assert done.stderr == ""
    child, status = done.stdout.split()
    folder = only_run(tmp_path)
    assert status == "9"
    assert end_of(tmp_path) == (0, None, "finished")
    assert steps_of(folder / "metrics" / "a0-r0.jsonl") == list(range(3000))
    assert steps_of(folder / "metrics" / f"a0-r0-f{child}.jsonl") == list(range(2000))
    assert b"from_child" in (folder / "events" / f"a0-r0-f{child}.jsonl").read_bytes()
    assert {path.name for path in folder.rglob("*.jsonl") if b"\0" in path.read_bytes()} == set()


def test_child_forked_in_the_middle_of_everything_never_hangs(tmp_path: Path) -> None:
    """Threads log and windows change while the main thread forks; each child logs and leaves."""
    code = """
        import os, threading, opengraphs as og
        run = og.init()
        ended = threading.Event()
        def work():
            while not ended.is_set():
                run.log({"x/" + "y" * 3000: 1.0})
        threads = [threading.Thread(target=work) for _ in range(2)]
        for t in threads: t.start()
        for _ in range(20):
            child = os.fork()
            if child == 0:
                run.log({"child": 1.0}, step=0)
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
        ended.set()
        for t in threads: t.join()
    """
    done = python(code, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    children = list((only_run(tmp_path) / "metrics").glob("a0-r0-f*.jsonl"))
    assert len(children) == 20
    assert all(steps_of(path) == [0] for path in children)


def test_parents_journal_is_free_when_the_parent_dies_before_its_child(tmp_path: Path) -> None:
    """A data loader worker must not look like a living training."""
    code = """
        import os, sys, opengraphs as og
        run = og.init()
        run.log({"a": 1.0})
        ready, say_ready = os.pipe()
        if os.fork() == 0:
            os.close(1)
            os.write(say_ready, b"x")
            sys.stdin.readline()
            os._exit(0)
        os.read(ready, 1)
        print(run.dir, flush=True)
        os.kill(os.getpid(), 9)
    """
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=environment(tmp_path),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    folder = Path(parent.stdout.readline().strip())
    parent.wait(30)
    for path in (folder / "run.lock", folder / "metrics" / "a0-r0.jsonl"):
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    parent.communicate("end\n", timeout=30)


def test_multiprocessing_workers_log_into_the_run(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent("""
        import multiprocessing as mp, opengraphs as og
        run = None
        def work(number):
            run.log({"worker": float(number)}, step=number)
            return number
        if __name__ == "__main__":
            run = og.init()
            with mp.get_context("fork").Pool(2) as pool:
                print(sum(pool.map(work, range(20))))
        """)
    )
    done = subprocess.run(
        [sys.executable, str(script)],
        env=environment(tmp_path / "store"),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.stdout, done.returncode) == ("190\n", 0)
    folder = only_run(tmp_path / "store") / "metrics"
    assert sorted(step for path in folder.glob("a0-r0-f*.jsonl") for step in steps_of(path)) == list(
        range(20)
    )


def test_ranks_started_at_once_write_one_run(tmp_path: Path) -> None:
    code = "import opengraphs as og\nrun = og.init()\nfor i in range(50): og.log({'a': 1.0})\nprint(run.dir)"
    shared = {"WORLD_SIZE": "4", "MASTER_ADDR": "localhost", "MASTER_PORT": "29500"}
    ranks = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            env=environment(tmp_path, RANK=str(rank), **shared),
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in range(4)
    ]
    folders = {rank.communicate(timeout=60)[0].strip() for rank in ranks}
    assert len(folders) == 1
    (folder,) = folders
    assert sorted(path.name for path in Path(folder, "metrics").iterdir()) == [
        f"a0-r{n}.jsonl" for n in range(4)
    ]
    assert json.loads(Path(folder, "exit.json").read_bytes())["code"] == 0


# -- what is loaded, and by whom -----------------------------------------------------------------------


def test_sdk_loads_nothing_heavy(tmp_path: Path) -> None:
    """Not on import, and without orjson and msgspec not in a whole run either."""
    code = """
        import sys
        before = set(sys.modules)
        import opengraphs as og
        bare = set(sys.modules) - before
        og.log
        imported = set(sys.modules) - before
        sys.modules["orjson"] = sys.modules["msgspec"] = None
        og.init(config={"a": 1})
        og.log({"a": 1.0, "b": None})
        og.sample(a=1)
        og.finish()
        used = set(sys.modules) - before
        import json
        print(json.dumps([sorted(bare), sorted(imported), sorted(used)]))
    """
    done = subprocess.run(
        [sys.executable, "-I", "-c", textwrap.dedent(code)],
        env=environment(tmp_path),
        capture_output=True,
        check=True,
    )
    bare, imported, used = (set(names) for names in json.loads(done.stdout))
    assert {name for name in bare if name.split(".")[0] != "opengraphs"} <= {"__future__"}
    heavy = {
        "typing",
        "dataclasses",
        "inspect",
        "subprocess",
        "logging",
        "pathlib",
        "tempfile",
        "random",
        "numpy",
    }
    heavy |= {"socket", "threading", "asyncio", "ctypes", "hashlib", "uuid", "datetime", "shutil", "click"}
    assert used & heavy == set()
    assert imported & {"json", "re", "orjson", "msgspec", "functools"} == set()


def interpreters() -> Sequence[str | None]:
    """Other Pythons on this machine, from 3.8 on: on the path, or in pyenv's folder."""
    found = []
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for minor in range(8, 16):
        on_path = shutil.which(f"python3.{minor}")
        candidates = [
            *([on_path] if on_path else []),
            *sorted(map(str, pyenv.glob(f"3.{minor}.*/bin/python"))),
        ]
        for candidate in candidates:
            answer = subprocess.run([candidate, "-c", "print(1)"], capture_output=True, check=False)
            if answer.stdout == b"1\n":
                found.append(candidate)
                break
    return found


@pytest.mark.parametrize("interpreter", interpreters() or [None], ids=lambda path: str(path).split("/")[-3])
def test_bare_python_uses_the_sdk_under_og_run(tmp_path: Path, interpreter: str | None) -> None:
    """Nothing is installed there: the hooks folder brings the SDK along."""
    if interpreter is None:
        pytest.skip("no other Python on this machine")
    folder = tmp_path / "store" / "runs" / "r1"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text('{"run_id": "r1", "name": "n", "project": "p"}')
    code = """
        import opengraphs as og, os, sys
        import opengraphs.sdk.layout
        run = og.init(config={"lr": 0.1})
        for step in range(2000):
            og.log({"loss": 1.0 / (1 + step), "nested": {"x": True}}, step=step)
            og.log({"fast": 0.5}, step=step)
        og.log({"odd": float("nan"), "none": None, "pic": og.Image([[1, 2]])})
        og.summary["best"] = 1
        og.checkpoint(__file__ if "__file__" in globals() else sys.executable)
        if hasattr(os, "fork"):
            child = os.fork()
            if child == 0:
                og.log({"child": 1.0}, step=1)
                os._exit(0)
            os.waitpid(child, 0)
        print(og.__file__)
    """
    done = python(
        code,
        tmp_path / "store",
        interpreter=interpreter,
        OG_RUN_DIR=str(folder),
        OG_RUN_ID="r1",
        PYTHONPATH=str(HOOKS),
        OG_JOURNAL="mapped",
        PYTHONWARNINGS="error",
    )
    assert done.stderr == "og: none cannot be logged and is left out: None (NoneType is not a number)\n"
    assert done.stdout.strip() == str(PACKAGE / "__init__.py")
    assert steps_of(folder / "metrics" / "a0-r0.jsonl") == [n for n in range(2000) for _ in (0, 1)] + [2000]
    assert [path.name for path in (folder / "metrics").glob("a0-r0-f*")] != []
    assert b'"active":["sitecustomize"]' in (folder / "events" / "a0-r0.jsonl").read_bytes()
    assert not (folder / "hooks.log").exists()


# -- hooks ------------------------------------------------------------------------------------------------


def hooked(tmp_path: Path, *, users: str | None, path: list[str] | None = None, **env: str) -> Any:
    """Start a Python with the hooks first on its path, and the user's own sitecustomize behind."""
    own = tmp_path / "own"
    own.mkdir(exist_ok=True)
    if users is not None:
        (own / "sitecustomize.py").write_text(users)
    folders = [str(HOOKS), str(own)] if path is None else path
    code = "import sys, sitecustomize; print(sitecustomize.__file__, getattr(sys, 'mine', 0), getattr(sys, '_opengraphs_hooks', None))"
    return python(code, tmp_path / "store", PYTHONPATH=os.pathsep.join(folders), **env)


def test_users_own_sitecustomize_runs_as_if_ours_were_not_there(tmp_path: Path) -> None:
    done = hooked(
        tmp_path, users="import sys\nsys.mine = getattr(sys, 'mine', 0) + 1\n", OG_RUN_DIR=str(tmp_path)
    )
    file, count, hooks = done.stdout.split(maxsplit=2)
    assert file == str(tmp_path / "own" / "sitecustomize.py")
    assert (count, hooks.strip(), done.stderr) == ("1", "['sitecustomize']", "")


def test_hooks_do_nothing_outside_a_run(tmp_path: Path) -> None:
    done = hooked(tmp_path, users=None)
    assert done.stdout.split(maxsplit=1)[1].strip() == "0 None"
    assert done.stderr == ""


def test_hooks_folder_twice_on_the_path_does_not_loop(tmp_path: Path) -> None:
    again = os.path.join(str(HOOKS), os.pardir, "hooks")
    done = hooked(
        tmp_path, users=None, path=[str(HOOKS), again, str(HOOKS) + os.sep], OG_RUN_DIR=str(tmp_path)
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_users_sitecustomize_that_fails_fails_as_it_would_alone(tmp_path: Path) -> None:
    with_ours = hooked(tmp_path, users="raise RuntimeError('theirs')", OG_RUN_DIR=str(tmp_path))
    alone = hooked(tmp_path, users="raise RuntimeError('theirs')", path=[str(tmp_path / "own")])
    assert "RuntimeError: theirs" in with_ours.stderr
    assert "RuntimeError: theirs" in alone.stderr
    assert with_ours.stderr.splitlines()[0] == alone.stderr.splitlines()[0]
    assert not (tmp_path / "hooks.log").exists()


def test_trouble_of_the_hooks_goes_to_the_runs_hook_log(tmp_path: Path) -> None:
    own = "import sys\nsys._opengraphs_hooks = 5\n"
    done = hooked(tmp_path, users=None, OG_RUN_DIR=str(tmp_path))
    assert done.stderr == ""
    code = f"{own}import runpy; runpy.run_path({str(HOOKS / 'sitecustomize.py')!r}, run_name='sitecustomize')"
    again = python(code, tmp_path / "store", OG_RUN_DIR=str(tmp_path))
    assert again.stderr == ""
    assert "TypeError" in (tmp_path / "hooks.log").read_text()


def test_terminated_training_leaves_a_free_lock_and_whole_lines(tmp_path: Path) -> None:
    code = """
        import sys, opengraphs as og
        run = og.init()
        run.log({"a": 1.0}, step=1)
        print("ready", flush=True)
        sys.stdin.readline()
    """
    training = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=environment(tmp_path),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert training.stdout is not None
    assert training.stdout.readline() == b"ready\n"
    training.send_signal(signal.SIGTERM)
    training.communicate(timeout=30)
    assert training.returncode == -signal.SIGTERM
    assert steps_of(only_run(tmp_path) / "metrics" / "a0-r0.jsonl") == [1]
    assert not (only_run(tmp_path) / "exit.json").exists()
