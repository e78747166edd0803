"""Find the next log line that matches, in bounded time whatever the pattern.

Python's matcher can need exponential time, cannot be interrupted, and the text is not
ours. Patterns that cannot go wrong run here, line by line against a deadline; those that
could (repeats inside repeats, many open repeats) run in a child process that is ended
when its time is up.
"""

from __future__ import annotations

import importlib
import json
import math
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from opengraphs.errors import UsageError
from opengraphs.records import LogLine
from opengraphs.store.logfile import LogFile
from opengraphs.store.logtext import clean, decode_line, plain

MAX_PATTERN_CHARS = 500
_SEARCHED_CHARS = 2048
_BATCH_LINES = 512
_MANY = 8
_MOST_BITS, _BITS_A_DEGREE = 16, 12
_CHILD_START_S = 2.0


class Found(NamedTuple):
    """line None: nothing so far; next None: all was searched, else go on from there."""

    line: LogLine | None
    next: int | None
    total_lines: int
    size_bytes: int


class Matches(NamedTuple):
    """Matching lines in order; next None: all was searched, else go on from there."""

    lines: list[LogLine]
    next: int | None
    total_lines: int
    size_bytes: int


def search(log: LogFile, pattern: str, *, start: int, forward: bool, budget_s: float) -> Found:
    """The first match at or after line `start`, or at or before it when not `forward`.

    Raises:
        UsageError: the pattern does not parse or took too long.
        OSError: the log cannot be read.
    """
    found = _search(log, pattern, start, forward, 1, budget_s)
    line = found.lines[0] if found.lines else None
    return Found(line, found.next, found.total_lines, found.size_bytes)


def matching(log: LogFile, pattern: str, *, start: int, limit: int, budget_s: float) -> Matches:
    """At most `limit` matching lines from line `start` on.

    Raises:
        UsageError: the pattern does not parse or took too long.
        OSError: the log cannot be read.
    """
    return _search(log, pattern, start, True, limit, budget_s)


def _search(log: LogFile, pattern: str, start: int, forward: bool, limit: int, budget_s: float) -> Matches:
    compiled = compile_pattern(pattern)
    if is_risky(pattern):
        return _search_in_child(log.path, pattern, start, forward, limit, budget_s)
    return _search_here(log, compiled, start, forward, limit, budget_s)


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Compile, or say where the pattern broke.

    Raises:
        UsageError: empty, too long, or not a regular expression.
    """
    if not pattern or len(pattern) > MAX_PATTERN_CHARS:
        raise UsageError(f"a search pattern has 1 to {MAX_PATTERN_CHARS} characters")
    try:
        return re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        where = getattr(error, "pos", None)
        place = f" at position {where}" if where is not None else ""
        raise UsageError(
            f"the search pattern does not parse{place}: {error}", hint="escape ( [ { * + ? . \\ with \\"
        ) from error


def is_risky(pattern: str) -> bool:
    """Whether matching at one place could take more than about the square of the line's length."""
    items = list(_parsed(pattern))
    return _degree(items, inside=False) > 2 or _bits(items) > _MOST_BITS


def cost_exponent(pattern: str) -> float:
    """A search takes about the text's length to this power at most, where the pattern is not risky."""
    parsed = _parsed(pattern)
    items = list(parsed)
    is_anchored = (
        bool(items)
        and str(items[0][1]) in ("AT_BEGINNING", "AT_BEGINNING_STRING")
        and not parsed.state.flags & re.MULTILINE
    )
    places = 0 if is_anchored else 1  # where a match may begin
    return max(1.0, places + _degree(items, inside=False) + _bits(items) / _BITS_A_DEGREE)


def _parsed(pattern: str) -> Any:
    parser: Any = importlib.import_module("re._parser" if sys.version_info >= (3, 11) else "sre_parse")
    return parser.parse(pattern)


