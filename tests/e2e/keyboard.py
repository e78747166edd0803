"""What a terminal sends for a key, by the names that `docs/keys.md` is made from."""

from __future__ import annotations

_NAMED = {
    "up": "\x1b[A",
    "down": "\x1b[B",
    "right": "\x1b[C",
    "left": "\x1b[D",
    "home": "\x1b[H",
    "end": "\x1b[F",
    "pageup": "\x1b[5~",
    "pagedown": "\x1b[6~",
    "delete": "\x1b[3~",
    "shift+up": "\x1b[1;2A",
    "shift+down": "\x1b[1;2B",
    "shift+right": "\x1b[1;2C",
    "shift+left": "\x1b[1;2D",
    "shift+home": "\x1b[1;2H",
    "shift+end": "\x1b[1;2F",
    "shift+tab": "\x1b[Z",
    "tab": "\t",
    "enter": "\r",
    "escape": "\x1b",
    "space": " ",
    "backspace": "\x7f",
}
_SIGNS = {
    "question_mark": "?",
    "slash": "/",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "plus": "+",
    "minus": "-",
    "equals_sign": "=",
    "comma": ",",
    "full_stop": ".",
    "colon": ":",
    "semicolon": ";",
    "ampersand": "&",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "exclamation_mark": "!",
    "at": "@",
    "number_sign": "#",
    "asterisk": "*",
    "underscore": "_",
    "vertical_line": "|",
}


def sent(key: str) -> str:
    """The bytes of one key press.

    Raises:
        KeyError: the key has no name here; add it.
    """
    if len(key) == 1:
        return key
    if key.startswith("ctrl+") and len(key) == len("ctrl+") + 1:
        return chr(ord(key[-1]) & 0x1F)
    if key.startswith("alt+"):
        return "\x1b" + sent(key.removeprefix("alt+"))
    return _NAMED[key] if key in _NAMED else _SIGNS[key]
