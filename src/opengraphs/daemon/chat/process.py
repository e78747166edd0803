"""The process in which the agent thinks: started for the first turn, ended when it has been idle, never trusted.

It gets what to do as lines of `GET /agent/work` and says what comes of it by `POST /agent/items`; a token in
its environment says that it is ours. Keys of providers are in the environment it inherits, and go nowhere else.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
import os
import secrets
import signal
import subprocess
import sys
from collections import deque
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

from opengraphs import paths
from opengraphs.daemon.encode import encode_line
from opengraphs.errors import AgentError

log = logging.getLogger("ogd.chat")
START_S = 30.0
END_S = 2.0
PREVIEW_S = 30.0
MAX_WORK = 1000
TOKEN = "OG_AGENT_TOKEN"
SOCKET = "OGD_SOCKET"
_FORGOTTEN = ("OG_RUN_DIR", "OG_RUN_ID", "OG_RUNNER_PID", "OG_PROJECT")


class AgentProcess:
    """One a daemon. Loop thread only.

    Args:
        socket: the daemon's own.
        ended: told a code and a sentence when the process is gone while something was asked of it.
        ready: told when it listens.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        socket: Path,
        *,
        ended: Callable[[str, str], None],
        ready: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._socket = socket
        self._ended, self._ready = ended, ready
        self._token = ""
        self._child: asyncio.subprocess.Process | None = None
        self._life: asyncio.Task[None] | None = None
        self._work: deque[dict[str, Any]] = deque(maxlen=MAX_WORK)
        self._news = asyncio.Event()
        self._end: list[tuple[str, str]] = []
        self._began = False
        self._previews: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._closed = False
        self.listens = False
        self.trouble = ""
        self.provider = self.model = ""

    @property
    def pid(self) -> int | None:
        """Of the process, None when there is none."""
        return self._child.pid if self._child is not None else None

    def wake(self) -> bool:
        """Whether the agent listens; where it does not, it is started."""
        if self._life is None and not self._closed:
            self._life = self._loop.create_task(self._live())
        return self.listens

    def tell(self, line: dict[str, Any]) -> None:
        """Something to do."""
        self._work.append(line)
        self._news.set()

    def knows(self, token: str) -> bool:
        """Whether this is what only our agent knows."""
        return bool(self._token) and hmac.compare_digest(self._token.encode(), token.encode())

    async def work(self) -> AsyncGenerator[bytes, None]:
        """What to do, as lines; the process is there from the first one on."""
        self.listens = self._began = True
        self.trouble = ""
        yield encode_line({"kind": "hello"})
        self._ready()
        try:
            while True:
                while self._work:
                    yield encode_line(self._work.popleft())
                self._news.clear()
                await self._news.wait()
        finally:
            self.listens = False

    async def preview(self, question: dict[str, Any]) -> dict[str, Any]:
        """What the agent would send to a model.

        Raises:
            AgentError: it cannot be asked, or does not say.
        """
        name = secrets.token_hex(8)
        self._previews[name] = answer = self._loop.create_future()
        self.wake()
        self.tell({"kind": "preview", "name": name, **question})
        try:
            await asyncio.wait({answer}, timeout=PREVIEW_S)
            if not answer.done():
                raise AgentError("the agent does not answer", hint="og agent status")
            found: dict[str, Any] = answer.result()
            return found
        finally:
            del self._previews[name]

    def hear(self, item: dict[str, Any]) -> None:
        """What the agent says of itself: its model, or a preview."""
        if item.get("kind") == "hello":
            self.provider, self.model = str(item.get("provider", ""))[:100], str(item.get("model", ""))[:200]
        answer = self._previews.get(str(item.get("name", "")))
        if item.get("kind") == "preview" and answer is not None and not answer.done():
            answer.set_result(item)

    def kill(self, code: str, why: str) -> None:
        """End the process now; whatever it did has failed by `code`."""
        self._end = [(code, why)]
        self._signal(signal.SIGKILL)

    def retire(self) -> None:
        """Let it end, since nobody asks; who asks from now on gets another."""
        if self.listens and not self._previews:
            self.listens = False
            self.tell({"kind": "end"})

    async def close(self) -> None:
        """End it for good."""
        self._closed = True
        if self._life is None:
            return
        self._signal(signal.SIGTERM)
        await asyncio.wait({self._life}, timeout=END_S)
        self._signal(signal.SIGKILL)
        self._life.cancel()
        await asyncio.gather(self._life, return_exceptions=True)

    async def _live(self) -> None:
        """From the start of one process to its end."""
        self._token = secrets.token_hex(24)
        self._end = []
        self._began = self.listens = False
        try:
            self._child = await _spawn(self._token, self._socket)
            starting = self._loop.call_later(START_S, self._check_started)
            try:
                code = await self._child.wait()
            finally:
                starting.cancel()
            self._signal(signal.SIGKILL)  # what it left behind, such as a command that fetches a key
            why = self._end[0] if self._end else _why(code, began=self._began)
        except OSError as error:
            why = ("agent_not_started", f"the agent cannot be started ({error.strerror})")
        finally:
            self._life = self._child = None
            self._token = ""
            self.listens = False
            self._work.clear()
        self._over(*why)

    def _over(self, code: str, why: str) -> None:
        for answer in self._previews.values():
            if not answer.done():
                answer.set_exception(AgentError(why, hint="og agent status"))
        if code:
            self.trouble = why
            log.warning("the agent: %s", why)
        if not self._closed:
            self._ended(code or "agent_ended", why)

    def _check_started(self) -> None:
        if not self.listens:
            self.kill("agent_not_started", f"the agent did not come up within {START_S:g} s")

    def _signal(self, number: int) -> None:
        if self._child is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._child.pid, number)


def _why(code: int, *, began: bool) -> tuple[str, str]:
    """Why a process is gone: its code and a sentence; no code when it went by itself."""
    if code == 0:
        return "", "the agent ended"
    how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
    return ("agent_crashed" if began else "agent_not_started"), f"the agent ended {how}; see {log_file()}"


def log_file() -> str:
    """Where the agent writes what went wrong."""
    return str(paths.state_dir() / "agent.log")


async def _spawn(token: str, socket: Path) -> asyncio.subprocess.Process:
    env = {name: value for name, value in os.environ.items() if name not in _FORGOTTEN}
    env |= {TOKEN: token, SOCKET: str(socket)}
    log_fd = _open_log()
    try:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *("-I", "-m", "opengraphs.agent"),
            stdin=subprocess.DEVNULL,
            stdout=log_fd,
            stderr=log_fd,
            cwd="/",
            env=env,
            start_new_session=True,
        )
    finally:
        os.close(log_fd)


def _open_log() -> int:
    """The log, begun anew when it has grown; nowhere when the state folder cannot be written."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
    try:
        file = os.open(log_file(), flags, 0o600)
        if os.fstat(file).st_size > 1 << 20:
            os.ftruncate(file, 0)
    except OSError:
        return os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    return file
