"""Runs at the start of every Python process of a run: `og run` puts this folder on PYTHONPATH.

A `sitecustomize` of the user's own, further down the path, would be hidden by this one, so
it is found and run first, as if this file were not there. What goes wrong here goes to
`hooks.log` in the run folder. Python 3.8-safe; without `OG_RUN_DIR` it does nothing else.
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
    """Leave word for the SDK, which records which hooks reached this process."""
    if os.environ.get("OG_RUN_DIR"):
        sys._opengraphs_hooks = [*getattr(sys, "_opengraphs_hooks", ()), "sitecustomize"]


try:
    _mark()
except Exception as _error:
    _note_problem(_error)
_run_users_own()
