"""A look at every import: when a module of the table has run its code, its hook follows.

The finder stands first on `sys.meta_path`, asks the others for the module and lends the
loader they give a second step. Everything else about the module (its loader, spec, file,
resources) is as it would be without og.
"""

from __future__ import annotations

import atexit
import sys
from _thread import get_ident

from .table import TABLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any, Dict, FrozenSet, Optional, Set, Tuple


class Finder:
    """The meta-path finder.

    Args:
        off: names of the table that are not hooked.
    """

    def __init__(self, off: FrozenSet[str]) -> None:
        self._rows: Dict[str, Tuple[str, str]] = {
            module: row for module, row in TABLE.items() if row[0] not in off
        }
        self._asking: Set[Tuple[int, str]] = set()

    def find_spec(
        self, fullname: str, path: Any = None, target: Optional[ModuleType] = None
    ) -> Optional[ModuleSpec]:
        """The spec the other finders have, its loader taught to hook; None for all other modules."""
        row = self._rows.get(fullname)
        if row is None:
            return None
        key = (get_ident(), fullname)
        if key in self._asking:
            return None
        self._asking.add(key)
        try:
            spec = self._ask_others(fullname, path, target)
        finally:
            self._asking.discard(key)
        if spec is not None and spec.loader is not None:
            try:
                _lend(spec.loader, fullname, row)
            except (
                Exception
            ) as error:  # the border of the hooks: a loader that cannot be taught loads without us
                _trouble(row[0], error)
        return spec

    def _ask_others(self, fullname: str, path: Any, target: Any) -> Optional[ModuleSpec]:
        for finder in list(sys.meta_path):
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec = find(fullname, path, target) if find is not None else None
            if spec is not None:
                return spec  # type: ignore[no-any-return]
        return None

    def hook_loaded(self) -> None:
        """Hook what was imported before this finder came."""
        for fullname, row in self._rows.items():
            module = sys.modules.get(fullname)
            if module is not None:
                _hook(module, row)


def _lend(loader: Any, fullname: str, row: Tuple[str, str]) -> None:
    """Have `loader` hook the module after its code has run. The loader itself stays what it is."""
    run = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        run(module)
        if module.__name__ == fullname:  # a loader may be shared, as that of a zip file is
            loader.__dict__.pop("exec_module", None)
            _hook(module, row)

    loader.exec_module = exec_module


def _hook(module: ModuleType, row: Tuple[str, str]) -> None:
    """Run the file that hooks this module. Never raises."""
    name, file = row
    try:
        __import__(__package__ + "." + file)
        sys.modules[__package__ + "." + file].hook(module)
        from .guard import note_active

        note_active(name, module)
    except Exception as error:  # the border of the hooks: the library is as it was, or nearly
        _trouble(name, error)


def _trouble(name: str, error: BaseException) -> None:
    from .guard import trouble

    trouble(name, error)


def _end() -> None:
    """Registered before any library registers its own end, and so called after all of them."""
    try:
        channel = sys.modules.get(__package__ + ".channel")
        guard = sys.modules.get(__package__ + ".guard")
        if channel is not None and channel.is_open():
            channel.close()
        elif guard is not None and guard.has_news():
            _tell_hooks(guard.hooks_now())
    except Exception as error:  # the border of the hooks
        _trouble("mirror", error)


def _tell_hooks(now: Dict[str, Any]) -> None:
    """A library was hooked and nothing came: that is known of the run nevertheless."""
    from .early import is_child, tell

    if not is_child():
        tell("hooks", "hooks", now)


def install(off: str) -> None:
    """Watch imports from now on.

    Args:
        off: names of the table, comma separated, that are not to be hooked.
    """
    if any(isinstance(finder, Finder) for finder in sys.meta_path):
        return
    finder = Finder(frozenset(name.strip() for name in off.split(",")))
    sys.meta_path.insert(0, finder)  # type: ignore[arg-type]
    atexit.register(_end)
    finder.hook_loaded()
