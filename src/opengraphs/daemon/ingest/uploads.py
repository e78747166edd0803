"""Files on their way in: a multipart body goes to disk as it comes, under names of our own."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import AsyncIterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from opengraphs import paths
from opengraphs.errors import UsageError

MAX_UPLOAD_BYTES = 16 << 30
MAX_HEAD_BYTES = 16 << 10
MAX_WAITING = 10_000
_BOUNDARY = re.compile(r'boundary="?([^";,]{1,200})"?', re.IGNORECASE)
_FILE_NAME = re.compile(rb'filename="((?:[^"\\]|\\.)*)"')
_SAFE_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,12}")


class Uploads:
    """Files that were sent and not yet asked for: a client names them by the path it was told."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or paths.cache_dir() / "ingest-uploads"
        self._waiting: dict[str, Path] = {}

    def clear(self) -> None:
        """Remove what nobody will ask for any more."""
        self._waiting.clear()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def receive(self, content_type: str, body: AsyncIterator[bytes]) -> list[str]:
        """Store every file of a `multipart/form-data` body; the paths to name them by.

        Raises:
            UsageError: it is no such body, or too long.
            OSError: the disk takes no more.
        """
        found = _BOUNDARY.search(content_type)
        if found is None or "multipart/form-data" not in content_type.lower():
            raise UsageError("an upload is multipart/form-data with a boundary")
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        parts = _Parts(found[1].encode("latin-1", "replace"), self._folder)
        total = 0
        try:
            async for piece in body:
                total += len(piece)
                if total > MAX_UPLOAD_BYTES:
                    raise UsageError(f"an upload is at most {MAX_UPLOAD_BYTES >> 30} GiB")
                parts.feed(piece)
            files = parts.finish()
        except BaseException:
            parts.abandon()
            raise
        for file in files:
            self._waiting[str(file)] = file
        while len(self._waiting) > MAX_WAITING:
            self._waiting.pop(next(iter(self._waiting))).unlink(missing_ok=True)
        return [str(file) for file in files]

    def take(self, uploaded: object) -> Path:
        """The file behind `{"path": …}`; the caller moves or removes it.

        Raises:
            UsageError: nothing of that name was uploaded here.
        """
        path = uploaded.get("path") if isinstance(uploaded, dict) else None
        found = self._waiting.pop(path, None) if isinstance(path, str) else None
        if found is None or not found.is_file():
            raise UsageError(f"no upload is called {str(path)[:200]!r}")
        return found


class _Parts:
    """Cuts a multipart body into files while it arrives; holds no more than a boundary's length."""

    def __init__(self, boundary: bytes, folder: Path) -> None:
        self._delimiter = b"\r\n--" + boundary
        self._folder = folder
        self._rest = b"\r\n"  # so that the first boundary looks like the others
        self._file: BinaryIO | None = None
        self._state = "body"
        self._files: list[Path] = []

    def feed(self, piece: bytes) -> None:
        self._rest += piece
        while self._state != "end" and self._step():
            pass

    def _step(self) -> bool:
        """Take what can be taken; False: more must come first."""
        if self._state == "body":
            return self._take_body()
        if self._state == "behind":
            return self._take_mark()
        return self._take_head()

    def _take_body(self) -> bool:
        end = self._rest.find(self._delimiter)
        taken = max(0, len(self._rest) - len(self._delimiter) + 1) if end < 0 else end
        if self._file is not None and taken:
            self._file.write(self._rest[:taken])
        self._rest = self._rest[taken:]
        if end < 0:
            return False
        self._rest = self._rest[len(self._delimiter) :]
        self._close()
        self._state = "behind"
        return True

    def _take_mark(self) -> bool:
        if len(self._rest) < 2:
            return False
        self._state = "end" if self._rest.startswith(b"--") else "head"
        return True

    def _take_head(self) -> bool:
        end = self._rest.find(b"\r\n\r\n")
        if end < 0:
            if len(self._rest) > MAX_HEAD_BYTES:
                raise UsageError("a part of the upload has no end of its head")
            return False
        name = _FILE_NAME.search(self._rest[:end])
        if name is not None:
            suffix = PurePosixPath(name[1].decode("utf-8", "replace")).suffix
            path = self._folder / (
                f"upload-{secrets.token_hex(12)}{suffix if _SAFE_SUFFIX.fullmatch(suffix) else ''}"
            )
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            self._file = os.fdopen(fd, "wb")
            self._files.append(path)
        self._rest = self._rest[end + 4 :]
        self._state = "body"
        return True

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def finish(self) -> list[Path]:
        """The files of a whole body.

        Raises:
            UsageError: it was cut short.
        """
        if self._state != "end":
            raise UsageError("the upload ended in the middle")
        return self._files

    def abandon(self) -> None:
        """Remove what was stored."""
        self._close()
        for path in self._files:
            path.unlink(missing_ok=True)
