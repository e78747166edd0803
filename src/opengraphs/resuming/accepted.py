"""Guessed arguments that a person has seen and accepted: `resume.json` in the state folder.

By the script's text: who changes the script is asked again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from opengraphs import paths

MAX_KEPT = 500
_MAX_BYTES = 1 << 20


def file() -> Path:
    """Where it is kept; whoever deletes it is asked again."""
    return paths.state_dir() / "resume.json"


def is_accepted(digest: str, args: Sequence[str]) -> bool:
    """Whether these arguments were accepted for this text of a script."""
    return _read().get(digest) == list(args)


def accept(digest: str, args: Sequence[str]) -> None:
    """Remember it; a state folder that cannot be written means that it is asked again."""
    kept = {name: words for name, words in _read().items() if name != digest}
    kept[digest] = list(args)
    for name in list(kept)[:-MAX_KEPT]:
        del kept[name]
    path = file()
    temp = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temp.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
        temp.replace(path)
    except OSError:
        return


def _read() -> dict[str, list[str]]:
    try:
        value = json.loads(file().read_bytes()[:_MAX_BYTES])
    except (OSError, ValueError):
        return {}
    if not isinstance(value, dict):
        return {}
    return {name: words for name, words in value.items() if isinstance(words, list)}
