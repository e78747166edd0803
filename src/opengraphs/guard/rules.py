"""What may be read and written, told from a path's spelling alone; no file is touched here."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from opengraphs.guard.finding import Finding, refused
from opengraphs.guard.globs import allows, denies

ALWAYS_DENIED = (
    ".git",
    ".opengraphs",
    ".og",
    ".*",
    "*key*",
    "*secret*",
    "*credential*",
    "*.pem",
    "*.p12",
    "*.pfx",
    "id_*",
    "site-packages",
    "dist-packages",
    ".venv",
    "venv",
    "node_modules",
    "__pycache__",
    "og.toml",
    "alerts.toml",
)
"""No setting takes one of these back. `.*` also keeps `.env`, `.netrc`, `.ssh` and the temp files of a write."""
MOST_FILES, MOST_LINES, MOST_SHARE = 3, 120, 0.5
"""What settings can raise the limits to."""
FEW_LINES = 4
"""So many changed lines are no great share of any file."""
MAX_BYTES = 1 << 20
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


class Policy(NamedTuple):
    """Where the agent may act.

    root: the project, a real path. allowed, denied: patterns (guard.globs); denied ones win, and ALWAYS_DENIED
    counts whether named or not. max_lines: added and removed, of all files; max_share: of one file's lines.
    wide_reads: whatever is not denied may be read; False: only what is allowed.
    """

    root: Path
    allowed: tuple[str, ...]
    denied: tuple[str, ...] = ALWAYS_DENIED
    max_files: int = 1
    max_lines: int = 40
    max_share: float = 0.10
    max_bytes: int = MAX_BYTES
    wide_reads: bool = True


class Size(NamedTuple):
    """How much of a file would change. lines: it has before."""

    path: str
    added: int
    removed: int
    lines: int


def parts_of(path: str) -> tuple[str, ...]:
    """The names on a path as it is written.

    Raises:
        Refused: it is no plain relative path, or is not written in its only normal way.
    """
    shown = path[:200]
    if not path:
        raise refused("empty", "no file is named")
    if "\0" in path:
        raise refused("nul", "a path has no NUL in it", shown.replace("\0", "␀"))
    if len(path.encode("utf-8", "replace")) > 4000:
        raise refused("too_long", "the path is longer than 4000 bytes", shown)
    if "\\" in path:
        raise refused("backslash", "folders are separated by /, and no name has a backslash", shown)
    if path.startswith("/"):
        raise refused("absolute", "only paths relative to the project are taken", shown)
    return _names(path)


def _names(path: str) -> tuple[str, ...]:
    parts = tuple(path.split("/"))
    if ".." in parts:
        raise refused("dotdot", "a path does not go up", path)
    if any(unicodedata.category(letter) in _UNSEEN for letter in path):
        text = "there are characters in the path that cannot be seen"
        raise refused("unicode", text, ascii(path)[1:-1])
    if unicodedata.normalize("NFKC", path) != path:
        raise refused("unicode", "the path has letters that look like others", ascii(path)[1:-1])
    if any(part in ("", ".") or part != part.strip() for part in parts):
        raise refused(
            "not_normal", "write the path in its shortest form, without ./, // or a / at the end", path
        )
    if any(len(part.encode()) > 255 for part in parts):
        raise refused("too_long", "a name on the path is longer than 255 bytes", path)
    return parts


def permit_write(policy: Policy, parts: tuple[str, ...]) -> None:
    """Raises Refused unless the file may be changed."""
    _not_denied(policy, parts)
    if not any(allows(pattern, parts) for pattern in policy.allowed):
        text = "not a file that the agent may change; [agent] allow in og.toml can name it"
        raise refused("not_allowed", text, "/".join(parts))


def permit_read(policy: Policy, parts: tuple[str, ...]) -> None:
    """Raises Refused unless the file may be read."""
    if policy.wide_reads:
        _not_denied(policy, parts)
    else:
        permit_write(policy, parts)


def _not_denied(policy: Policy, parts: tuple[str, ...]) -> None:
    for pattern in (*ALWAYS_DENIED, *policy.denied):
        if denies(pattern, parts):
            raise refused("denied", f"files that match {pattern} are never touched", "/".join(parts))


def size_findings(policy: Policy, sizes: Iterable[Size]) -> list[Finding]:
    """What is to be said about how much would change: `ask` above the limits, `refuse` above any."""
    sizes = list(sizes)
    found = [_files(policy, len(sizes)), _lines(policy, sum(one.added + one.removed for one in sizes))]
    found += [_share(policy, one) for one in sizes]
    return [finding for finding in found if finding is not None]


def _files(policy: Policy, count: int) -> Finding | None:
    if count > MOST_FILES:
        return Finding("too_many_files", "refuse", f"{count} files at once are more than {MOST_FILES}")
    if count > policy.max_files:
        return Finding("many_files", "ask", f"{count} files; {policy.max_files} without asking")
    return None


def _lines(policy: Policy, count: int) -> Finding | None:
    if count > MOST_LINES:
        return Finding("too_many_lines", "refuse", f"{count} changed lines are more than {MOST_LINES}")
    if count > policy.max_lines:
        return Finding("many_lines", "ask", f"{count} changed lines; {policy.max_lines} without asking")
    return None


def _share(policy: Policy, size: Size) -> Finding | None:
    changed = max(size.added, size.removed)
    if changed <= max(FEW_LINES, policy.max_share * size.lines):
        return None
    text = f"{changed} of {size.lines} lines; {policy.max_share:.0%} of a file without asking"
    return Finding("large_share", "ask", text, size.path)
