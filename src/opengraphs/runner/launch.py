"""Start a training under a runner: the parent's side, imported by the command line.

    spec = create_run(["python", "train.py"], control_socket=paths.control_socket, …)
    started = launch(spec)              # returns once the training really runs
    run_to_end(spec["run_dir"], spec["control_socket"], sys.stdout.buffer)

`create_run` makes the folder and run.json and holds the run's lock from the first moment
on, so that no reader ever sees a run that claims to live and does not; `launch` hands
the lock to the runner.
"""

from __future__ import annotations

import fcntl
import json
import marshal
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

from opengraphs.sdk import layout, locks
from opengraphs.sdk.facts import user_name
from opengraphs.sdk.jsonfile import write_json
from opengraphs.sdk.redact import redact_command

from . import commandline, jobs, scope, startup
from .control import Control, ControlError, ExitWaiter, wait_exit
from .foreground import follow_output, forwarded_signals, run_to_end
from .gitfiles import quick_git
from .refusals import LaunchError, explain
from .server import listen

__all__ = [
    "Control",
    "ControlError",
    "ExitWaiter",
    "LaunchError",
    "LaunchSpec",
    "Launched",
    "create_run",
    "discard_run",
    "follow_output",
    "forwarded_signals",
    "launch",
    "run_to_end",
    "wait_exit",
]

_RUNNER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "__main__.py")
HEARTBEAT_S = 15.0
_LOWEST_FD = 10
"""Descriptors are moved above this before a spawn, so that they never are the ones they shall become."""


class LaunchSpec(TypedDict):
    """Everything a runner needs, passed on its standard input."""

    run_dir: str
    store: str
    command: list[str]
    cwd: str
    env: dict[str, str]
    """The user's own; the runner adds what og promises."""
    contract: dict[str, str]
    """What og says about the run this one goes on from; see `environ.CONTRACT`."""
    restart: dict[str, Any] | None
    """How often the runner goes on after a crash; see `restarting.Restart`."""
    control_socket: str
    use_pty: bool
    window: list[int] | None
    """[columns, rows] of the user's terminal; None without one."""
    hooks: bool
    stdout_metrics: bool
    """Look for metrics in what it prints."""
    patterns: list[str]
    """The user's own patterns for that, regular expressions."""
    facts: dict[str, Any]
    """run.json (records.RunFacts) as it stands."""
    heartbeat_s: float
    import_paths: list[str]
    """Where psutil and pynvml may be found."""
    listens: bool
    """The launcher passes a listening control socket."""
    lock_fd: int
    """This process's descriptor on the locked run.lock; -1 once it was handed over."""


class Launched(NamedTuple):
    """A training that runs.

    `warnings` are sentences for the user. `told_fd` is a pipe on which the runner tells
    the end sooner than its socket does; give it to `run_to_end`, or close it.
    """

    run_id: str
    run_dir: str
    control_socket: str
    pid: int
    runner_pid: int
    warnings: tuple[str, ...]
    told_fd: int


