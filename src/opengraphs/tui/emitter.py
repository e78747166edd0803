"""Cells to bytes: what is on the terminal, what should be, and the shortest way from one to the other.

    put (text at a place) ─▶ wanted ─┐
                                     ├─ flush ─▶ moves, SGR changes and characters of changed cells
                        on screen ◀──┘

Nothing here knows Textual; `driver` feeds it. A cell is (character, look); looks are
numbered. Blanks of one background are equal whatever their foreground. A line that
holds a wide character is written whole, because terminals disagree on half of one.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

_SKIP_BYTES = 4
"""What it costs to jump over a few unchanged cells."""

_ERASE_FROM = 8
"""Blanks in a row from which erasing them is shorter than writing them."""

_JUMP_BYTES = 5
"""About what it costs to jump to another place in the line."""

_TEXT, _BLANK, _ERASED = range(3)
_Stretch = tuple[int, int, int, int]
"""(start, end, look, kind) of cells written at once; kind is one of the three above."""

_ON_BLANKS = frozenset(("4", "7", "9", "21", "53"))
"""Attributes that can be seen on a blank: underline, reverse, strike, double underline, overline."""

_OFF = {
    "1": "22",
    "2": "22",
    "3": "23",
    "4": "24",
    "21": "24",
    "5": "25",
    "7": "27",
    "8": "28",
    "9": "29",
    "53": "55",
}


class Look(NamedTuple):
    """How a cell looks: SGR codes of foreground and background ("39", "49" are the terminal's own), attributes."""

    fg: str = "39"
    bg: str = "49"
    attrs: frozenset[str] = frozenset()


PLAIN = Look()


@lru_cache(4096)
def transition(now: Look, then: Look) -> str:
    """The shortest SGR sequence from one look to another; "" when they are equal."""
    if now == then:
        return ""
    gone, new = now.attrs - then.attrs, then.attrs - now.attrs
    off = {_OFF.get(code, "0") for code in gone}
    fresh = ([then.fg] if then.fg != "39" else []) + ([then.bg] if then.bg != "49" else [])
    whole = f"\x1b[{';'.join(['0', *sorted(then.attrs), *fresh])}m" if then != PLAIN else "\x1b[m"
    if "0" in off:
        return whole
    back = {code for code in then.attrs & now.attrs if _OFF.get(code) in off}
    colors = ([then.fg] if then.fg != now.fg else []) + ([then.bg] if then.bg != now.bg else [])
    step = f"\x1b[{';'.join([*sorted(off), *sorted(new | back), *colors])}m"
    return step if len(step) <= len(whole) else whole


class _Line:
    """One row of cells. `wide`: some cell is not exactly one plain column. Nothing outside [low, high) was put."""

    __slots__ = ("chars", "high", "looks", "low", "wide")

    def __init__(self, width: int, look: int) -> None:
        self.chars = [" "] * width
        self.looks = [look] * width
        self.wide = False
        self.low, self.high = width, 0

    def touch(self, start: int, stop: int) -> None:
        """Cells were put there."""
        self.low = min(self.low, start)
        self.high = max(self.high, stop)

    def settle(self) -> None:
        """What was put is on the terminal."""
        self.low, self.high = len(self.chars), 0

    def same(self, other: _Line) -> bool:
        return self.chars == other.chars and self.looks == other.looks

    def take(self, other: _Line) -> None:
        self.chars[:] = other.chars
        self.looks[:] = other.looks
        self.wide = other.wide


class Emitter:
    """The front buffer of one terminal. Not thread-safe: one event loop owns it."""

    def __init__(self, width: int, height: int, *, char_width: Callable[[str], int]) -> None:
        """`char_width`: cells of one character, 0 to 2, as the layer above counts them."""
        self._char_width = char_width
        self._known_narrow: set[str] = set()
        self._looks: list[Look] = []
        self._ids: dict[Look, int] = {}
        self._blanks: list[int] = []
        self._plain = self.look(PLAIN)
        self.resize(width, height)

    def look(self, look: Look) -> int:
        """The number of a look."""
        number = self._ids.get(look)
        if number is None:
            number = self._ids[look] = len(self._looks)
            self._looks.append(look)
            self._blanks.append(number)
            self._blanks[number] = self._blank_of(look, number)
        return number

    def _blank_of(self, look: Look, number: int) -> int:
        """The look a blank of this look is kept under: without what cannot be seen on it."""
        seen = look.attrs & _ON_BLANKS
        if seen:
            return number
        bare = Look("39", look.bg)
        return number if bare == look else self.look(bare)

    def resize(self, width: int, height: int) -> None:
        """A screen of another size; all of it is unknown and will be written."""
        self.width = width
        self.height = height
        self._wanted = [_Line(width, self._plain) for _ in range(height)]
        self._shown = [_Line(width, self._plain) for _ in range(height)]
        self.invalidate()

    def invalidate(self) -> None:
        """Forget what is on the terminal: the next flush writes everything."""
        self._unknown = set(range(self.height))
        self._dirty = set(range(self.height))
        self._now: Look | None = None
        self._row: int | None = None
        self._column: int | None = None

    def seed(self, rows: Iterable[Iterable[tuple[str, Look]]]) -> None:
        """Take over a screen that somebody else has just painted, given as runs of text per row."""
        for y, row in enumerate(rows):
            if y >= self.height:
                break
            x = 0
            for text, look in row:
                x = self.put(y, x, text, self.look(look))
            self._shown[y].take(self._wanted[y])
            self._wanted[y].settle()
        self._unknown.clear()
        self._dirty.clear()

    def put(self, y: int, x: int, text: str, look: int) -> int:
        """Want `text` at a place; what would stand outside is cut off. Returns the column after it."""
        if not 0 <= y < self.height or not text:
            return x + len(text)
        line = self._wanted[y]
        self._dirty.add(y)
        if not self.is_narrow(text):
            line.touch(0, self.width)
            return self._put_wide(line, x, text, look)
        if line.wide:
            line.touch(0, self.width)
            self._free(line, x, x + len(text))
        stop = x + len(text)
        if x < 0 or stop > self.width:
            text = text[max(0, -x) : max(0, self.width - x)]
        start, end = max(0, x), max(0, x) + len(text)
        line.touch(start, end)
        line.chars[start:end] = text
        blank = self._blanks[look]
        if blank == look or " " not in text:
            line.looks[start:end] = [look] * len(text)
        else:
            line.looks[start:end] = [blank if char == " " else look for char in text]
        return stop

    def is_narrow(self, text: str) -> bool:
        """Whether every character is exactly one cell."""
        return text.isascii() or self._known_narrow.issuperset(text) or self._learn(text)

    def _learn(self, text: str) -> bool:
        fresh = set(text) - self._known_narrow
        narrow = {char for char in fresh if self._char_width(char) == 1}
        self._known_narrow |= narrow
        return narrow == fresh

    def _put_wide(self, line: _Line, x: int, text: str, look: int) -> int:
        """Cell by cell: a wide character is followed by an empty cell, a mark joins the cell before it."""
        line.wide = True
        at = x
        for char in text:
            size = self._char_width(char)
            if size == 0:
                if 0 < at <= self.width and at > x:
                    line.chars[at - 1 if line.chars[at - 1] else at - 2] += char
                continue
            if at >= 0 and at + size <= self.width:
                self._free(line, at, at + size)
                line.chars[at] = char
                line.looks[at] = self._blanks[look] if char == " " else look
                if size == 2:
                    line.chars[at + 1] = ""
                    line.looks[at + 1] = line.looks[at]
            at += size
        return at

    def _free(self, line: _Line, start: int, stop: int) -> None:
        """Halves of wide characters at the borders of [start, stop) become blanks."""
        if 0 < start < self.width and line.chars[start] == "":
            line.chars[start - 1] = " "
        if 0 < stop < self.width and line.chars[stop] == "":
            line.chars[stop] = " "

    def flush(self) -> str:
        """What makes the terminal show what is wanted; "" when it already does."""
        out: list[str] = []
        for y in sorted(self._dirty):
            self._flush_line(y, out)
        self._dirty.clear()
        return "".join(out)

    def _flush_line(self, y: int, out: list[str]) -> None:
        wanted, shown = self._wanted[y], self._shown[y]
        if wanted.wide:
            wanted.wide = any(len(char) != 1 or not self.is_narrow(char) for char in wanted.chars)
        if y in self._unknown:
            self._unknown.discard(y)
            self._write_all(y, wanted, out)
        elif wanted.same(shown):
            wanted.settle()
            return
        elif wanted.wide or shown.wide:
            self._write_all(y, wanted, out)
        else:
            self._write(y, self._changes(wanted, shown), wanted, out)
        shown.take(wanted)
        wanted.settle()

    def _changes(self, wanted: _Line, shown: _Line) -> list[tuple[int, int]]:
        """Runs of changed cells; short unchanged stretches between them are written rather than jumped over."""
        low, high = wanted.low, wanted.high
        cells = zip(
            wanted.chars[low:high],
            shown.chars[low:high],
            wanted.looks[low:high],
            shown.looks[low:high],
            strict=True,
        )
        changed = [x for x, (a, b, c, d) in enumerate(cells, low) if a != b or c != d]
        runs: list[tuple[int, int]] = []
        start = stop = changed[0]
        for x in changed:
            if x > stop and not self._cheap(wanted, stop, x):
                runs.append((start, stop))
                start = x
            stop = x + 1
        runs.append((start, stop))
        return runs

    def _cheap(self, line: _Line, start: int, stop: int) -> bool:
        """Whether writing the unchanged cells [start, stop) costs no more than a move."""
        if stop - start > _SKIP_BYTES:
            return False
        size = sum(1 if char.isascii() else 3 for char in line.chars[start:stop])
        look = line.looks[start - 1]
        plain = all(line.looks[x] == look or line.chars[x] == " " for x in range(start, stop))
        return plain and size <= _SKIP_BYTES

    def _write(self, y: int, runs: Sequence[tuple[int, int]], line: _Line, out: list[str]) -> None:
        """Runs of cells of a line, cut into stretches of one look, in the cheaper of two orders."""
        stretches = [piece for start, stop in runs for piece in self._cut(line, start, stop)]
        if self._restless(stretches):
            stretches = self._by_look(stretches)
        for start, end, look, kind in stretches:
            self._move(y, start, out)
            self._style(look, kind != _TEXT, out)
            if kind == _ERASED:
                out.append("\x1b[K" if end == self.width else f"\x1b[{end - start}X")
            else:
                out.append("".join(line.chars[start:end]))
                self._column = end if end < self.width else None

    def _cut(self, line: _Line, start: int, stop: int) -> list[_Stretch]:
        """A run as stretches (start, end, look, kind)."""
        out: list[_Stretch] = []
        x = start
        while x < stop:
            blanks = self._blanks_from(line, x, stop)
            if self._worth_erasing(x, blanks):
                out.append((x, x + blanks, self._plain, _ERASED))
                x += blanks
                continue
            end, look = self._stretch(line, x, stop)
            blank = look == self._blanks[look] and "".join(line.chars[x:end]).isspace()
            out.append((x, end, look, _BLANK if blank else _TEXT))
            x = end
        return out

    def _restless(self, stretches: Sequence[_Stretch]) -> bool:
        """Whether going through the looks one by one, jumping back, is cheaper than changing looks in order.

        A truecolor change is 19 bytes and a jump 4: curves of two colours that alternate
        cell by cell are written as one colour, then the other.
        """
        order = [self._looks[look] for _, _, look, kind in stretches if kind == _TEXT]
        if len(order) < 4:
            return False
        now = self._now or PLAIN
        changes = sum(len(transition(a, b)) for a, b in itertools.pairwise([now, *order]))
        distinct = list(dict.fromkeys(order))
        grouped = sum(len(transition(a, b)) for a, b in itertools.pairwise([now, *distinct]))
        return grouped + _JUMP_BYTES * len(stretches) < changes

    def _by_look(self, stretches: list[_Stretch]) -> list[_Stretch]:
        """The look that is on first, then the others as they come; blanks stay with the look before them."""
        groups: dict[int, list[_Stretch]] = {}
        if self._now in self._ids:
            groups[self._ids[self._now]] = []
        home = stretches[0][2]
        for stretch in stretches:
            if stretch[3] == _TEXT:
                home = stretch[2]
            groups.setdefault(home, []).append(stretch)
        return [stretch for group in groups.values() for stretch in group]

    def _stretch(self, line: _Line, start: int, stop: int) -> tuple[int, int]:
        """(end, look) of what can be written in one look from `start` on."""
        chars, looks, blanks = line.chars, line.looks, self._blanks
        ground = blanks[looks[start]]
        look = looks[start] if chars[start] != " " else -1
        x = start
        while x < stop:
            own = looks[x]
            if chars[x] == " " and own == ground:
                if own == self._plain and self._worth_erasing(x, self._blanks_from(line, x, stop)):
                    break
            elif own == look:
                pass
            elif look == -1 and blanks[own] == ground:
                look = own
            else:
                break
            x += 1
        return x, ground if look == -1 else look

    def _write_all(self, y: int, line: _Line, out: list[str]) -> None:
        if line.wide:
            self._write_wide(y, line, out)
        else:
            self._write(y, [(0, self.width)], line, out)

    def _write_wide(self, y: int, line: _Line, out: list[str]) -> None:
        """A whole line with wide characters: after each of them the cursor is placed anew."""
        x = 0
        while x < self.width:
            size = 2 if x + 1 < self.width and line.chars[x + 1] == "" else 1
            self._move(y, x, out)
            self._style(line.looks[x], line.chars[x] == " ", out)
            out.append(line.chars[x])
            plain = size == 1 and len(line.chars[x]) == 1
            x += size
            self._column = x if plain and x < self.width else None

    def _worth_erasing(self, x: int, blanks: int) -> bool:
        return blanks >= _ERASE_FROM or (blanks >= 4 and x + blanks == self.width)

    def _blanks_from(self, line: _Line, x: int, stop: int) -> int:
        """How many plain blanks of the terminal's own background follow."""
        end = x
        chars, looks, plain = line.chars, line.looks, self._plain
        while end < stop and chars[end] == " " and looks[end] == plain:
            end += 1
        return end - x

    def _move(self, y: int, x: int, out: list[str]) -> None:
        """Bring the cursor to a cell by the shortest of the usual ways."""
        row, column = self._row, self._column
        self._row, self._column = y, x
        if row == y and column is not None:
            ahead = x - column
            if ahead > 0:
                out.append(f"\x1b[{_n(ahead)}C")
            elif ahead < 0:
                out.append(f"\x1b[{_n(-ahead)}D" if -ahead <= x + 1 else f"\x1b[{_n(x + 1)}G")
        elif column == x and row is not None:
            out.append(f"\x1b[{_n(y - row)}B" if y > row else f"\x1b[{_n(row - y)}A")
        else:
            out.append(f"\x1b[{y + 1};{x + 1}H" if x else f"\x1b[{_n(y + 1)}H")

    def _style(self, number: int, blank: bool, out: list[str]) -> None:
        """Change the look; on a blank only what can be seen of it."""
        look = self._looks[number]
        now = self._now
        if now is None:
            out.append("\x1b[m")
            now = PLAIN
        then = Look(now.fg, look.bg, now.attrs - _ON_BLANKS) if blank and not look.attrs else look
        out.append(transition(now, then))
        self._now = then


def _n(count: int) -> str:
    """A parameter; 1 is what a terminal takes when there is none."""
    return "" if count == 1 else str(count)
