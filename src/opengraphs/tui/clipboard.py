"""What was copied: kept here for our own paste, and handed to the terminal where it takes it.

Inside tmux the text goes into a tmux buffer, which tmux passes on to the outer terminal
(`load-buffer -w`); elsewhere as OSC 52, which terminals take also through SSH.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

TMUX_TIMEOUT_S = 2.0


class Clipboard:
    """Shared by all input lines of one UI. `text` is what a paste puts in."""

    def __init__(self, to_terminal: Callable[[str], object] | None = None) -> None:
        self.text = ""
        self._to_terminal = to_terminal

    def keep(self, text: str) -> None:
        """Remember for our own paste only: what a deletion took."""
        if text:
            self.text = text

    def copy(self, text: str) -> None:
        """Remember, and put on the user's clipboard as far as the terminal allows."""
        if text:
            self.text = text
            if self._to_terminal is not None:
                self._to_terminal(text)


def to_terminal(
    osc52: Callable[[str], object],
    tell: Callable[[str], object],
    env: Mapping[str, str] | None = None,
) -> Callable[[str], object]:
    """A function that copies text outside og and tells where it went.

    Args:
        osc52: writes the escape sequence to the terminal.
    """
    environ = os.environ if env is None else env

    def copy(text: str) -> None:
        if environ.get("TMUX") and _to_tmux(text):
            tell(f"copied {len(text)} characters to a tmux buffer")
            return
        osc52(text)
        tell(f"copied {len(text)} characters")

    return copy


def _to_tmux(text: str) -> bool:
    """Into tmux's newest buffer; False when there is no tmux to take it."""
    import subprocess

    for command in (["tmux", "load-buffer", "-w", "-"], ["tmux", "load-buffer", "-"]):
        try:
            done = subprocess.run(
                command, input=text.encode(), capture_output=True, timeout=TMUX_TIMEOUT_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
        if done.returncode == 0:
            return True
    return False
