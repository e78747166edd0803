"""The border around foreign code: methods of a library are watched, and it never notices.

`after` and `before` wrap a method. The library's own result or exception comes out as it
was; what our part raises goes to `hooks.log`. While a wrapped method runs, calls that it
makes to other methods wrapped under the same hook name are its own affair and not seen.
"""

from __future__ import annotations

import os
import sys
import time
from _thread import _local

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType, TracebackType
    from typing import Any, Callable, Dict, List, Optional, Set, Tuple

MAX_TROUBLES = 100
"""Lines that one process writes to hooks.log at most."""

ACTIVE: Dict[str, str] = {}
"""What was hooked in this process: name → the top module of the library."""
FAILED: Dict[str, str] = {}
"""What could not be hooked: name → why."""
CONFIGURED: List[str] = []
"""The hooks that told settings of the run in this process."""
_seen: Set[Tuple[str, str, int]] = set()


class _Inside(_local):
    """Hook names whose wrapped methods run in this thread now."""

    def __init__(self) -> None:
        self.names: Set[str] = set()


_inside = _Inside()


def after(owner: Any, name: str, observe: Callable[..., Any], *, hook: str) -> None:
    """Have `observe(result, *args, **kwargs)` called when `owner.name(*args, **kwargs)` has returned.

    Args:
        owner: a class or a module. args begin with the instance where it is a class.
        hook: the name of this hook, as in the table.

    Where there is no such method the library is of another version: hooks.log says so, and
    the rest of the hook goes on.
    """
    real, was = _method(owner, name, hook), _inside
    if real is None:
        return

    def call(*args: Any, **kwargs: Any) -> Any:
        inside = was.names
        if hook in inside:
            return real(*args, **kwargs)
        inside.add(hook)
        try:
            result = real(*args, **kwargs)
        finally:
            inside.discard(hook)
        try:
            observe(result, *args, **kwargs)
        except Exception as error:  # the border of the hooks
            trouble(hook, error)
        return result

    _replace(owner, name, real, call)


def before(owner: Any, name: str, prepare: Callable[..., Any], *, hook: str) -> None:
    """Have `prepare(args, kwargs)` called first; it may return other `(args, kwargs)`, or None.

    Args: as `after`. What `prepare` raises leaves the arguments as they were.
    """
    real, was = _method(owner, name, hook), _inside
    if real is None:
        return

    def call(*args: Any, **kwargs: Any) -> Any:
        inside = was.names
        if hook in inside:
            return real(*args, **kwargs)
        try:
            changed = prepare(args, kwargs)
        except Exception as error:  # the border of the hooks
            trouble(hook, error)
            changed = None
        if changed is not None:
            args, kwargs = changed
        inside.add(hook)
        try:
            return real(*args, **kwargs)
        finally:
            inside.discard(hook)

    _replace(owner, name, real, call)


def after_set(owner: type, name: str, observe: Callable[..., Any], *, hook: str) -> None:
    """Have `observe(None, instance, value)` called when the property `name` has been set."""
    found = owner.__dict__.get(name)
    if not isinstance(found, property) or found.fset is None:
        _missing(owner, name, hook)
        return
    setter = type("", (), {"set": found.fset})
    after(setter, "set", observe, hook=hook)
    setattr(owner, name, property(found.fget, setter.__dict__["set"], found.fdel, found.__doc__))


def guarded(hook: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator for functions that foreign code calls, such as callbacks: they never raise."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            try:
                return function(*args, **kwargs)
            except Exception as error:  # the border of the hooks
                trouble(hook, error)
                return None

        return _like(function, call)

    return decorate


def _method(owner: Any, name: str, hook: str) -> Any:
    real = getattr(owner, name, None)
    if real is None:
        _missing(owner, name, hook)
    return real


def _missing(owner: Any, name: str, hook: str) -> None:
    text = "%s has no %s" % (getattr(owner, "__qualname__", getattr(owner, "__name__", owner)), name)
    FAILED.setdefault(hook, text)
    note(hook, text)


def _replace(owner: Any, name: str, real: Any, call: Any) -> None:
    if getattr(real, "_og_wrapped", None) is not None:  # the module was loaded twice, its class was not
        return
    _like(real, call)
    call._og_wrapped = real
    setattr(owner, name, call)


def _like(real: Any, call: Any) -> Any:
    """What functools.wraps does, without its import."""
    for name in ("__module__", "__name__", "__qualname__", "__doc__"):
        try:
            setattr(call, name, getattr(real, name))
        except (AttributeError, TypeError):
            pass
    call.__dict__.update(getattr(real, "__dict__", {}))
    call.__wrapped__ = real
    return call


def note_active(name: str, module: ModuleType) -> None:
    """Remember that a library is hooked; the run's records say so with the next that is mirrored."""
    ACTIVE[name] = module.__name__.partition(".")[0]
    known: List[str] = getattr(sys, "_opengraphs_hooks", [])
    if name not in known:
        known.append(name)


def hooks_now() -> Dict[str, Any]:
    """What the `hooks` event says of this process."""
    python = "Python %d.%d.%d" % sys.version_info[:3]
    return {
        "active": [str(name) for name in getattr(sys, "_opengraphs_hooks", [])],
        "versions": {"sitecustomize": python, **{name: _version(name, top) for name, top in ACTIVE.items()}},
        "failed": dict(FAILED),
    }


def has_news() -> bool:
    """Whether more is to be told than that a Python was reached which parses arguments that are no settings."""
    return bool(FAILED or CONFIGURED) or any(name != "argparse" for name in ACTIVE)


def _version(name: str, top: str) -> str:
    """What the library calls its version once it has been imported whole, with its name where ours differs."""
    version = getattr(sys.modules.get(top), "__version__", "")
    version = version[:50] if isinstance(version, str) else ""
    return version if name == top else ("%s %s" % (top, version)).strip()


def trouble(hook: str, error: BaseException) -> None:
    """Note in the run's hooks.log what went wrong, once for each place in the code. Never raises."""
    try:
        _trouble(hook, error)
    except Exception:  # the border of the hooks: no room for the note
        pass


def _trouble(hook: str, error: BaseException) -> None:
    file, line = _place(error.__traceback__)
    key = (hook, file, line)
    if key in _seen or len(_seen) >= MAX_TROUBLES:
        return
    _seen.add(key)
    FAILED.setdefault(hook, "%s: %s" % (type(error).__name__, str(error)[:200]))
    note(hook, "%s:%d: %s: %s" % (os.path.basename(file), line, type(error).__name__, error))


def note(hook: str, text: str) -> None:
    """Append a line to the run's hooks.log."""
    shown = "".join(char if char.isprintable() else "?" for char in text)[:500]
    line = "%s pid %d %s: %s\n" % (
        time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        os.getpid(),
        hook,
        shown,
    )
    folder = os.environ.get("OG_RUN_DIR")
    if folder:
        with open(os.path.join(folder, "hooks.log"), "a", encoding="utf-8") as log:
            log.write(line)


def _place(trace: Optional[TracebackType]) -> Tuple[str, int]:
    """File and line where it was raised, the deepest of ours that is known."""
    file, line = "?", 0
    while trace is not None:
        file, line = trace.tb_frame.f_code.co_filename, trace.tb_lineno
        trace = trace.tb_next
    return file, line
