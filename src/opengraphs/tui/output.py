"""The thread that writes to the terminal: whatever the line does, the event loop goes on."""

from __future__ import annotations

import os
import selectors
import threading
from collections.abc import Callable


class Output(threading.Thread):
    """Writes to the terminal, one piece at a time, so that a slow line never holds up the event loop."""

    def __init__(self, fd: int, on_drained: Callable[[], object]) -> None:
        super().__init__(daemon=True, name="og-output")
        self._fd = fd
        self._on_drained = on_drained
        self._ready = threading.Condition()
        self._queue: list[bytes] = []
        self._writing = False
        self._ended = False
        self.lost = False
        """The terminal is gone; what comes is thrown away."""
        self.written_bytes = 0

    @property
    def busy(self) -> bool:
        return bool(self._queue) or self._writing

    def put(self, data: str) -> None:
        with self._ready:
            self._queue.append(data.encode("utf-8", "surrogateescape"))
            self._ready.notify()

    def run(self) -> None:
        while True:
            with self._ready:
                while not self._queue and not self._ended:
                    self._ready.wait()
                if not self._queue:
                    return
                data, self._writing = b"".join(self._queue), True
                self._queue.clear()
            self._write(data)
            with self._ready:
                self._writing = False
                self._ready.notify_all()
            self._on_drained()

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view and not self.lost:
            try:
                sent = os.write(self._fd, view)
            except BlockingIOError:
                selector = selectors.DefaultSelector()
                with selector:
                    selector.register(self._fd, selectors.EVENT_WRITE)
                    selector.select(1.0)
                continue
            except OSError:
                self.lost = True
                return
            self.written_bytes += sent
            view = view[sent:]

    def drain(self, timeout_s: float) -> None:
        """Wait until all is written, for at most `timeout_s`."""
        with self._ready:
            self._ready.wait_for(lambda: not self._queue and not self._writing, timeout_s)

    def stop(self) -> None:
        with self._ready:
            self._ended = True
            self._ready.notify()
