"""What a training script tells about going on from a checkpoint, without running it.

Its source is parsed, and that of the modules beside it that it imports. A script that asks
og (`og.resume()`, `OG_RESUME_FROM`) needs no more; of others the arguments are guessed by
the names that libraries and examples use, unless the project's `og.toml` says them:

    [resume]
    args = ["--resume", "{path}"]          # {path}, {folder}, {step}; [] says "none needed"
"""

from __future__ import annotations

import ast
import hashlib
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from opengraphs import paths
from opengraphs.errors import UsageError
from opengraphs.runner.commandline import script_index
from opengraphs.runner.succession import bare, find_argument

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MAX_SOURCE_BYTES = 1 << 20
MAX_MODULES = 30
_BARE_ACTIONS = ("store_true", "store_false", "store_const", "count")

_GUESSES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("resume_from_checkpoint", ("{path}",)),
    ("resume_from", ("{path}",)),
    ("ckpt_path", ("{path}",)),
    ("restore_file", ("{path}",)),
    ("resume_path", ("{path}",)),
    ("load_checkpoint", ("{path}",)),
    ("resume_checkpoint", ("{path}",)),
    ("init_from", ("resume",)),
    ("resume", ("{path}",)),
)
"""Names of flags that mean "go on from there", the most certain first, and what stands behind them."""
_ON_TRAINER = {"transformers", "trl", "unsloth", "setfit", "sentence_transformers"}
_PROGRAMS = {
    "fairseq-train": ("--restore-file", "{path}"),
    "yolo": ("resume=True", "model={path}"),
}


class Script(NamedTuple):
    """One script as it stands now.

    Attributes:
        path: the file; "" when the command names none that can be read.
        digest: of its text; changes when the script does.
        knows_og: it asks og where to go on.
        args: the arguments that make it go on, as templates; none when none are known.
        source: where they come from: `og.toml`, `script`, `command`, or "" without any.
        framework: the format of checkpoints from which og's hook in its framework goes on; "" without one.
        flags: every long flag in its source, as written; bare_flags: those that take no value.
    """

    path: str
    digest: str
    knows_og: bool
    args: list[str]
    source: str
    framework: str
    flags: frozenset[str]
    bare_flags: frozenset[str]

    @property
    def is_guessed(self) -> bool:
        """Nobody said so: it must be shown and accepted once."""
        return bool(self.args) and self.source != paths.PROJECT_FILE


def look(command: Sequence[str], cwd: str) -> Script:
    """What the script of a command tells; of one that cannot be read, what the command line does.

    Raises:
        UsageError: og.toml is no TOML, or its `[resume] args` is no list of texts.
    """
    words = list(command)
    path = _script_path(words, cwd)
    texts = _sources(path, cwd) if path else []
    seen = _Seen()
    for text in texts:
        seen.take(text)
    args, source = _arguments(words, cwd, seen)
    digest = hashlib.sha256("\0".join(texts[:1] or words[:1]).encode("utf-8", "replace")).hexdigest()
    return Script(
        path,
        digest,
        seen.knows_og,
        args,
        source,
        _framework(seen),
        frozenset(seen.flags),
        frozenset(seen.bare_flags),
    )


def _arguments(words: list[str], cwd: str, seen: _Seen) -> tuple[list[str], str]:
    given = project_args(cwd)
    if given is not None:
        return given, paths.PROJECT_FILE
    if seen.knows_og:
        return [], ""
    for guess, source in ((_by_flags(seen), "script"), (_by_library(words, seen), "script")):
        if guess:
            return guess, source
    found = _by_command(words)
    return (found, "command") if found else ([], "")


def _by_flags(seen: _Seen) -> list[str]:
    by_name = {bare(flag): flag for flag in sorted(seen.flags)}
    for name, values in _GUESSES:
        flag = by_name.get(name)
        if flag is not None:
            return [flag] if flag in seen.bare_flags else [flag, *values]
    return []


def _by_library(words: list[str], seen: _Seen) -> list[str]:
    """Flags that a library adds, so that the script does not spell them."""
    if seen.attributes & {"resume_from_checkpoint"} and seen.names & {"HfArgumentParser", "TrlParser"}:
        return ["--resume_from_checkpoint", "{path}"]
    if "LightningCLI" in seen.names:
        return ["--ckpt_path", "{path}"]
    if "init_from" in seen.names and any(text.endswith("configurator.py") for text in seen.texts):
        return ["--init_from=resume"]
    if any(name.partition(".")[0] == "megatron" for name in seen.modules):
        return ["--load", "{folder}"]
    return list(_PROGRAMS.get(Path(words[0]).name, ())) if words else []


def _framework(seen: _Seen) -> str:
    """transformers' Trainer, and those of libraries that build on it."""
    tops = {module.partition(".")[0] for module in seen.modules}
    return "hf" if tops & _ON_TRAINER and any(name.endswith("Trainer") for name in seen.names) else ""


