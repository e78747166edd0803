"""What the options overlay shows and does, without painting: values, where they come from, what they may be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from opengraphs.errors import OgError
from opengraphs.tui import keys, theme
from opengraphs.tui.looks import short_path
from opengraphs.tui.settings import SETTINGS, Setting, Settings, Value, checked

REFRESH_STEPS_MS = (33, 50, 100, 250, 500, 1000, 2000, 5000, 10_000, 60_000)

_ORDER = sorted(SETTINGS, key=lambda one: not one.name.startswith("ui."))


class Hands(NamedTuple):
    """What the options do to the rest of og; each raises OgError when it cannot.

    show: look so from now on, as long as this og runs. keep: write a setting into the user's file.
    bind: give an action other keys from now on, and write them; None is its own again.
    What writes calls its last argument once that is done: with "", or with what went wrong.
    """

    show: Callable[[str, Value], object]
    keep: Callable[[str, Value, Callable[[str], object]], object]
    bind: Callable[[str, tuple[str, ...] | None, Callable[[str], object]], object]


class OptionsState:
    """The settings in force, as they change. `note` and `error` are the last word about a change."""

    def __init__(self, chosen: Settings, file: Path, hands: Hands) -> None:
        self.chosen = chosen
        self.file = file
        self.note = self.error = ""
        self._hands = hands
        self._themes: list[str] | None = None

    @property
    def settings(self) -> list[Setting]:
        """In the order of their rows: those of the screen first."""
        return _ORDER

    def text(self, one: Setting) -> str:
        """A value as people write it."""
        value = self.chosen.values[one.name]
        if isinstance(value, bool):
            return "true" if value else "false"
        return "  ".join(value) if isinstance(value, tuple) else str(value)

    def source(self, one: Setting) -> str:
        """Where the value in force comes from."""
        source = self.chosen.sources[one.name]
        if source == "environment":
            return f"${one.env}"
        return short_path(Path(source)) if "/" in source else source

    def choices(self, one: Setting) -> Sequence[str]:
        """What it may be, where that is a short list."""
        if one.name == "ui.theme":
            self._themes = self._themes or ["auto", *theme.THEMES, *theme.own()]
            return self._themes
        if isinstance(one.default, bool):
            return ("true", "false")
        if one.name == "ui.refresh_ms":
            return [str(step) for step in REFRESH_STEPS_MS]
        return one.choices

    def step(self, one: Setting, direction: int) -> None:
        """The next or previous of its choices, from now on and in the file."""
        choices = self.choices(one)
        if not choices:
            self.error = "" if self.note else self.error
            self.note = "enter to write another value"
            return
        text = self.text(one)
        if text in choices:
            self.set(one, choices[(list(choices).index(text) + direction) % len(choices)])
        else:
            near = [choice for choice in choices if (int(choice) - int(text)) * direction > 0]
            self.set(one, (near or choices)[0 if direction > 0 else -1])

    def show(self, one: Setting, text: str) -> bool:
        """Look so, without keeping it."""
        return self._try(lambda: self._hands.show(one.name, checked(one, text, "here")))

    def set(self, one: Setting, text: str) -> bool:
        """Another value from now on, and in the user's file; False, and `error` says why, when it cannot be."""
        return self._try(lambda: self._set(one, text))

    def _set(self, one: Setting, text: str) -> None:
        value = checked(one, text, "here")
        self._hands.show(one.name, value)
        self.chosen.values[one.name] = value
        stronger = self._stronger(one, self.chosen.sources[one.name])

        def told(trouble: str) -> None:
            self._told(trouble, stronger)
            if not trouble:
                self.chosen.sources[one.name] = str(self.file)

        self._hands.keep(one.name, value, told)

    def _told(self, trouble: str, stronger: str = "") -> None:
        """The file has been written, or not."""
        self.error = f"not kept: {trouble}" if trouble else ""
        self.note = "" if trouble else f"{stronger}kept in {short_path(self.file)}"

    def _stronger(self, one: Setting, source: str) -> str:
        """What will win over the file when og starts again."""
        if source == "environment":
            return f"${one.env} wins again at the next start; "
        return "the project's og.toml wins at the next start; " if source.endswith("og.toml") else ""

    def bind(self, action: keys.Action, key: str | None) -> bool:
        """Give an action a key of the user's, or with None its own again."""
        chosen = None if key is None else (key,)
        if not self._try(lambda: self._hands.bind(action.id, chosen, self._told)):
            return False
        if chosen is None:
            self.chosen.keys.pop(action.id, None)
        else:
            self.chosen.keys[action.id] = chosen
        return True

    def _try(self, change: Callable[[], object]) -> bool:
        self.note = self.error = ""
        try:
            change()
        except OgError as error:
            self.error = error.message + (f"; {error.hint}" if error.hint else "")
            return False
        return True
