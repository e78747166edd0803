"""A tmux server of one's own, for what an emulator in the test cannot show: a real terminal."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from og_user import wait_until

INSTALLED = shutil.which("tmux") is not None


class Tmux:
    """One detached session. A context manager; leaving it ends the server."""

    def __init__(
        self,
        command: list[str],
        *,
        env: dict[str, str],
        cwd: Path,
        folder: Path,
        columns: int = 120,
        rows: int = 40,
    ) -> None:
        self._socket = folder / "tmux.sock"
        self._env = env
        size = ["-x", str(columns), "-y", str(rows)]
        options = ["-f", "/dev/null", "new-session", "-d", "-s", "og", *size, "-c", str(cwd)]
        self._tmux(*options, *command)

    def __enter__(self) -> Tmux:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def text(self) -> str:
        """What the pane shows."""
        return self._tmux("capture-pane", "-p", "-t", "og").stdout

    def wait_for(self, seen: Callable[[str], object], *, within_s: float = 15) -> str:
        """The pane's text as soon as `seen(text)` holds."""

        def found() -> str | None:
            text = self.text()
            return text if seen(text) else None

        return wait_until(found, within_s=within_s, what="on the tmux pane")

    def send(self, *keys: str) -> None:
        """Type keys by tmux's names."""
        self._tmux("send-keys", "-t", "og", *keys)

    def kill(self) -> None:
        """End the server and with it the session, as closing the last window does."""
        self._tmux("kill-server", check=False)

    def _tmux(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["tmux", "-S", str(self._socket), *words],
            env=self._env,
            capture_output=True,
            text=True,
            check=check,
            timeout=20,
        )