def _bits(items: list[Any]) -> float:
    """What choices between a few ways cost together, as a power of two: `a?a?a?` are three."""
    total = 0.0
    for operation, argument in items:
        name = str(operation)
        if name in ("MAX_REPEAT", "MIN_REPEAT"):
            least, most, body = argument
            ways = int(most) - int(least) + 1
            total += math.log2(ways) if ways <= _MANY + 1 else 0.0  # the others are open
            total += min(int(most), 100) * _bits(list(body))
        elif name == "BRANCH":
            total += math.log2(len(argument[1])) + max(_bits(list(branch)) for branch in argument[1])
        elif name == "SUBPATTERN":
            total += _bits(list(argument[-1]))
    return total


def _degree(items: list[Any], *, inside: bool) -> int:
    """How many open choices follow each other; a choice inside a long repeat counts a lot."""
    total = 0
    for operation, argument in items:
        name = str(operation)
        if name in ("MAX_REPEAT", "MIN_REPEAT"):
            least, most, body = argument
            most = int(most)
            varies = most > _MANY and int(least) != most
            total += 100 if inside and int(least) != most else int(varies)
            total += min(most, 100) * _degree(list(body), inside=inside or most > _MANY)
        elif name == "BRANCH":
            total += 100 if inside else 0
            total += max((_degree(list(branch), inside=inside) for branch in argument[1]), default=0)
        elif name in (
            "GROUPREF",
            "GROUPREF_EXISTS",
            "ASSERT",
            "ASSERT_NOT",
            "ATOMIC_GROUP",
            "POSSESSIVE_REPEAT",
        ):
            total += 3
        elif name == "SUBPATTERN":
            total += _degree(list(argument[-1]), inside=inside)
    return total


def _search_here(
    log: LogFile, pattern: re.Pattern[str], start: int, forward: bool, limit: int, budget_s: float
) -> Matches:
    deadline = time.monotonic() + budget_s
    found: list[LogLine] = []
    with log.opened() as (fd, size, _):
        total = log.total_lines(fd, size) if size else 0
        lines = _forward(log, fd, size, start) if forward else _backward(log, fd, size, min(start, total - 1))
        for number, data in lines:
            text = decode_line(data)
            onward = number + 1 if forward else (number - 1 if number else None)
            if pattern.search(plain(text)[:_SEARCHED_CHARS]):
                found.append({"n": number, "text": clean(text)})
            if len(found) == limit or time.monotonic() > deadline:
                return Matches(found, onward, total, size)
        return Matches(found, None, total, size)


def _forward(log: LogFile, fd: int, size: int, start: int) -> Iterator[tuple[int, bytes]]:
    if size:
        yield from log.lines_from(fd, size, max(0, start))


def _backward(log: LogFile, fd: int, size: int, start: int) -> Iterator[tuple[int, bytes]]:
    high = start + 1
    while high > 0 and size:
        low = max(0, high - _BATCH_LINES)
        batch = []
        for number, data in log.lines_from(fd, size, low):
            batch.append((number, data))
            if number >= high - 1:
                break
        yield from reversed(batch)
        high = low


def _search_in_child(
    path: Path, pattern: str, start: int, forward: bool, limit: int, budget_s: float
) -> Matches:
    order = json.dumps(
        {
            "path": str(path),
            "pattern": pattern,
            "start": start,
            "forward": forward,
            "limit": limit,
            "budget_s": budget_s,
        }
    )
    command = [sys.executable, "-I", "-c", "from opengraphs.store.logsearch import child_main; child_main()"]
    try:
        done = subprocess.run(
            command, input=order.encode(), capture_output=True, timeout=budget_s + _CHILD_START_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise UsageError(
            "the search pattern takes too long on this log",
            hint="avoid a repeat inside a repeat, such as (a+)+",
        ) from error
    if done.returncode != 0:
        raise OSError(f"the log search ended with code {done.returncode}")
    reply = json.loads(done.stdout)
    return Matches(reply["lines"], reply["next"], reply["total_lines"], reply["size_bytes"])


def child_main() -> None:
    """The child's whole life: one order on stdin, one reply on stdout."""
    order = json.loads(sys.stdin.buffer.read())
    found = _search_here(
        LogFile(Path(order["path"])),
        compile_pattern(order["pattern"]),
        order["start"],
        order["forward"],
        order["limit"],
        order["budget_s"],
    )
    sys.stdout.write(json.dumps(found._asdict()))
