"""Values of foreign files as og takes them: finite in size, plain in kind, clean in text."""

from __future__ import annotations

import json
import math
import re
import stat
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

MAX_NAME = 512
MAX_TEXT = 4096
MAX_ITEMS = 5000
MAX_METRICS = 20_000
MAX_DEPTH = 12
MAX_STEP = 1 << 53

_NON_FINITE = {
    "nan": math.nan,
    "inf": math.inf,
    "+inf": math.inf,
    "-inf": -math.inf,
    "infinity": math.inf,
    "+infinity": math.inf,
    "-infinity": -math.inf,
}
_FLOAT = re.compile(r"[+-]?(\d+\.\d*|\.\d+|\d+(?=[eE]))([eE][+-]?\d+)?\Z", re.ASCII)
_PLAIN_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\Z", re.ASCII)
_GENERIC = re.compile(
    r"(version_?\d+|v?\d+|logs?|csv_?logs?|outputs?|results?|out|runs?|metrics|progress|train|training|history"
    r"|checkpoints?|tensorboard|result|logging|trainer_log|\.|)\Z",
    re.IGNORECASE,
)


def clean(text: str, limit: int = MAX_NAME) -> str:
    """Text without control characters and lone surrogates, of at most `limit` characters."""
    text = text[:limit]
    if text.isprintable():
        return text
    kept = "".join(character if character.isprintable() else " " for character in text)
    return kept.encode("utf-8", "replace").decode()


def number(value: object) -> float | None:
    """The float that a JSON or database value means as a metric; None for what is none.

    Bools are none. Strings are where they name a non-finite value, or are written with a
    point or an exponent, as some loggers do; digits alone may as well be an id.
    """
    if type(value) is float:
        return value
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        try:
            return float(value)
        except OverflowError:
            return None
    if isinstance(value, str) and len(value) < 64:
        if _FLOAT.match(value):
            return float(value)
        return _NON_FINITE.get(value.lower())
    return None


def cell(text: str) -> float | None:
    """The float in a table's cell; None for what is empty or no plain number (`1,5`, `1_0`, `0x1`)."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if "_" not in text and text.isascii() else None


def step_number(value: object) -> int | None:
    """A whole number that can be a step, else None."""
    found = cell(value) if isinstance(value, str) else number(value)
    if found is None or math.isnan(found) or abs(found) > MAX_STEP or found != int(found):
        return None
    return int(found)


def epoch_s(value: object) -> float | None:
    """Epoch seconds of a time stamp: a number in s, ms, µs or ns since 1970, or ISO-8601.

    None for what is no date of this century's first half, seconds since the start of a run among them.
    """
    if isinstance(value, str):
        found = cell(value)
        if found is None:
            return _iso_s(value)
    else:
        found = number(value)
    if found is None:
        return None
    for scale in (1.0, 1e3, 1e6, 1e9):
        if 946_684_800 <= found / scale < 2_524_608_000:
            return found / scale
    return None


def epoch_of_ms(value: object) -> float:
    """Epoch seconds of MLflow's time stamps, milliseconds since 1970; 0.0 for what is none."""
    if type(value) is int and 100_000_000_000 < value < 100_000_000_000_000:
        return value / 1000
    return epoch_s(value) or 0.0


def _iso_s(text: str) -> float | None:
    if not 10 <= len(text) <= 40 or not text[:4].isdigit():
        return None
    try:
        found = datetime.fromisoformat(text.strip().replace("Z", "+00:00").replace("_", " "))
        return (found if found.tzinfo else found.astimezone()).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def iso(seconds: float) -> str:
    """Epoch seconds as run.json writes times: UTC ISO-8601 with microseconds, 1970 for what is no date."""
    try:
        found = datetime.fromtimestamp(seconds, timezone.utc)
    except (ValueError, OverflowError, OSError):
        found = datetime.fromtimestamp(0, timezone.utc)
    return found.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def flatten(values: Mapping[Any, Any], found: dict[str, float], prefix: str = "", depth: int = 0) -> None:
    """Add the numbers of a nested mapping to `found`, names joined with `/`.

    What is not a number is left out; so is a typed value (`{"_type": …}`), what lies deeper
    than `MAX_DEPTH`, and what comes after `MAX_METRICS` names.
    """
    for name, value in values.items():
        key = name if type(name) is str and name.isprintable() and len(name) < MAX_NAME else clean(str(name))
        if isinstance(value, dict):
            if depth < MAX_DEPTH and "_type" not in value:
                flatten(value, found, f"{prefix}{key}/", depth + 1)
            continue
        as_float = value if type(value) is float else number(value)
        if as_float is not None and len(found) < MAX_METRICS:
            found[prefix + key] = as_float