def create_run(
    command: Sequence[str],
    *,
    control_socket: Callable[[Path], Path],
    store: str | None = None,
    project: str | None = None,
    name: str | None = None,
    group: str | None = None,
    job_type: str | None = None,
    tags: Sequence[str] = (),
    notes: str = "",
    config: Mapping[str, Any] | None = None,
    parent: Mapping[str, Any] | None = None,
    progress: Mapping[str, Any] | None = None,
    mirror_to: str | None = None,
    alert_rules: Sequence[str] = (),
    cwd: str | None = None,
    env: Mapping[str, str] | None = None,
    contract: Mapping[str, str] | None = None,
    restart: Mapping[str, Any] | None = None,
    use_pty: bool = False,
    window: Sequence[int] | None = None,
    hooks: bool = True,
    stdout_metrics: bool = True,
    patterns: Sequence[str] = (),
    heartbeat_s: float = HEARTBEAT_S,
) -> LaunchSpec:
    """Make a run's folder, lock it, and write its first run.json.

    Args:
        command: program and arguments, at least one word.
        control_socket: run folder → the runner's socket, such as `paths.control_socket`.
        store, project, name: None looks them up as DESIGN section 2 says; the name is the script's.
        config: settings the user gave; they win over those read from the command line.
        cwd, env: the training's; None is this process's own.
        contract: variables about the run that this one goes on from (`environ.CONTRACT`).
        restart: what the runner does after a crash (`restarting.Restart`); None is nothing.
        window: (columns, rows) of the terminal that is looking on.
        mirror_to: the server it shall be forwarded to, as `sdk.forwarding.ask` gives it.
        alert_rules: alert rules of this run alone, one line each, checked already.
        heartbeat_s: how often run.json gets a new `heartbeat_at`.

    Raises:
        OSError: the store is not writable or full. Nothing half-made stays.
    """
    environ = dict(os.environ if env is None else env)
    folder = os.path.abspath(cwd or os.getcwd())
    store_dir = layout.find_store(store, env=environ, cwd=folder)
    run_id, run_dir = _new_folder(store_dir)
    facts: dict[str, Any] = {
        **_facts(list(command), folder, environ, run_id=run_id, name=name),
        "project": layout.find_project(project, env=environ, cwd=folder),
        "group": group,
        "job_type": job_type,
        "tags": list(tags),
        "notes": notes,
        "config": {**commandline.settings(list(command), folder), **_plain(config or {})},
        "parent": dict(parent) if parent else None,
        "progress": dict(progress) if progress else None,
        **({"mirror_to": mirror_to} if mirror_to else {}),
        **({"alert_rules": list(alert_rules)} if alert_rules else {}),
        **_unusual(use_pty=use_pty, hooks=hooks, stdout_metrics=stdout_metrics, patterns=list(patterns)),
    }
    return {
        "run_dir": run_dir,
        "store": store_dir,
        "command": list(command),
        "cwd": folder,
        "env": environ,
        "contract": dict(contract or {}),
        "restart": dict(restart) if restart else None,
        "control_socket": str(control_socket(Path(run_dir))),
        "use_pty": use_pty,
        "window": list(window) if window else None,
        "hooks": hooks,
        "stdout_metrics": stdout_metrics,
        "patterns": list(patterns),
        "facts": facts,
        "heartbeat_s": heartbeat_s,
        "import_paths": [path for path in sys.path if os.path.isabs(path) and path != os.getcwd()],
        "listens": False,
        "lock_fd": _lock_and_write(run_dir, facts),
    }


def _unusual(**options: Any) -> dict[str, dict[str, Any]]:
    """What a run that goes on from this one has to be launched with too."""
    usual = {"use_pty": False, "hooks": True, "stdout_metrics": True, "patterns": []}
    found = {name: value for name, value in options.items() if value != usual[name]}
    return {"launch": found} if found else {}


def _plain(config: Mapping[str, Any]) -> dict[str, Any]:
    """A config as JSON knows it; anything else as its text."""
    plain: dict[str, Any] = json.loads(json.dumps(dict(config), default=str))
    return plain


def _new_folder(store: str) -> tuple[str, str]:
    while True:
        run_id = layout.new_run_id()
        try:
            return run_id, layout.create_run_folder(store, run_id)
        except FileExistsError:  # another run got the same four letters in the same second
            continue


def _lock_and_write(run_dir: str, facts: dict[str, Any]) -> int:
    try:
        lock_fd = os.open(
            os.path.join(run_dir, layout.RUN_LOCK), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644
        )
        locks.try_lock(lock_fd)
        write_json(os.path.join(run_dir, layout.RUN_JSON), facts)
    except OSError:
        _discard_folder(run_dir)
        raise
    return lock_fd


def _facts(
    command: list[str], cwd: str, env: Mapping[str, str], *, run_id: str, name: str | None
) -> dict[str, Any]:
    now = layout.utc_iso()
    return {
        "schema": layout.SCHEMA,
        "run_id": run_id,
        "name": name or f"{commandline.title(command, cwd) or 'run'}-{run_id.rpartition('-')[2]}",
        "status": "running",
        "created_at": now,
        "started_at": None,
        "ended_at": None,
        "heartbeat_at": now,
        "exit_code": None,
        "signal": None,
        "host": layout.host_name(),
        "user": user_name(),
        "pid": None,
        "runner_pid": None,
        "command": redact_command(command),
        "cwd": cwd,
        "script": commandline.script_of(command, cwd),
        "git": quick_git(cwd),
        "python": None,
        "ranks": jobs.rank_facts(env),
        "job": jobs.job_facts(env),
        "source": "run",
        "summary": {},
        "archived": False,
    }


def discard_run(spec: LaunchSpec) -> None:
    """Remove what belongs to a run that never started. What somebody else put into its folder stays."""
    if spec["listens"]:
        _remove(spec["control_socket"])
    _discard_folder(spec["run_dir"])


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass


def _discard_folder(run_dir: str) -> None:
    for name in (layout.RUN_JSON, layout.STDOUT_LOG, layout.RUN_LOCK):
        _remove(os.path.join(run_dir, name))
    for name in (*layout.RUN_FOLDERS, ""):
        try:
            os.rmdir(os.path.join(run_dir, name))
        except OSError:
            continue


