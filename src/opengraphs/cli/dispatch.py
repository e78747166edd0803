"""From the words of a command line to the command, inside the error border.

Help and version need no parser; click is imported for the command that is asked for.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from opengraphs.cli import border, catalog, lettering, words
from opengraphs.errors import NotFoundError
from opengraphs.protocol.version import VERSION


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line of this process and leave with its exit code."""
    sys.excepthook = border.report_crash
    _prepare_streams()
    code = run(sys.argv[1:] if argv is None else argv)
    _leave(code)
    return code


def _prepare_streams() -> None:
    """Make writing safe: a stream that the caller closed goes nowhere, and no character stops a line."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_RDWR)  # the lowest free number, which is the closed one's
            setattr(sys, name, open(null, "w" if number else "r", encoding="utf-8"))  # noqa: PTH123, SIM115
    for stream in (sys.stdout, sys.stderr):
        lettering.forgive(stream)


def run(argv: Sequence[str]) -> int:
    """Run `og` with `argv` (without the program's name) and return the exit code."""
    given = list(argv)
    return border.guard(lambda: _dispatch(given), as_json=words.wants_json(given))


def _dispatch(given: list[str]) -> int:
    if "_OG_COMPLETE" in os.environ:
        from opengraphs.cli import app

        return app.complete()
    _check_working_folder()
    args = words.arrange(given)
    if args in (["--help"], ["-h"], ["help"]):
        sys.stdout.write(catalog.top_help())
        return 0
    if args == ["--version"]:
        sys.stdout.write(f"og {VERSION}\n")
        return 0
    return _view(args) if args[0] in catalog.SCREENS else _run_command(args)


def _run_command(args: list[str]) -> int:
    for stream in (sys.stdout, sys.stderr):
        lettering.fit_to_terminal(stream)
    from opengraphs.cli import app

    return app.dispatch(args)


def _check_working_folder() -> None:
    """Stores, projects and scripts are found from it."""
    try:
        os.getcwd()  # noqa: PTH109 - pathlib is not loaded yet
    except FileNotFoundError:
        raise NotFoundError(
            "the working folder does not exist any more", hint="cd to one that does"
        ) from None


def _view(args: list[str]) -> int:
    """A command that may open a screen: whatever happens, a first frame nobody took over goes away."""
    from opengraphs.cli import first_frame

    try:
        if args[0] in first_frame.VIEWS:
            first_frame.paint(args)
        return _run_command(args)
    finally:
        first_frame.give_back()


def _leave(code: int) -> None:
    """End without the interpreter's clean-up, which costs more than most commands.

    Safe because nothing of og relies on exit hooks: files are closed by their writers,
    and every thread that is left belongs to a view that is gone.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            code = code or border.BROKEN_PIPE
    os._exit(code)
