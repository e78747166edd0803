"""The words of a command line before any parser sees them. Stdlib only.

What click cannot say: options may stand before the command (`og --store X list`),
`-r` and `-t` are commands, `og PATH` is a view, and `--graphs {reward, loss}` is one
value although the shell hands over two words.
"""

from __future__ import annotations

import os

from opengraphs.cli import catalog
from opengraphs.cli.nearest import did_you_mean
from opengraphs.errors import NotFoundError, UsageError

TAKES_VALUE = frozenset(
    [
        "--store",
        "--project",
        "--filter",
        "--graphs",
        "--refresh-ms",
        "--ui",
        "--glyphs",
        "--theme",
        "--panels",
        "--limit",
        "--sort",
        "--status",
        "--columns",
    ]
)
"""Options of several commands that are followed by a value; needed to find the command behind them."""

PASSES_ON = ("run", "watch")
"""Commands whose words, from the first that is no option, belong to somebody else's program."""


def arrange(argv: list[str]) -> list[str]:
    """`argv` as `[command, *its words]`; `--help` and `--version` alone stay as they are.

    Raises:
        UsageError: the first word is neither a command nor a path.
        NotFoundError: it looks like a path, and nothing is there.
    """
    if not argv:
        return [catalog.HOME]
    if argv[0] in ("--help", "-h", "--version", "help"):
        return _help(argv)
    at = _first_word(argv)
    if at is None:
        return [catalog.HOME, *join_braces(argv)]
    word = catalog.ALIASES.get(argv[at], argv[at])
    if word in catalog.COMMANDS:
        return [word, *join_braces(argv[:at] + argv[at + 1 :])]
    _refuse_unless_path(word)
    return [catalog.HOME, *join_braces(argv)]


def _help(argv: list[str]) -> list[str]:
    """`og help run` is `og run --help`."""
    if argv[0] == "--version" or len(argv) == 1 or argv[1] not in catalog.COMMANDS:
        return argv[:1]
    return [argv[1], "--help"]


def _first_word(argv: list[str]) -> int | None:
    """Where the command or the path stands; None when there are only options."""
    at = 0
    while at < len(argv):
        word = argv[at]
        if word in catalog.ALIASES or not word.startswith("-") or word == "-":
            return at
        at += 2 if word in TAKES_VALUE else 1
    return None


def _refuse_unless_path(word: str) -> None:
    from pathlib import Path

    path = Path(word).expanduser()
    if path.is_dir():
        return
    if path.exists():
        raise UsageError("a file is no command", hint=f"to run it: og run {word}", path=word)
    if os.sep in word:
        raise NotFoundError(
            "no such file or folder", hint="og PATH opens a store, a project or a run folder", path=word
        )
    guess = did_you_mean(word, catalog.COMMANDS)
    raise UsageError(
        f'no command "{word}"', hint=(guess + "\n" if guess else "") + "og --help lists them all"
    )


def join_braces(words: list[str]) -> list[str]:
    """`--graphs {reward, loss}` arrives as two words; make one of them."""
    joined: list[str] = []
    at = 0
    while at < len(words):
        word = words[at]
        at += 1
        if word == "--":
            return [*joined, word, *words[at:]]
        opens = word.startswith("--graphs={") or (joined[-1:] == ["--graphs"] and word.startswith("{"))
        while opens and not word.endswith("}") and at < len(words):
            word = f"{word} {words[at]}"
            at += 1
        joined.append(word)
    return joined


def split_graphs(given: tuple[str, ...]) -> list[str]:
    """The metrics named by `--graphs`, in order: repeated, comma, `{reward, loss}`, or a mix."""
    names: list[str] = []
    for value in given:
        names += [part.strip() for part in value.strip().strip("{}").split(",")]
    return list(dict.fromkeys(name for name in names if name))


def wants_json(argv: list[str]) -> bool:
    """Whether an error should be one JSON object: `--json` among the words that are og's own."""
    at = _first_word(argv)
    if at is not None and catalog.ALIASES.get(argv[at], argv[at]) in PASSES_ON:
        return False
    own = argv[: argv.index("--")] if "--" in argv else argv
    return "--json" in own
