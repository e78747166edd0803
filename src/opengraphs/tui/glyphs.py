"""Glyph sets: braille, half block, ASCII. What each part of a picture is drawn with.

A set says how many dots a cell holds and which character shows which dots, so that
one rasteriser serves all three. `textured` is set where there is no colour: series
are then told apart by line texture and marker.
"""

from __future__ import annotations

from opengraphs.tui.painters.text import clean

STATUS_NAMES = ("running", "finished", "failed", "stopped", "crashed", "lost")


class Glyphs:
    """One glyph set; see `GLYPHS`. Every single-character field is one cell wide.

    dots: dot columns and rows a cell holds. masks: character for each combination of
    dots; bits count down the left column, then down the right one (`dots[1]` each).
    box: `h v tl tr bl br left right up down cross` as one string.
    """

    __slots__ = (
        "arrows",
        "ascii_only",
        "bar",
        "box",
        "cursor",
        "dots",
        "ellipsis",
        "fold",
        "guide",
        "legend",
        "marks",
        "masks",
        "name",
        "prompt",
        "separator",
        "shade",
        "spark",
        "status",
        "textured",
        "unread",
    )

    def __init__(
        self,
        *,
        name: str,
        dots: tuple[int, int],
        masks: str,
        box: str,
        bar: str,
        spark: str,
        status: dict[str, str],
        marks: dict[str, str],
        legend: str,
        arrows: str,
        cursor: str,
        ellipsis: str,
        fold: str,
        guide: str,
        prompt: str,
        separator: str,
        shade: str,
        unread: str,
        ascii_only: bool,
        textured: bool = False,
    ) -> None:
        self.name = name
        self.dots = dots
        self.masks = masks
        self.box = box
        self.bar = bar
        """full, half, rest of a progress bar."""
        self.spark = spark
        """seven heights, lowest first: a full block would join the row above."""
        self.status = status
        self.marks = marks
        """checkpoint, note, info, warn, error, nonfinite, clipped, point."""
        self.legend = legend
        """markers of series 0, 1, 2, …"""
        self.arrows = arrows
        """up, down, left, right, rising, falling, flat."""
        self.cursor = cursor
        self.ellipsis = ellipsis
        self.fold = fold
        """an open section, a folded one."""
        self.guide = guide
        """marks the height of a y label in an empty cell; empty where it could be taken for a curve."""
        self.prompt = prompt
        self.separator = separator
        self.shade = shade
        """fills a band; empty where sparse dots do."""
        self.unread = unread
        """the axis below points that are still to be read, as a pattern."""
        self.ascii_only = ascii_only
        self.textured = textured

    def clean(self, text: str) -> str:
        """Untrusted text as this set can show it (`painters.text.clean`)."""
        return clean(text, ascii_only=self.ascii_only)

    def with_texture(self, textured: bool = True) -> Glyphs:
        """The same set, series told apart without colour."""
        fields = {field: getattr(self, field) for field in self.__slots__}
        return Glyphs(**{**fields, "textured": textured})


def _braille_masks() -> str:
    bits = (0x01, 0x02, 0x04, 0x40, 0x08, 0x10, 0x20, 0x80)
    codes = [sum(bit for index, bit in enumerate(bits) if mask >> index & 1) for mask in range(256)]
    return "".join(" " if code == 0 else chr(0x2800 + code) for code in codes)


_STATUS = {"running": "●", "finished": "✓", "failed": "✗", "stopped": "■", "crashed": "✗", "lost": "?"}
_MARKS = {
    "checkpoint": "◆",
    "note": "¶",
    "info": "△",
    "warn": "▲",
    "error": "!",
    "nonfinite": "×",
    "clipped": "▾",
    "point": "•",
}

BRAILLE = Glyphs(
    name="braille",
    dots=(2, 4),
    masks=_braille_masks(),
    box="─│┌┐└┘├┤┴┬┼",
    bar="━╸─",
    spark="▁▂▃▄▅▆▇",
    status=_STATUS,
    marks=_MARKS,
    legend="●▲■◆○△□◇",
    arrows="↑↓←→↗↘→",
    cursor="│",
    ellipsis="…",
    fold="▾▸",
    guide="·",
    prompt="❯",
    separator="│",
    shade="",
    unread="╌",
    ascii_only=False,
)

BLOCK = Glyphs(
    name="block",
    dots=(1, 2),
    masks=" ▀▄█",
    box="─│┌┐└┘├┤┴┬┼",
    bar="━╸─",
    spark="▁▂▃▄▅▆▇",
    status=_STATUS,
    marks=_MARKS,
    legend="●▲■◆○△□◇",
    arrows="↑↓←→↗↘→",
    cursor="│",
    ellipsis="…",
    fold="▾▸",
    guide="·",
    prompt="❯",
    separator="│",
    shade="░",
    unread="╌",
    ascii_only=False,
)

ASCII = Glyphs(
    name="ascii",
    dots=(1, 3),
    masks=" '-\".:;|",
    box="-|++++++++#",
    bar="#=-",
    spark="_.-=+*#",
    status={"running": "*", "finished": "+", "failed": "x", "stopped": "#", "crashed": "x", "lost": "?"},
    marks={
        "checkpoint": "^",
        "note": "n",
        "info": "i",
        "warn": "!",
        "error": "E",
        "nonfinite": "x",
        "clipped": "v",
        "point": "o",
    },
    legend="*o+x#@%&",
    arrows="^v<>/\\-",
    cursor="|",
    ellipsis="~",
    fold="v>",
    guide="",
    prompt=">",
    separator="|",
    shade=",",
    unread=". ",
    ascii_only=True,
)

GLYPHS: dict[str, Glyphs] = {glyphs.name: glyphs for glyphs in (BRAILLE, BLOCK, ASCII)}
