"""Which file an edit is for, as models write it: `**train.py**`, `### File: src/train.py`, "In `train.py`:"."""

from __future__ import annotations

import re
from collections.abc import Sequence

MAX_PATH = 400
_FENCE = re.compile(r" {0,3}(?:`{3,}|~{3,})(.*)")
_ALONE = re.compile(r"[\w@+\-./]*[./][\w@+\-./]*")
_LABEL = re.compile(r"(?:file(?:name)?|path|in|edit)\s*:?\s+", re.IGNORECASE)
_IN_PROSE = re.compile(r"`([^`\n]+)`|(?<![\w/])((?:[\w@+\-.]+/)*[\w@+\-]+\.[A-Za-z]\w{0,8})(?![\w/])")


def cleaned(path: str) -> str:
    """A path without `./` before it."""
    path = path.strip()
    while path.startswith("./"):
        path = path[2:]
    return path[:MAX_PATH]


def path_only(line: str) -> str:
    """The path that is all there is on a line, marks of Markdown and comments aside; "" when there is more."""
    bare = line.strip().strip("#*`\"' :").strip()
    bare = _LABEL.sub("", bare, count=1).strip("#*`\"' :")
    is_path = (
        _ALONE.fullmatch(bare) and any(sign.isalnum() for sign in bare) and not bare.endswith((".", "/"))
    )
    return cleaned(bare) if is_path else ""


def named_above(above: Sequence[str], last: str) -> str:
    """The file named above a block.

    Args:
        above: the lines before it, the nearest first, back to the end of the block before.
        last: that block's file; it goes on if no other was named.

    Returns:
        "" when there is none, or when a line names several.
    """
    for line in above:
        fence = _FENCE.fullmatch(line)
        said = fence[1] if fence else line
        if not said.strip():
            continue
        found = _names(said)
        if len(found) == 1:
            return found.pop()
        if found:
            return ""
        if not fence and not last:
            return ""
    return last


def _names(line: str) -> set[str]:
    if alone := path_only(line):
        return {alone}
    found = set()
    for quoted, plain in _IN_PROSE.findall(line):
        if name := path_only(plain or (quoted if "." in quoted or "/" in quoted else "")):
            found.add(name)
    return found
