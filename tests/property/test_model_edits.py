"""Random edits of real scripts, written as models write them, and spoiled as models spoil them.

Whatever comes: the text that was meant, or an error; never another text.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opengraphs.guard.patch import EditError, apply_edits, parse_edits

CASES = int(os.environ.get("OG_CASES", "60")) * 5
REPOSITORY = Path(__file__).parents[2]
OURS = (
    "examples/train_digits.py",
    "examples/ranks.py",
    "src/opengraphs/demo/train.py",
    "src/opengraphs/demo/digits.py",
)
THEIRS = (
    "textual/widgets/_data_table.py",
    "textual/color.py",
    "numpy/lib/_function_base_impl.py",
    "sklearn/linear_model/_stochastic_gradient.py",
    "sklearn/neural_network/_multilayer_perceptron.py",
    "hypothesis/strategies/_internal/core.py",
    "click/core.py",
)


def _installed(path: str) -> Path | None:
    package, _, rest = path.partition("/")
    spec = find_spec(package)
    place = Path(spec.origin).parent / rest if spec and spec.origin else None
    return place if place and place.is_file() else None


SCRIPTS = {
    path: place.read_text(encoding="utf-8")
    for path, place in [
        *((path, REPOSITORY / path) for path in OURS),
        *((path, _installed(path)) for path in THEIRS),
    ]
    if place is not None
}


class Edit(NamedTuple):
    """Lines start … end - 1 become `new`; top and end: the first and last line of its block."""

    start: int
    end: int
    new: list[str]
    top: int
    bottom: int


Sides = tuple[list[str], list[str]]


def edits_of(dice: random.Random, lines: list[str]) -> list[Edit]:
    """One to three edits whose blocks do not touch, from top to bottom."""
    found: list[Edit] = []
    for start in sorted(dice.sample(range(len(lines)), min(len(lines), dice.randint(1, 3)))):
        end = min(len(lines), start + dice.choice((0, 1, 1, 1, 2, 3, 6)))
        top, bottom = max(0, start - dice.randint(0, 4)), min(len(lines), end + dice.randint(0, 4))
        if top == bottom or (found and top <= found[-1].bottom):
            continue
        new = changed(dice, lines, start, end)
        if new != lines[start:end]:
            found.append(Edit(start, end, new, top, bottom))
    return found


def changed(dice: random.Random, lines: list[str], start: int, end: int) -> list[str]:
    new = [line.replace("0", "7").replace("self", "other").replace("1", "2") for line in lines[start:end]]
    if dice.random() < 0.4 or not new:
        near = lines[min(start, len(lines) - 1)]
        blank = near[: len(near) - len(near.lstrip())]
        new.insert(
            dice.randint(0, len(new)),
            blank + dice.choice(('log("it\'s new")', "x = y - 1", "# new", "if x:")),
        )
    if dice.random() < 0.2 and len(new) > 1:
        new.pop(dice.randrange(len(new)))
    return new


def meant(lines: list[str], edits: list[Edit]) -> str:
    out = list(lines)
    for edit in reversed(edits):
        out[edit.start : edit.end] = edit.new
    return "\n".join(out) + "\n"


# -- what models do to a block -----------------------------------------------------------------


def as_is(dice: random.Random, sides: Sides) -> Sides:
    return sides


def outdented(dice: random.Random, sides: Sides) -> Sides:
    filled = [line for side in sides for line in side if line.strip()]
    most = min(len(line) - len(line.lstrip(" ")) for line in filled) if filled else 0
    less = dice.choice((most, most // 2, min(4, most), min(1, most)))
    return tuple([line[less:] if line.strip() else line for line in side] for side in sides)  # type: ignore[return-value]


def indented(dice: random.Random, sides: Sides) -> Sides:
    more = dice.choice(("  ", "    ", "\t", " "))
    return tuple([more + line if line.strip() else line for line in side] for side in sides)  # type: ignore[return-value]


def only_search_outdented(dice: random.Random, sides: Sides) -> Sides:
    return outdented(dice, (sides[0], sides[0]))[0], sides[1]


def trailing(dice: random.Random, sides: Sides) -> Sides:
    return [line + dice.choice(("", " ", "  ", "\t")) for line in sides[0]], sides[1]


def stripped(dice: random.Random, sides: Sides) -> Sides:
    return tuple([line.rstrip() for line in side] for side in sides)  # type: ignore[return-value]


def tabs(dice: random.Random, sides: Sides) -> Sides:
    return tuple([line.replace("    ", "\t") for line in side] for side in sides)  # type: ignore[return-value]


def smart(dice: random.Random, sides: Sides) -> Sides:
    signs = str.maketrans({'"': dice.choice("“”"), "'": "’", "-": dice.choice("–‐-")})
    return tuple([line.translate(signs) for line in side] for side in sides)  # type: ignore[return-value]


def nbsp(dice: random.Random, sides: Sides) -> Sides:
    return tuple([line.replace(" ", "\u00a0") for line in side] for side in sides)  # type: ignore[return-value]


def without_comments(dice: random.Random, sides: Sides) -> Sides:
    """Context alone: who leaves out a line that is to go has asked for another edit, and no one can know."""
    context = set(sides[0]) & set(sides[1])

    def kept(line: str) -> bool:
        return line not in context or not line.lstrip().startswith("#")

    search = [line for line in sides[0] if kept(line)]
    return search, sides[1] if dice.random() < 0.5 else [line for line in sides[1] if kept(line)]


def without_blanks(dice: random.Random, sides: Sides) -> Sides:
    context = set(sides[0]) & set(sides[1])
    search, replace = ([line for line in side if line.strip() or line not in context] for side in sides)
    return search, replace


def one_left_out(dice: random.Random, sides: Sides) -> Sides:
    search = list(sides[0])
    context = [at for at, line in enumerate(search) if line.strip() and line in sides[1]]
    if context:
        search.pop(dice.choice(context))
    return search, sides[1]


def typo(dice: random.Random, sides: Sides) -> Sides:
    search = list(sides[0])
    at = dice.randrange(len(search))
    search[at] += "x"
    return search, sides[1]


def left_to_the_reader(dice: random.Random, sides: Sides) -> Sides:
    return sides[0], [
        *sides[1][: len(sides[1]) // 2],
        "# ... rest of the code",
        *sides[1][len(sides[1]) // 2 :],
    ]


SPOILERS: tuple[Callable[[random.Random, Sides], Sides], ...] = (
    as_is, as_is, outdented, indented, only_search_outdented, trailing, stripped, tabs, smart, nbsp,
    without_comments, without_blanks, one_left_out, typo, left_to_the_reader,
)  # fmt: skip


# -- how they write it down -------------------------------------------------------------------------


def search_replace(dice: random.Random, path: str, blocks: list[Sides], prefixed: list[list[str]]) -> str:
    said = []
    for search, replace in blocks:
        body = "\n".join(["<<<<<<< SEARCH", *search, "=======", *replace, ">>>>>>> REPLACE"])
        said.append(
            dice.choice(
                ("{0}\n{1}", "{0}\n```python\n{1}\n```", "```\n{0}\n{1}\n```", "**{0}**\n\n{1}")
            ).format(path, body)
        )
    return (
        "I suggest:\n\n"
        + dice.choice(("\n\n", "\nand\n")).join(said)
        + dice.choice(("", "\n", "\n\nThat is all."))
    )


def diff(dice: random.Random, path: str, blocks: list[Sides], prefixed: list[list[str]]) -> str:
    body = "\n".join(
        line
        for hunk in prefixed
        for line in (f"@@ -{dice.randint(1, 999)},9 +{dice.randint(1, 999)},9 @@", *hunk)
    )
    return f"So:\n```diff\n--- a/{path}\n+++ b/{path}\n{body}\n```\nDone."


def bare_diff(dice: random.Random, path: str, blocks: list[Sides], prefixed: list[list[str]]) -> str:
    wrong = dice.choice((0, 0, 1, -1))
    hunks = []
    for hunk in prefixed:
        old, new = sum(line[:1] != "+" for line in hunk), sum(line[:1] != "-" for line in hunk)
        hunks += [f"@@ -{dice.randint(1, 999)},{max(0, old + wrong)} +1,{max(0, new + wrong)} @@", *hunk]
    return "\n".join((f"--- a/{path}", f"+++ b/{path}", *hunks))


def envelope(dice: random.Random, path: str, blocks: list[Sides], prefixed: list[list[str]]) -> str:
    body = "\n".join(line for hunk in prefixed for line in ("@@", *hunk))
    return f"*** Begin Patch\n*** Update File: {path}\n{body}\n*** End Patch"


WRITERS = (search_replace, search_replace, diff, bare_diff, envelope)


def hunk_of(edit: Edit, lines: list[str], spoil: Callable[[list[str]], list[str]]) -> list[str]:
    """A block as a diff shows it."""
    return [
        *(f" {line}" for line in spoil(lines[edit.top : edit.start])),
        *(f"-{line}" for line in spoil(lines[edit.start : edit.end])),
        *(f"+{line}" for line in spoil(edit.new)),
        *(f" {line}" for line in spoil(lines[edit.end : edit.bottom])),
    ]


def spoiled_diff(dice: random.Random, hunk: list[str]) -> list[str]:
    """The first column lost somewhere, or blank context without its space."""
    kind = dice.choice(("", "", "+", "-", " ", "blank"))
    if kind == "blank":
        return [line.rstrip() if line.startswith(" ") else line for line in hunk]
    return [
        line[1:] if kind and line.startswith(kind) and line[1:].strip() and dice.random() < 0.9 else line
        for line in hunk
    ]


def answer(dice: random.Random, path: str, lines: list[str], edits: list[Edit]) -> tuple[str, str]:
    """A model's answer with these edits, and how it was spoiled."""
    spoil = dice.choice(SPOILERS)
    blocks = []
    for edit in edits:
        replace = [*lines[edit.top : edit.start], *edit.new, *lines[edit.end : edit.bottom]]
        blocks.append(spoil(dice, (lines[edit.top : edit.bottom], replace)))
    writer = dice.choice(WRITERS)
    sidewise = spoil if spoil in {tabs, smart, nbsp} else as_is
    seed = dice.random()
    prefixed = [
        hunk_of(edit, lines, lambda side: sidewise(random.Random(seed), (side, []))[0]) for edit in edits
    ]
    if dice.random() < 0.5:
        prefixed = [spoiled_diff(dice, hunk) for hunk in prefixed]
    text = writer(dice, path, blocks, prefixed)
    what = dice.choice(("", "", "", "twice", "crlf", "cut"))
    if what == "twice":
        text = f"{text}\n\nOnce more:\n\n{text}"
    return (
        text.replace("\n", "\r\n") if what == "crlf" else text
    ), f"{writer.__name__}, {spoil.__name__}, {what}"