def config(values: object) -> dict[str, Any]:
    """A foreign configuration as run.json can hold it: JSON types, capped in depth, count and length."""
    kept = _Capped().tree(values, 0)
    return kept if isinstance(kept, dict) else {}


class _Capped:
    def __init__(self) -> None:
        self._left = MAX_ITEMS

    def tree(self, value: object, depth: int) -> Any:
        self._left -= 1
        if isinstance(value, Mapping):
            items = value.items() if depth < MAX_DEPTH else ()
            return {clean(str(key)): self.tree(item, depth + 1) for key, item in items if self._left > 0}
        if isinstance(value, (list, tuple)):
            return [self.tree(item, depth + 1) for item in value if self._left > 0 and depth < MAX_DEPTH]
        if isinstance(value, float) and not math.isfinite(value):
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        if isinstance(value, int) and abs(value) >= 1 << 63:
            return float(value) if abs(value) < 1 << 1000 else None
        if value is None or isinstance(value, (bool, int, float)):
            return value
        return clean(str(value), MAX_TEXT)


def file_mark(path: Path) -> tuple[int, int, int] | None:
    """Changes when the file does; None where it is not there or may not be looked at."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def folder_name(folder: Path) -> str:
    """A run's name from its folder: with the one above where the folder's own says little."""
    folder = Path(folder).absolute()
    name = clean(folder.name)
    if _GENERIC.match(name) and folder.parent.name:
        return f"{clean(folder.parent.name)}/{name}" if name else clean(folder.parent.name)
    return name


def file_name(path: Path) -> str:
    """A run's name from its file, from the folder where the file is called as all such files are."""
    stem = clean(path.stem)
    return folder_name(path.parent) if _GENERIC.match(stem) else stem


def flat_yaml(text: str) -> dict[str, Any]:
    """The `key: scalar` lines at the top level of a YAML text; everything else in it is passed over.

    No YAML: no anchors, tags, blocks or flows are followed, so nothing can be built by them.
    """
    found: dict[str, Any] = {}
    for line in text.splitlines()[:MAX_ITEMS]:
        key, colon, rest = line.partition(":")
        if not colon or not key or key != key.strip() or key[0] in "#-%&*!|>'\"{[?@`":
            continue
        scalar = _yaml_scalar(rest.strip())
        if scalar is not _NOTHING:
            found[clean(key)] = scalar
    return found


_NOTHING = object()
_WORDS: dict[str, Any] = {"null": None, "~": None, "true": True, "false": False}


def _yaml_scalar(text: str) -> Any:
    if text[:1] in {"'", '"'} and len(text) >= 2:
        end = text.find(text[0], 1)
        return clean(text[1:end], MAX_TEXT) if end > 0 else _NOTHING
    text = text.partition(" #")[0].strip()
    if not text or text[0] in "&*!|>{[@`%#":
        return _NOTHING
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if re.fullmatch(r"[+-]?\d{1,18}", text, re.ASCII):
        return int(text)
    if _PLAIN_NUMBER.match(text):
        return float(text)
    return clean(text, MAX_TEXT)


def head(path: Path, limit: int) -> bytes:
    """The first bytes of a regular file; empty for what is none or cannot be read."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for its writer
            return b""
        with path.open("rb", buffering=0) as file:
            return file.read(limit) or b""
    except (OSError, ValueError):
        return b""


def read_text(path: Path, limit: int = 1 << 20) -> str:
    """The start of a small side file as text; empty where it cannot be read."""
    return head(path, limit).decode("utf-8", "replace")


def decoded(data: bytes | str) -> Any:
    """What a piece of JSON means; bare `NaN` and `Infinity` are read too.

    Raises:
        ValueError: it is no JSON, or is nested beyond all reason.
    """
    import msgspec

    try:
        return msgspec.json.decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        pass
    try:
        return json.loads(data)
    except RecursionError:
        raise ValueError("nested too deep") from None
