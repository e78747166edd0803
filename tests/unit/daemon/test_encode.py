"""JSON of replies."""

from __future__ import annotations

import json
import math

from opengraphs.daemon.encode import encode, encode_line, plain


def test_non_finite_floats_become_the_wire_s_words() -> None:
    value = {"a": math.nan, "b": [math.inf, -math.inf, 1.5], "c": {"d": (math.nan,)}}
    assert plain(value) == {"a": "NaN", "b": ["Infinity", "-Infinity", 1.5], "c": {"d": ["NaN"]}}


def test_text_that_is_no_utf8_and_large_integers_still_make_json() -> None:
    assert json.loads(encode({"path": "/x\udcff"})) == {"path": "/x\udcff"}
    assert json.loads(encode({"seed": 2**80})) == {"seed": 2**80}


def test_line_ends_with_its_only_newline() -> None:
    assert encode_line({"text": "a\nb"}) == b'{"text":"a\\nb"}\n'
