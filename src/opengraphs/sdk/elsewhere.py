"""Names of other trackers that have no counterpart inside a training: each says where it is to be found.

What a script only mentions does nothing and says so once. What its next line would use
the answer of raises at once, with the way to get it, because None would fail later and
say less.
"""

from __future__ import annotations

import sys

from . import warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn, Optional


class Error(Exception):
    """What other trackers call the root of their errors."""


class CommError(Error):
    """Something that lies on a server elsewhere."""


class UsageError(Error):
    """Something that is not there."""


class AuthenticationError(CommError):
    """Never raised: there is nothing to log in to."""


class UnsupportedError(UsageError):
    """Never raised by itself."""


class errors:  # noqa: N801 - a module in the other tracker
    """`wandb.errors`."""

    Error = Error
    CommError = CommError
    UsageError = UsageError
    AuthenticationError = AuthenticationError
    UnsupportedError = UnsupportedError


def refuse(name: str, instead: str) -> NoReturn:
    """Raises:
    CommError: always, with what to do instead.
    """
    raise CommError("%s is not there in og: %s" % (name, instead))


class Api:
    """Questions about runs are asked outside of the training."""

    def __init__(self, *_args: Any, **_kwargs: Any) -> None:
        refuse("Api()", "ask with `og list --json`, `og show RUN --json` and `og export RUN --format csv`")


class Registry:
    """Trackio's and W&B's model registries."""

    def __init__(self, *_args: Any, **_kwargs: Any) -> None:
        refuse("Registry()", "tag the run that made the model, and find it with `og search`")


Collection = Registry
Public = Api


def sweep(*_args: Any, **_kwargs: Any) -> str:
    """Raises CommError: og starts no sweeps."""
    return refuse(
        "sweep()", "loop over the settings and give the runs a `group=`; `og compare` puts them side by side"
    )


def agent(*_args: Any, **_kwargs: Any) -> None:
    """Raises CommError, as `sweep` does."""
    refuse("agent()", "call the training function itself, once for each setting")


def controller(*_args: Any, **_kwargs: Any) -> Any:
    """Raises CommError, as `sweep` does."""
    refuse("controller()", "loop over the settings and give the runs a `group=`")


def restore(name: str, *_args: Any, **_kwargs: Any) -> None:
    """None, said once: files stay where they were written."""
    _ignored(
        "restore",
        "%s() finds nothing: files stay where they were written; `og checkpoints` lists saved states",
    )


def show(project: Optional[str] = None, **_kwargs: Any) -> None:
    """Say how to look at runs."""
    sys.stderr.write("og: `og` shows the runs of %s in the terminal\n" % (project or "every project"))


def sync(*_args: Any, **_kwargs: Any) -> None:
    """Ignored, said once."""
    _ignored("sync", "%s() does nothing: init(mirror_to=…) has a run forwarded to a Trackio server")


freeze = sync


def import_csv(path: Any, *_args: Any, **_kwargs: Any) -> None:
    """Ignored, said once: it is a command."""
    _ignored("import", "import_csv() and import_tf_events() do nothing: `og import %s` does" % path, "")


import_tf_events = import_csv


def delete_project(project: str, *_args: Any, **_kwargs: Any) -> bool:
    """False, said once: a script removes nothing."""
    _ignored("delete_project", "%s() removes nothing: `og rm --help` tells how to")
    return False


def log_gpu(*_args: Any, **_kwargs: Any) -> dict[str, float]:
    """Empty: `og run` samples GPUs and processors by itself."""
    _ignored("log_gpu", "log_gpu() and log_cpu() do nothing: `og run` samples the machine by itself", "")
    return {}


log_cpu = log_gpu


def log_code(*_args: Any, **_kwargs: Any) -> None:
    """Ignored, said once."""
    _ignored(
        "log_code", "%s() does nothing: `og run` keeps the commit, the changes and the script of each run"
    )


def nothing(*_args: Any, **_kwargs: Any) -> None:
    """What needs no counterpart: `require`, `mark_preempting`, `ensure_configured`, …"""


require = mark_preempting = ensure_configured = termsetup = attach = pin_config_keys = nothing
trigger = write_logs = display = set_trace = nothing


def setup(*_args: Any, **_kwargs: Any) -> type:
    """Nothing has to be set up."""
    return errors


def termlog(string: str = "", *_args: Any, **_kwargs: Any) -> None:
    """Write a line to stderr."""
    warn.say(string)


termwarn = termerror = termlog


def _ignored(kind: str, text: str, name: Optional[str] = None) -> None:
    warn.tell("ignored:" + kind, text % kind if name is None else text)