def is_right(after: str, lines: list[str], edits: list[Edit], *, how: str) -> bool:
    """What was meant; of a cut answer, the blocks that came whole.

    Where blank lines or comments were left out on both sides, no one can know on which side of them a new
    line belongs: there the rest must be right, and nothing may be lost.
    """
    counts = range(1, len(edits) + 1) if how.endswith("cut") else [len(edits)]
    wanted = [meant(lines, edits[:count]) for count in counts]
    if "without" in how:
        return any(_code(after) == _code(one) and sorted(after) == sorted(one) for one in wanted)
    return after in wanted


def _code(text: str) -> list[str]:
    return [line for line in text.split("\n") if line.strip() and not line.lstrip().startswith("#")]


@given(seed=st.integers(0, 2**32))
@settings(max_examples=CASES, deadline=None)
def test_a_spoiled_edit_is_the_one_that_was_meant_or_an_error(seed: int) -> None:
    dice = random.Random(seed)
    path, text = dice.choice(sorted(SCRIPTS.items()))
    lines = text.removesuffix("\n").split("\n")
    edits = edits_of(dice, lines)
    if not edits:
        return
    said, how = answer(dice, path, lines, edits)
    if how.endswith("cut"):
        said = said[: dice.randrange(len(said))]
    try:
        (done,) = apply_edits({path: text}, parse_edits(said))
    except EditError:
        return
    assert is_right(done.after, lines, edits, how=how), f"{how}\n{done.diff}\n{said}"


@pytest.mark.parametrize("path", sorted(SCRIPTS))
@pytest.mark.parametrize("writer", [search_replace, diff, envelope])
def test_an_unspoiled_edit_with_enough_context_is_applied(path: str, writer: Callable[..., str]) -> None:
    text = SCRIPTS[path]
    lines = text.removesuffix("\n").split("\n")
    applied = 0
    for seed in range(20):
        dice = random.Random(seed)
        start = dice.randrange(8, len(lines) - 8)
        edit = Edit(start, start + 1, [f"{lines[start]}  # new"], start - 8, start + 8)
        sides = (
            lines[edit.top : edit.bottom],
            [*lines[edit.top : start], *edit.new, *lines[start + 1 : edit.bottom]],
        )
        said = writer(dice, path, [sides], [hunk_of(edit, lines, list)])
        if text.count("\n".join(sides[0])) > 1:
            continue
        (done,) = apply_edits({path: text}, parse_edits(said))
        assert done.after == meant(lines, [edit])
        applied += 1
    assert applied >= 12, "the file repeats itself less than that"