def launch(spec: LaunchSpec) -> Launched:
    """Start the runner, and through it the training.

    Returns when the training's program really was executed. From then on nothing
    depends on this process.

    Raises:
        LaunchError: with the reason; the run's folder is removed.
        KeyboardInterrupt: the user gave up; so does the runner.
    """
    place = scope.plan(spec["facts"]["run_id"], spec["env"], user=spec["facts"]["user"])
    warnings = [place.warning] if place.warning else []
    server = _listen(spec, warnings)
    try:
        answer, told_fd = _spawn(spec, place.prefix, server)
        if not answer and place.prefix:  # systemd-run itself failed: better in the session than not at all
            os.close(told_fd)
            answer, told_fd = _spawn(spec, [], server)
            warnings = [*warnings, scope.KILLED]
    finally:
        if server is not None:
            server.close()
        _hand_over_lock(spec)
    if not answer.get("ok"):
        os.close(told_fd)
        if answer.get("stage") != "lock":  # then the folder is somebody else's
            discard_run(spec)
        raise explain(answer, command=spec["command"], cwd=spec["cwd"], run_dir=spec["run_dir"])
    return Launched(
        spec["facts"]["run_id"],
        spec["run_dir"],
        spec["control_socket"],
        int(answer["pid"]),
        int(answer["runner_pid"]),
        tuple(warnings),
        told_fd,
    )


def _listen(spec: LaunchSpec, warnings: list[str]) -> socket.socket | None:
    """The control socket, made here because this process has the modules for it already."""
    try:
        server = listen(spec["control_socket"])
    except OSError as error:
        warnings.append(f"no control socket ({error}): stop this run by sending SIGTERM to its runner_pid")
        return None
    spec["listens"] = True
    return server


def _hand_over_lock(spec: LaunchSpec) -> None:
    """Only close: unlocking would take the lock from the runner too, since both share it."""
    locks.close(spec["lock_fd"])
    spec["lock_fd"] = -1


def _spawn(spec: LaunchSpec, prefix: list[str], server: socket.socket | None) -> tuple[dict[str, Any], int]:
    """Spawn a runner. Returns its answer, empty when it died without one, and the pipe it answers on."""
    spec_read, spec_write = _pipe()
    told_read, told_write = _pipe()
    passed = [_high(spec["lock_fd"]), *([_high(server.fileno())] if server else [])]
    argv = [*prefix, sys.executable, "-I", "-S", _RUNNER, spec["run_dir"]]
    actions: list[tuple[Any, ...]] = [
        (os.POSIX_SPAWN_DUP2, spec_read, startup.SPEC_FD),
        (os.POSIX_SPAWN_DUP2, told_write, startup.TOLD_FD),
        (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        *((os.POSIX_SPAWN_DUP2, fd, startup.LOCK_FD + place) for place, fd in enumerate(passed)),
    ]
    try:
        pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=actions, setsigdef=(signal.SIGPIPE,))
    finally:
        for fd in (spec_read, told_write, *passed):
            os.close(fd)
    try:
        _send(spec_write, spec)
        answer = _receive(told_read)
        _collect(pid)  # the process that was spawned forks the runner and ends
    except BaseException:
        os.close(told_read)
        _abandon(pid)
        raise
    return answer, told_read


def _high(fd: int) -> int:
    """A copy of a descriptor that is none of those it shall become in the runner."""
    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _LOWEST_FD)


def _pipe() -> tuple[int, int]:
    ends = os.pipe()
    high = [_high(fd) for fd in ends]
    for fd in ends:
        os.close(fd)
    return high[0], high[1]


def _abandon(pid: int) -> None:
    """The user interrupted the launch: the runner, in its own session or not yet, ends what it may have begun."""
    for kill in (os.killpg, os.kill):
        try:
            kill(pid, signal.SIGTERM)
        except ProcessLookupError:
            continue
    _collect(pid)


def _collect(pid: int) -> None:
    try:
        os.waitpid(pid, 0)
    except ChildProcessError:  # somebody told this process to ignore SIGCHLD
        pass


def _send(fd: int, spec: LaunchSpec) -> None:
    data = memoryview(marshal.dumps(dict(spec)))
    try:
        while data:
            data = data[os.write(fd, data) :]
    except BrokenPipeError:  # it died; the answer, or its absence, tells
        pass
    finally:
        os.close(fd)


def _receive(fd: int) -> dict[str, Any]:
    """The runner's first line, and not a byte of the next one: a short training may have ended already."""
    line = bytearray()
    while not line.endswith(b"\n"):
        byte = os.read(fd, 1)
        if not byte:
            return {}
        line += byte
    return dict(json.loads(line))
