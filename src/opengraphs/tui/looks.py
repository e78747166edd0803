"""From flags, settings and the terminal to how everything looks; the same for the UI and for `--once`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from opengraphs.errors import UsageError
from opengraphs.tui import settings, terminal, theme
from opengraphs.tui.glyphs import GLYPHS
from opengraphs.tui.keys import Keymap
from opengraphs.tui.model import Choices


class Look(NamedTuple):
    """`depth` is one of `theme.DEPTHS`; `given` the settings all this was made from."""

    choices: Choices
    theme: theme.Theme
    depth: str
    mouse: bool
    given: settings.Settings


def settle(
    *,
    store: Path,
    theme_name: str | None,
    glyphs: str | None,
    ui: str | None,
    refresh_ms: int | None,
    color: bool,
    panels: str | None = None,
    given: settings.Settings | None = None,
) -> Look:
    """Everything that can be wrong with the looks is found out here.

    Raises:
        UsageError: a setting, theme or key binding that cannot be.
    """
    flags = {
        "ui.theme": theme_name,
        "ui.glyphs": glyphs,
        "ui.mode": ui,
        "ui.refresh_ms": refresh_ms,
        "ui.panels": panels,
    }
    chosen = given or settings.load(flags=flags)
    wanted = chosen.text("ui.glyphs")
    facts = terminal.detect(no_color=not color, glyphs=None if wanted == "auto" else wanted)
    colors = theme.pick(chosen.text("ui.theme"), dark=facts.dark)
    choices = Choices(
        GLYPHS[facts.glyphs].with_texture(colors.textured(facts.depth)),
        Keymap(chosen.keys),
        chosen.number("ui.refresh_ms"),
        chosen.text("ui.mode") == "minimal",
        short_path(store),
        tuple(name for part in chosen.text("ui.panels").split(",") if (name := part.strip())),
        chosen.text("ui.export_dir"),
    )
    return Look(choices, colors, facts.depth, chosen.flag("ui.mouse"), chosen)


def check_metric_filter(metric_filter: str | None) -> None:
    """Raises UsageError when `--filter` is no regular expression."""
    try:
        re.compile(metric_filter or "")
    except re.error as error:
        raise UsageError(
            f"--filter {metric_filter!r} is not a regular expression: {error.msg}",
            hint="where one run is viewed, --filter chooses metrics by regular expression",
        ) from None


def short_path(path: Path) -> str:
    """A path as people write it."""
    home = str(Path.home())
    text = str(path)
    return "~" + text[len(home) :] if text.startswith(home + "/") else text
