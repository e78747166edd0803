"""Stage 0: the first frame of a view, painted before click is imported.

Only for what opens a view on a terminal and nothing else; whatever is odd about the
words (an unknown flag, help, no terminal) is left to click, which says it properly.
Imports nothing that the frame can do without: each of `typing`, `pathlib` and `paths`
costs a good part of its 30 ms.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

    from opengraphs.tui.stage0 import Painted

VIEWS = ("view", "attach")
"""Commands that open a screen at once, and so paint a first frame before anything is imported."""
WITH_VALUE = (
    "--store",
    "--project",
    "--filter",
    "--graphs",
    "--refresh-ms",
    "--ui",
    "--glyphs",
    "--theme",
    "--panels",
)
PLAIN = ("--no-color",)

_painted: Painted | None = None
_live_run: str | None = None


def paint_early(argv: list[str]) -> None:
    """The plain cases, straight from the command line: `og`, `og view [RUN]`, `og attach RUN`.

    What needs a closer look (a path, the newest live run, options before the command) is
    left to `paint`.
    """
    if not (os.isatty(0) and os.isatty(1)):
        return
    command, words = (argv[0], argv[1:]) if argv and argv[0] in VIEWS else ("view", argv)
    wish = read(words)
    if wish is None or (argv and argv[0] not in VIEWS and not argv[0].startswith("-")):
        return
    word, flags = wish
    if (word is None and command == "attach") or (word is not None and looks_like_path(word)):
        return
    if "--store" in flags and not os.path.isdir(flags["--store"]):  # noqa: PTH112
        return
    _paint_wish(word, flags, flags.get("--store"))


def looks_like_path(word: str) -> bool:
    """Whether `word` is meant as a path rather than as the name of a run."""
    if os.sep in word or word in (".", "..", "~") or os.path.isdir(word):  # noqa: PTH112
        return True
    return "." in word and os.path.isfile(word)  # noqa: PTH113


def paint(args: list[str]) -> None:
    """Paint the first frame of `args` (as `words.arrange` left them) if they open a view.

    Raises:
        OgError: the path leads nowhere; the command itself would say the same later.
    """
    global _live_run  # noqa: PLW0603 - one command line, one answer
    from opengraphs.cli import output, targets

    if _painted is not None or not output.is_terminal():
        return
    wish = read(args[1:])
    if wish is None:
        return
    word, flags = wish
    target = targets.at_hand(word, store=flags.get("--store"))
    if target is None:
        return
    ref = target.ref
    if args[0] == "attach" and ref is None:
        ref = _live_run = _newest_live(str(target.store))
        if ref is None:
            return
    _paint_wish(ref, flags, str(target.store), place=targets.shown_place(target.store, word))


def _paint_wish(
    ref: str | None, flags: dict[str, str], store: str | None, *, place: Path | None = None
) -> None:
    if "--no-color" in flags:
        os.environ["NO_COLOR"] = "1"
    paint_view(
        store,
        ref,
        theme=flags.get("--theme"),
        glyphs=flags.get("--glyphs"),
        ui=flags.get("--ui"),
        place=place,
    )


def paint_view(
    store: Path | str | None,
    ref: str | None,
    *,
    theme: str | None,
    glyphs: str | None,
    ui: str | None,
    place: Path | None = None,
) -> None:
    """Paint the first frame of a run's graphs, or of a store's runs; `store` None is the one in force."""
    global _painted  # noqa: PLW0603 - one process, one terminal
    from opengraphs.tui import stage0

    _painted = stage0.paint(
        "graphs" if ref else "runs",
        run=ref,
        store=None if store is None else str(store),
        theme=theme,
        glyphs=glyphs,
        ui=ui,
        no_color=bool(os.environ.get("NO_COLOR")),
        place=None if place is None else str(place),
    )


def read(words: list[str]) -> tuple[str | None, dict[str, str]] | None:
    """The word (a run or a path) and the flags of a view; None when something is not simply known."""
    flags: dict[str, str] = {}
    word: str | None = None
    at = 0
    while at < len(words):
        name, equals, value = words[at].partition("=")
        at += 1
        if name in WITH_VALUE and (equals or at < len(words)):
            flags[name] = value if equals else words[at]
            at += 0 if equals else 1
        elif name in PLAIN:
            flags[name] = ""
        elif name.startswith("-") or word is not None:
            return None
        else:
            word = name
    return word, flags


def _newest_live(store: str) -> str | None:
    """The run that `og attach` means, if the daemon is up to say so at once."""
    from opengraphs import paths
    from opengraphs.client.raw import raw_get
    from opengraphs.client.wire import with_query
    from opengraphs.errors import OgError

    query = {"store": store, "status": "running", "limit": 1, "sort": "-created_at"}
    try:
        reply = raw_get(paths.daemon_socket(), with_query("/runs", query), timeout_s=0.5)
    except (OgError, OSError):
        return None
    return reply["runs"][0]["run_id"] if reply["runs"] else None


def live_run() -> str | None:
    """The run that `og attach` was found to mean; it may have ended since, and is meant all the same."""
    return _live_run


def is_painted() -> bool:
    """Whether a frame stands on the terminal: what is written now would stay in it."""
    return _painted is not None


def take() -> Painted | None:
    """Hand the painted frame to the view that goes on from it."""
    global _painted
    painted, _painted = _painted, None
    return painted


def give_back() -> None:
    """Restore the terminal if no view took the frame over: an error is about to be printed."""
    painted = take()
    if painted is not None:
        painted.restore()
