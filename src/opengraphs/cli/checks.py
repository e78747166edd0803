"""What `og doctor` looks at on this machine. Each check answers with one line and changes nothing.

The checks of the store's contents (damaged records, seals, file system) are the daemon's
own and come from `GET /doctor`.
"""

from __future__ import annotations

import getpass
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from opengraphs import paths, sockets
from opengraphs.cli import format as fmt
from opengraphs.errors import OgError
from opengraphs.protocol.runs import Check
from opengraphs.runner import scope
from opengraphs.runner.system.facts import host_facts
from opengraphs.tui import terminal

FREE_WARN_BYTES = 2_000_000_000
FREE_FAIL_BYTES = 50_000_000
MIN_INOTIFY = {"max_user_watches": 8192, "max_user_instances": 64}
_PROC_INOTIFY = Path("/proc/sys/fs/inotify")
_PYTHON_TIMEOUT_S = 20.0


def ok(id_: str, message: str) -> Check:
    """Nothing to do."""
    return {"id": id_, "status": "ok", "message": message, "fix": ""}


def warn(id_: str, message: str, fix: str) -> Check:
    """It works, with less than there could be."""
    return {"id": id_, "status": "warn", "message": message, "fix": fix}


def fail(id_: str, message: str, fix: str) -> Check:
    """Something og does cannot work."""
    return {"id": id_, "status": "fail", "message": message, "fix": fix}


def local(store: Path) -> Iterable[Check]:
    """Every check of this machine, in the order of a person's questions."""
    yield check_terminal()
    yield check_store(store)
    yield check_space(store)
    yield check_runtime_dir()
    yield check_python()
    yield from check_machine()
    yield check_login_manager()
    yield check_inotify()
    yield check_agent()


def check_terminal() -> Check:
    """What the views can draw with here."""
    if not sys.stdout.isatty():
        return ok("terminal", "not a terminal: views print plain lines")
    found = terminal.detect()
    facts = f"{found.columns}×{found.rows}, {found.depth} colours, {found.glyphs} glyphs"
    if not found.screen:
        return warn(
            "terminal",
            "TERM says it cannot place text; views print plain lines",
            "set TERM, for example xterm-256color",
        )
    if found.glyphs == "ascii" and not os.environ.get("OG_GLYPHS"):
        return warn(
            "terminal", f"{facts}: the locale is not UTF-8", "export LANG=C.UTF-8, or --glyphs braille"
        )
    if found.tmux and found.depth in ("16", "256"):
        fix = "in tmux.conf: set -as terminal-features ',*:RGB'; in the shell: export COLORTERM=truecolor"
        return warn("terminal", f"{facts}, inside tmux", fix)
    return ok("terminal", facts)


def check_store(store: Path) -> Check:
    """Whether runs can be written where they would go."""
    if store.is_file():
        return fail("store", f"{store} is a file", "choose a folder: --store PATH or OG_STORE")
    folder = _existing(store)
    if not os.access(folder, os.W_OK | os.X_OK):
        fix = "check owner and mode, or choose another: --store PATH or OG_STORE (reading works)"
        return warn("store", f"{store} cannot be written", fix)
    return ok("store", f"{store}{'' if store.exists() else ' (made by the first run)'}")


def check_space(store: Path) -> Check:
    """Room for journals and logs."""
    free = shutil.disk_usage(_existing(store)).free
    said = f"{fmt.size(free)} free where the store lies"
    if free < FREE_FAIL_BYTES:
        return fail("space", said, "free some space; metrics that do not fit are dropped and counted")
    if free < FREE_WARN_BYTES:
        return warn("space", said, "free some space before a long run")
    return ok("space", said)


def _existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.exists())


def check_runtime_dir() -> Check:
    """The private folder of the sockets."""
    folder = paths.runtime_dir()
    try:
        sockets.make_private_folder(folder)
    except OgError as error:
        return fail("sockets", str(error), error.hint)
    stale = paths.daemon_socket()
    if stale.exists() and not _answers(stale):
        return ok("sockets", f"{folder} (a stale ogd.sock lies there; the next start replaces it)")
    return ok("sockets", str(folder))


def _answers(path: Path) -> bool:
    try:
        sockets.connect(path, timeout_s=1.0).close()
    except (TimeoutError, OSError, OgError):
        return False
    return True


