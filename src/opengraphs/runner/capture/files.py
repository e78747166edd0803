"""Copies of the scripts a command names: git knows most of them, but not the one just written."""

from __future__ import annotations

import os
import shutil

from opengraphs.runner.commandline import script_index

_MAX_BYTES = 1 << 20


def copy_scripts(command: list[str], cwd: str, target: str) -> list[str]:
    """Copy the script of `command`, and other text files it names directly, into `target`.

    Returns:
        Names of the copies. Files over 1 MiB are data, not scripts, and are left.

    Raises:
        OSError: `target` cannot be written.
    """
    index = script_index(command, cwd)
    words = command[index : index + 1] if index is not None else []
    words += [word for word in command if word.endswith((".yaml", ".yml", ".toml", ".json", ".ini", ".cfg"))]
    copied = []
    for word in dict.fromkeys(words):
        source = os.path.join(cwd, word)
        if os.path.isfile(source) and os.path.getsize(source) <= _MAX_BYTES:
            os.makedirs(target, exist_ok=True)
            name = os.path.basename(word)
            shutil.copyfile(source, os.path.join(target, name))
            copied.append(name)
    return copied
