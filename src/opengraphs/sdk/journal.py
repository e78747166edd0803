"""A journal: JSON Lines that one process appends to, in numbered segments of one writer's name.

    with Journal(folder, "runner") as journal:
        journal.append({"time": time.time(), "kind": "note", "text": "hello"})

A line is in the page cache when `append` returns: it survives the death of the process.
The way it gets there is a sink's matter, `mapped` or `append` (see those modules). After
`fork` the child writes a journal of its own name.
"""

from __future__ import annotations

import os

from . import encode, keeper, locks
from .appended import FLAGS, AppendSink
from .mapped import MappedSink
from .segment import JournalBusyError, Segment, last_segment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional, Union

    from .window import Sizes

__all__ = ["Journal", "JournalBusyError", "is_written"]


class Journal:
    """One writer's journal in a folder. Threads and signal handlers may share it.

    Attributes:
        mode: `mapped` or `append`, what is really used.
        put: append a line that is encoded already; see `MappedSink.put`.
        on_drop: called with the error after a line found no space. By default nothing:
            `dropped` counts.
        on_space: called with the number dropped since, when there is space again.
    """

    put: Callable[[bytes], None]

    def __init__(
        self,
        folder: str,
        writer: str,
        *,
        mode: str = "append",
        upkeep: bool = False,
        is_new: bool = False,
        sizes: Optional[Sizes] = None,
    ) -> None:
        """Open a journal for writing; one that a dead writer left is repaired and continued.

        Args:
            mode: `append` or `mapped`. What cannot be mapped is appended to.
            upkeep: let the keeper thread prepare space, sync each second and seal. Without
                it nothing is synced before `close` or `sync`.
            is_new: refuse a journal that exists.

        Raises:
            FileExistsError: it exists, and `is_new`.
            JournalBusyError: another process writes it.
            OSError: the folder cannot be written.
        """
        self.folder = folder
        self.writer = writer
        self._name = writer
        self._is_held = False
        self.on_drop: Callable[[OSError], None] = lambda _error: None
        self.on_space: Callable[[int], None] = lambda _dropped: None
        self._upkeep = upkeep
        self._sizes = sizes
        self._open(mode, is_new)
        _register(self)

    def _open(self, mode: str, is_new: bool) -> None:
        sink: Union[MappedSink, AppendSink, None] = None
        if mode == "mapped":
            sink = self._map(is_new)
        if sink is None:
            is_left = mode == "mapped" and is_new
            segment = _open_segment(self.folder, self.writer, is_new and not is_left, FLAGS)
            sink = AppendSink(self.folder, self.writer, segment, sizes=self._sizes)
        sink.on_drop, sink.on_space = self._on_drop, self._on_space
        self.mode = sink.mode
        self.put = sink.put
        self._sink = sink
        if self._upkeep:
            keeper.keeper().add(sink.tend)

    def _map(self, is_new: bool) -> Optional[MappedSink]:
        """The mapped sink; None where the file system cannot, with the file left as it was."""
        segment = _open_segment(self.folder, self.writer, is_new, 0)
        owner = keeper.keeper() if self._upkeep else None
        end = segment.reserved
        try:
            return MappedSink(self.folder, self.writer, segment, sizes=self._sizes, keeper=owner)
        except (OSError, ValueError):
            segment.cut(end)
            segment.close()
            return None

    def append(self, record: Dict[str, Any]) -> None:
        """Append one record.

        Raises:
            ValueError, TypeError: it holds what JSON does not know.
        """
        self.put(encode.line(record))

    def _on_drop(self, error: OSError) -> None:
        self.on_drop(error)

    def _on_space(self, dropped: int) -> None:
        self.on_space(dropped)

    @property
    def dropped(self) -> int:
        """Records that found no space."""
        return self._sink.dropped

    def sync(self) -> None:
        """Bring everything to the disk, and seal it."""
        self._sink.sync()

    def close(self) -> None:
        """Cut the file at its end, sync, seal and unlock. Later lines are dropped."""
        _open_journals.pop(id(self), None)
        if self._upkeep:
            keeper.keeper().remove(self._sink.tend)
        self._sink.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    # -- fork ----------------------------------------------------------------------------

    def hold(self) -> None:
        """Before a fork: wait until no other thread is between two windows. A second at most."""
        self._is_held = self._sink.lock.acquire(timeout=1.0)

    def release(self) -> None:
        """After a fork, in the parent."""
        if self._is_held:
            self._sink.lock.release()

    def leave(self) -> None:
        """After a fork, in the child: the parent's file is not ours; the first line opens our own."""
        self._sink.forget()
        self.put = self._put_first_in_child

    def _put_first_in_child(self, body: bytes) -> None:
        with self._sink.lock:
            if self.put == self._put_first_in_child:
                self._open_for_child()
        self.put(body)

    def _open_for_child(self) -> None:
        name, number = "%s-f%d" % (self._name, os.getpid()), 1
        while True:
            self.writer = name if number == 1 else "%s.%d" % (name, number)
            try:
                self._open(self.mode, True)
            except FileExistsError:  # a child of the same number, before the machine gave it out again
                number += 1
            else:
                return


def is_written(folder: str, writer: str) -> bool:
    """Whether a process writes this journal now. False where nobody can tell."""
    found = last_segment(folder, writer)
    if found is None:
        return False
    try:
        fd = os.open(found, os.O_RDWR)
    except OSError:
        return False
    if not locks.try_lock(fd):
        locks.close(fd)
        return True
    locks.unlock_and_close(fd)
    return False


def _open_segment(folder: str, writer: str, is_new: bool, flags: int) -> Segment:
    adopted = None if is_new else Segment.adopt(folder, writer, flags=flags)
    return adopted or Segment.create(folder, writer, 0, flags=flags)


_open_journals: Dict[int, Journal] = {}
_held: List[List[Journal]] = []
_hooks_are_set = False


def _register(journal: Journal) -> None:
    global _hooks_are_set
    _open_journals[id(journal)] = journal
    if not _hooks_are_set and hasattr(os, "register_at_fork"):
        _hooks_are_set = True
        os.register_at_fork(
            before=_before_fork, after_in_parent=_after_in_parent, after_in_child=_after_in_child
        )


def _before_fork() -> None:
    journals = list(_open_journals.values())
    for journal in journals:
        journal.hold()
    _held.append(journals)


def _after_in_parent() -> None:
    for journal in _held.pop():  # not those that are open now: another thread may have closed one
        journal.release()


def _after_in_child() -> None:
    keeper.forget()
    _held.clear()
    for journal in list(_open_journals.values()):
        journal.leave()
