"""SGR changes between two looks: whatever the way, the terminal ends up with the look that was asked for."""

from __future__ import annotations

import random

from rich.cells import get_character_cell_size

from opengraphs.tui.emitter import PLAIN, Emitter, Look, transition

OFF = {
    "22": {"1", "2"},
    "23": {"3"},
    "24": {"4", "21"},
    "25": {"5"},
    "27": {"7"},
    "28": {"8"},
    "29": {"9"},
    "55": {"53"},
}


def apply_sgr(look: Look, sequence: str) -> Look:
    """What a terminal of look `look` shows after `sequence`."""
    if not sequence:
        return look
    assert sequence.startswith("\x1b[")
    assert sequence.endswith("m")
    codes = (sequence[2:-1] or "0").split(";")
    fg, bg, attrs = look.fg, look.bg, set(look.attrs)
    while codes:
        code = codes.pop(0)
        if code == "0":
            fg, bg, attrs = "39", "49", set()
        elif code in ("38", "48"):
            size = 1 + (3 if codes[0] == "2" else 1)
            value = ";".join([code, *codes[:size]])
            codes = codes[size:]
            fg, bg = (value, bg) if code == "38" else (fg, value)
        elif code in OFF:
            attrs -= OFF[code]
        elif 30 <= int(code) <= 39 or 90 <= int(code) <= 97:
            fg = code
        elif 40 <= int(code) <= 49 or 100 <= int(code) <= 107:
            bg = code
        else:
            attrs.add(code)
    return Look(fg, bg, frozenset(attrs))


def random_look(rng: random.Random) -> Look:
    attrs = frozenset(
        code for code in ("1", "2", "3", "4", "5", "7", "8", "9", "21", "53") if rng.random() < 0.2
    )
    fg = rng.choice(["39", "31", "96", "38;5;123", "38;2;230;159;0"])
    return Look(fg, rng.choice(["49", "44", "103", "48;5;17", "48;2;34;48;63"]), attrs)


def test_transition_leads_from_any_look_to_any_other() -> None:
    rng = random.Random(1)
    for _ in range(5000):
        now, then = random_look(rng), random_look(rng)
        assert apply_sgr(now, transition(now, then)) == then


def test_transition_says_nothing_between_equal_looks_and_resets_in_three_bytes() -> None:
    assert transition(PLAIN, PLAIN) == ""
    assert transition(Look("31", "44", frozenset("1")), PLAIN) == "\x1b[m"
    assert transition(Look("31", "49"), Look("32", "49")) == "\x1b[32m"


def test_blanks_that_differ_only_in_foreground_are_equal() -> None:
    emitter = Emitter(20, 1, char_width=get_character_cell_size)
    emitter.put(0, 0, "a         b", emitter.look(Look("31")))
    emitter.flush()
    emitter.put(0, 1, "         ", emitter.look(Look("32", attrs=frozenset("1"))))
    assert emitter.flush() == ""


def test_one_changed_cell_costs_a_move_and_a_character() -> None:
    emitter = Emitter(80, 24, char_width=get_character_cell_size)
    look = emitter.look(Look("31"))
    for y in range(24):
        emitter.put(y, 0, "x" * 80, look)
    emitter.flush()
    emitter.put(11, 40, "y", look)
    assert emitter.flush() == "\x1b[12;41Hy"


def test_seeded_screen_is_not_written_again() -> None:
    emitter = Emitter(10, 2, char_width=get_character_cell_size)
    emitter.seed([[("hello", Look("31")), ("     ", PLAIN)], [("训x       ", PLAIN)]])
    red = emitter.look(Look("31"))
    emitter.put(0, 0, "hello", red)
    emitter.put(1, 0, "训x       ", emitter.look(PLAIN))
    assert emitter.flush() == ""
    emitter.put(0, 0, "hallo", red)
    assert emitter.flush() == "\x1b[1;2H\x1b[m\x1b[31ma"


def test_invalidate_writes_everything_again() -> None:
    emitter = Emitter(6, 2, char_width=get_character_cell_size)
    emitter.put(0, 0, "abcdef", emitter.look(PLAIN))
    first = emitter.flush()
    emitter.invalidate()
    assert emitter.flush() == first
