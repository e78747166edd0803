"""Runs at the start of every Python process of a run: `og run` puts this folder on PYTHONPATH.

It sets up a look at imports (`og_hooks.finder`), by which the libraries that log are
mirrored when they come, and nothing else is loaded. A `sitecustomize` of the user's own,
further down the path, would be hidden by this one, so it is found and run afterwards, as
if this file were not there. What goes wrong here goes to `hooks.log` in the run folder.
Python 3.8-safe; without `OG_RUN_DIR`, or with `OG_NO_HOOKS=1`, only the user's own runs.
"""

import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))


def _run_users_own():
    """Find the next sitecustomize on the path and run it under its name."""
    from importlib.machinery import PathFinder

    rest = [entry for entry in sys.path if os.path.abspath(entry or os.curdir) != _HERE]
    spec = PathFinder.find_spec(__name__, rest)
    if spec is None or spec.loader is None or os.path.dirname(os.path.abspath(spec.origin or "")) == _HERE:
        return
    from importlib.util import module_from_spec

    module = module_from_spec(spec)
    sys.modules[__name__] = module
    spec.loader.exec_module(module)


def _note_problem(error):
    """Append a line to the run's hooks.log; never in the way."""
    try:
        with open(os.path.join(os.environ["OG_RUN_DIR"], "hooks.log"), "a", encoding="utf-8") as file:
            file.write("pid %d: %s: %r\n" % (os.getpid(), sys.argv[:1] or sys.executable, error))
    except Exception:
        pass


def _mark():
    """Say in the run's events that hooks reached a Python of it; the first process does, once."""
    import time

    path = os.path.join(os.environ["OG_RUN_DIR"], "events", "hooks.jsonl")
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    except OSError:  # another process has, or the folder is not one of a run
        return
    line = '{"time":%r,"kind":"hooks","active":["sitecustomize"],"versions":{"sitecustomize":"Python %s"},"failed":{}}\n'
    os.write(fd, (line % (time.time(), "%d.%d.%d" % sys.version_info[:3])).encode())
    os.close(fd)


def _watch():
    """Leave word for the SDK, which records which hooks reached this process, and watch imports."""
    off = os.environ.get("OG_NO_HOOKS", "")
    if not os.environ.get("OG_RUN_DIR") or off == "1":
        return
    sys._opengraphs_hooks = list(getattr(sys, "_opengraphs_hooks", ()))
    sys._opengraphs_hooks.append("sitecustomize")
    from og_hooks import finder

    finder.install(off)
    _mark()


if sys.version_info >= (3, 8):  # an older one, also Python 2, at least reads this file without complaint
    try:
        _watch()
    except Exception as _error:
        _note_problem(_error)
if sys.version_info >= (3, 5):
    _run_users_own()