def check_python() -> Check:
    """Whether the `python` that `og run FILE.py` uses can see og's hooks."""
    python = shutil.which("python") or shutil.which("python3")
    if python is None:
        return warn(
            "python",
            "no python on PATH: og run FILE.py has nothing to run it with",
            "activate an environment",
        )
    try:
        done = _ask_python(python)
    except (OSError, subprocess.TimeoutExpired) as error:
        return fail(
            "python", f"{python} does not run ({error})", "repair it, or put another one first on PATH"
        )
    fix = "3.8 or newer is needed; a wrapper that adds -I or -E hides og (its stdout is still read)"
    if done.returncode != 0:
        last = fmt.clean((done.stderr.strip().splitlines() or ["no message"])[-1])
        return warn("python", f"{python} cannot import og's hooks: {last}", fix)
    version, reached, known = json.loads(done.stdout.splitlines()[-1])
    if not reached:
        return warn("python", f"{python} {version} has og, but its hooks do not reach it", fix)
    off = os.environ.get("OG_NO_HOOKS", "")
    if off == "1":
        return ok("python", f"{python} {version} sees og; OG_NO_HOOKS switches all hooks off")
    names = ", ".join(name for name in known if name not in {word.strip() for word in off.split(",")})
    return ok("python", f"{python} {version} sees og without installing anything; hooks for {names}")


_ASKED = (
    "import json, sys, opengraphs; opengraphs.init\n"
    "try: from og_hooks.table import names\n"
    "except ImportError: names = list\n"
    "version = '%d.%d.%d' % sys.version_info[:3]\n"
    "print(json.dumps([version, hasattr(sys, '_opengraphs_hooks'), list(names())]))\n"
)


def _ask_python(python: str) -> subprocess.CompletedProcess[str]:
    """Have a Python say, as a training would, whether og and its hooks are there."""
    with tempfile.TemporaryDirectory(prefix="og-doctor-") as run_dir:
        hooks = Path(__file__).parents[1] / "hooks"
        env = {**os.environ, "PYTHONPATH": str(hooks), "OG_RUN_DIR": run_dir, "OG_NO_HOOKS": ""}
        return subprocess.run(
            [python, "-c", _ASKED],
            env=env,
            capture_output=True,
            text=True,
            check=False,
            timeout=_PYTHON_TIMEOUT_S,
        )


def check_machine() -> Iterable[Check]:
    """GPUs, and the limits of a container or a job step."""
    facts = host_facts()
    gpus = [str(gpu.get("name", "GPU")) for gpu in facts["gpus"]]
    named = ", ".join(f"{gpus.count(name)}× {name}" for name in dict.fromkeys(gpus))
    yield ok("gpu", named or "no NVIDIA GPU is visible here; CPU, memory, disk and network are sampled")
    yield ok("limits", _limits(facts))


def _limits(facts: dict[str, Any]) -> str:
    ram, cpu = facts["ram"], facts["cpu"]
    limit = ram.get("limit_bytes")
    memory = f"{fmt.size(limit)} of {fmt.size(ram['total_bytes'])}" if limit else fmt.size(ram["total_bytes"])
    return f"{cpu.get('usable', cpu['count']):g} of {cpu['count']} CPUs, {memory} memory"


def check_login_manager(root: str = "/") -> Check:
    """Whether the login manager ends what a closed session leaves behind, and what og does about it."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number without a name
        name = ""
    warning = scope.plan("doctor", os.environ, user=name, root=root).warning
    if warning:
        return warn("login", warning, f"loginctl enable-linger {name}")
    return ok("login", "runs outlive the terminal")


def check_inotify(folder: Path = _PROC_INOTIFY) -> Check:
    """Whether files can be watched; where not, they are looked at now and then."""
    if not folder.is_dir():
        return ok("inotify", "not on this system: files are looked at now and then")
    for name, least in MIN_INOTIFY.items():
        found = int((folder / name).read_text())
        if found < least:
            return warn("inotify", f"{name} is {found}", f"sudo sysctl fs.inotify.{name}={least * 8}")
    return ok("inotify", "enough watches for live logs")


def check_agent() -> Check:
    """Which model the agent would ask; no request is made."""
    from opengraphs.agent.providers import ProviderError, load_settings
    from opengraphs.agent.providers.settings import find_key

    try:
        found = load_settings()
        find_key(found)
    except ProviderError as error:
        if error.kind == "no_key" and not paths.config_file().exists():
            return ok("agent", "no model is set up; everything else works without")
        return warn("agent", str(error), error.hint)
    except OgError as error:
        return warn("agent", str(error), error.hint)
    library = "anthropic" if found.dialect == "messages" else "openai"
    if importlib.util.find_spec(library) is None:
        return warn("agent", f"the {library} library is not installed", "pip install 'opengraphs[agent]'")
    return ok(
        "agent",
        f"{found.provider} {found.model}" + (f", key from {found.key_source}" if found.key_source else ""),
    )
