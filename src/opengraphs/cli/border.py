"""The one place where an error becomes a message and an exit code.

Everything below raises; nothing below prints an error or calls `sys.exit`. What is
not in the error tree is a defect of og: it ends in `report_crash`, installed as the
interpreter's last hook, so no broad `except` is needed to keep tracebacks away.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from opengraphs.errors import DiskFullError, OgError, StoreError
from opengraphs.protocol.version import VERSION

if TYPE_CHECKING:
    from types import TracebackType

INTERRUPTED = 130
BROKEN_PIPE = 141
"""128 + SIGPIPE: what `cat` ends with when `head` has seen enough."""

ISSUES = "https://github.com/opengraphs/opengraphs/issues"
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
_CLOSED = (errno.EACCES, errno.EPERM, errno.EROFS)


def guard(work: Callable[[], int], *, as_json: bool = False) -> int:
    """Run `work`, flush what it wrote, and turn what went wrong into an exit code.

    Returns:
        `work`'s own code, or that of the error it raised (docs/reference/errors.md).
    """
    try:
        code = work()
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _forget_stdout()
        return BROKEN_PIPE
    except OgError as error:
        return report(error, as_json=as_json)
    except OSError as error:
        return report(from_os_error(error), as_json=as_json)


def from_os_error(error: OSError) -> OgError:
    """The place of a full disk or a closed folder in the error tree.

    Raises:
        OSError: `error` itself, when it is neither; that one is a defect of og.
    """
    path = os.fsdecode(error.filename) if isinstance(error.filename, (str, bytes)) else ""
    if error.errno in DISK_FULL:
        return DiskFullError("no space left on the disk", hint="free some space and try again", path=path)
    if error.errno in _CLOSED:
        return StoreError(f"not allowed ({error.strerror})", hint="check its owner and mode", path=path)
    raise error


def report(error: OgError, *, as_json: bool = False) -> int:
    """Write `error` to stderr as a line and a hint, or as one JSON object; return its exit code."""
    _flush_stdout()
    if as_json:
        import json

        text = json.dumps(error.to_wire(), ensure_ascii=False)
    else:
        text = f"og: {error}" + "".join(f"\n  {line}" for line in error.hint.splitlines())
    try:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
    except OSError:
        pass  # nobody is listening; the exit code still tells
    return error.exit_code


def report_crash(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """`sys.excepthook`: one line, and where the traceback was written. `OG_DEBUG=1` shows it."""
    import traceback

    text = "".join(traceback.format_exception(kind, error, trace))
    if os.environ.get("OG_DEBUG"):
        sys.stderr.write(text)
        return
    summary = f"{kind.__name__}: {error}".splitlines()[0]
    kept = _write_crash(text)
    hint = f"report it at {ISSUES}\n" + (f"with {kept}" if kept else "run it again with OG_DEBUG=1")
    report(OgError(f"this is a defect of og: {summary}", hint=hint))


def _write_crash(text: str) -> str:
    """The crash report's path; empty when it could not be written. It holds no arguments and no paths of runs."""
    import platform

    from opengraphs import paths

    folder = paths.state_dir() / "crashes"
    command = next((word for word in sys.argv[1:] if word.isalpha()), "")
    head = f"og {VERSION}  command: {command}  python {platform.python_version()}  {platform.platform()}\n\n"
    report_path = folder / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        report_path.write_text(head + text, encoding="utf-8")
    except OSError:
        return ""
    return str(report_path)


def _flush_stdout() -> None:
    """Data first, talk second, also where both go to one file."""
    try:
        sys.stdout.flush()
    except OSError:
        _forget_stdout()


def _forget_stdout() -> None:
    """Point stdout at nothing, so that the interpreter's own last flush stays silent."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, 1)
    os.close(devnull)