def _by_command(words: list[str]) -> list[str]:
    """A flag that the user typed himself for a script whose source is not to be had."""
    for name, values in _GUESSES:
        place = find_argument(words, name)
        if place is not None and words[place].startswith("--"):
            return [words[place].partition("=")[0], *values]
    return []


class _Seen(ast.NodeVisitor):
    """What stands in the sources."""

    def __init__(self) -> None:
        self.knows_og = False
        self.flags: set[str] = set()
        self.bare_flags: set[str] = set()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.modules: set[str] = set()
        self.texts: set[str] = set()
        self._og = {"opengraphs"}

    def take(self, text: str) -> None:
        """Look through one file; one that does not parse tells nothing."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of the user's escapes, which are none of ours
                tree = ast.parse(text)
            self.visit(tree)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return

    def visit_Import(self, node: ast.Import) -> None:
        """`import opengraphs as og`."""
        for alias in node.names:
            self.modules.add(alias.name)
            if alias.name == "opengraphs":
                self._og.add(alias.asname or alias.name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """`from opengraphs import resume`."""
        self.modules.add(node.module or "")
        if node.module == "opengraphs" and any(alias.name == "resume" for alias in node.names):
            self.knows_og = True
        self.names.update(alias.name for alias in node.names)

    def visit_Constant(self, node: ast.Constant) -> None:
        """Names of variables, flags and files."""
        if isinstance(node.value, str) and len(node.value) < 200:
            self.texts.add(node.value)
            if node.value in ("OG_RESUME", "OG_RESUME_FROM"):
                self.knows_og = True

    def visit_Name(self, node: ast.Name) -> None:
        """A name that is used or bound."""
        self.names.add(node.id)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """`og.resume`, `args.resume_from_checkpoint`."""
        self.attributes.add(node.attr)
        if node.attr == "resume" and isinstance(node.value, ast.Name) and node.value.id in self._og:
            self.knows_og = True
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        """`add_argument("--resume", action="store_true")` and its like in click and typer."""
        flags = {
            word.value
            for word in node.args
            if isinstance(word, ast.Constant) and isinstance(word.value, str) and word.value.startswith("--")
        }
        flags = {flag.partition("/")[0] for flag in flags if len(flag) < 80 and " " not in flag}
        self.flags |= flags
        if any(_is_bare(keyword) for keyword in node.keywords):
            self.bare_flags |= flags
        self.generic_visit(node)


def _is_bare(keyword: ast.keyword) -> bool:
    value = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
    return (keyword.arg == "action" and value in _BARE_ACTIONS) or (
        keyword.arg == "is_flag" and value is True
    )


def _script_path(words: list[str], cwd: str) -> str:
    index = script_index(words, cwd)
    if index is None:
        return ""
    word = words[index]
    if index and words[index - 1] == "-m":
        base = Path(cwd, *word.split("."))
        places: tuple[Path, ...] = (base.with_name(f"{base.name}.py"), base / "__main__.py")
    else:
        places = (Path(cwd, word),)
    return next((str(place) for place in places if place.suffix == ".py" and place.is_file()), "")


def _sources(path: str, cwd: str) -> list[str]:
    """The script's text, then that of the modules beside it that it imports."""
    first = _text(path)
    if first is None:
        return []
    texts = [first]
    folders = dict.fromkeys((Path(path).parent, Path(cwd)))
    for module in sorted(_imported(first))[:MAX_MODULES]:
        inner = f"{module.replace('.', '/')}.py"
        found = next((text for folder in folders if (text := _text(folder / inner)) is not None), None)
        if found is not None:
            texts.append(found)
    return texts


def _imported(text: str) -> set[str]:
    seen = _Seen()
    seen.take(text)
    return {module for module in seen.modules if module and not module.startswith(".")}


def _text(path: str | Path) -> str | None:
    if not Path(path).is_file():  # nobody waits for a pipe
        return None
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_SOURCE_BYTES + 1)
    except OSError:
        return None
    return data.decode("utf-8", "replace") if len(data) <= MAX_SOURCE_BYTES else None


def project_args(cwd: str) -> list[str] | None:
    """`[resume] args` of the nearest og.toml above a folder; None where none says it.

    Raises:
        UsageError: it cannot be read, or is no list of texts.
    """
    path = paths.project_file(Path(cwd))
    return _args_of(path) if path is not None else None


def _args_of(path: Path) -> list[str] | None:
    try:
        tables: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"settings cannot be read ({error})", path=str(path)) from error
    table = tables.get("resume")
    args = table.get("args") if isinstance(table, dict) else None
    if args is None:
        return None
    if not isinstance(args, list) or not all(isinstance(word, str) and word for word in args):
        raise UsageError(
            "[resume] args must be a list of texts", hint='args = ["--resume", "{path}"]', path=str(path)
        )
    return list(args)
