"""Text on streams and terminals that have no characters for it."""

from __future__ import annotations

import io

import pytest

from opengraphs.cli import lettering
from opengraphs.cli.comparing import change
from opengraphs.cli.table import cells


def written(text: str, encoding: str) -> bytes:
    held = io.BytesIO()
    stream = io.TextIOWrapper(held, encoding=encoding, newline="")
    lettering.forgive(stream)
    stream.write(text)
    stream.flush()
    return held.getvalue()


def test_what_og_draws_has_an_equal_in_ascii_of_the_same_width() -> None:
    drawn = f"{change(-0.5, 'better')} {change(0.5, 'worse')} Δ LAST 0…9 ▁▂▃▄▅▆▇█"
    assert lettering.nearest(drawn) == "v -0.5 + ^ +0.5 x d LAST 0~9 _.,-=+*#"
    assert cells(lettering.nearest(drawn)) == cells(drawn)


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [("ascii", b"v caf? ?"), ("latin-1", b"v caf\xe9 ?"), ("utf-8", "▼ café 数".encode())],
)
def test_no_character_stops_a_line(encoding: str, expected: bytes) -> None:
    assert written("▼ café 数", encoding) == expected


class Tty(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("locale", "encoding"), [("C", "ascii"), ("en_GB.UTF-8", "utf-8"), ("de_DE", "ascii")]
)
def test_terminal_gets_what_its_locale_has(
    locale: str, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"LC_ALL": locale, "TERM": "xterm", "OG_GLYPHS": ""}.items():
        monkeypatch.setenv(name, value)
    stream = Tty(io.BytesIO(), encoding="utf-8")
    lettering.fit_to_terminal(stream)
    assert stream.encoding == encoding
    pipe = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    lettering.fit_to_terminal(pipe)
    assert pipe.encoding == "utf-8"
