"""The runner's own JSON against the standard library's reader."""

from __future__ import annotations

import json
import math

from hypothesis import given
from hypothesis import strategies as st

from opengraphs.runner.plainjson import dumps

_leaves = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
_values = st.recursive(
    _leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


@given(_values)
def test_reads_back_as_it_was(value: object) -> None:
    assert json.loads(dumps(value)) == value
    assert json.loads(dumps(value, indent=1)) == value


def test_values_that_json_does_not_know() -> None:
    assert json.loads(dumps([math.nan, math.inf, -math.inf])) == ["NaN", "Infinity", "-Infinity"]
    assert json.loads(dumps({1: (2, 3), "p": json})) == {"1": [2, 3], "p": str(json)}


def test_undecodable_file_names_do_not_break_the_file() -> None:
    assert json.loads(dumps({"cwd": "/tmp/\udcff"}).decode()) == {"cwd": "/tmp/?"}


def test_indent_puts_one_item_a_line() -> None:
    assert (
        dumps({"a": 1, "b": [2, 3], "c": {}}, indent=1)
        == b'{\n "a": 1,\n "b": [\n  2,\n  3\n ],\n "c": {}\n}'
    )
