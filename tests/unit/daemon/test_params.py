"""Query parameters and bodies: a wrong one says which and why."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from opengraphs.daemon.params import Params, body_flag, body_number, read_body
from opengraphs.errors import UsageError

KNOWN = ("limit", "filter", "raw", "direction")


ASK: dict[str, Callable[[Params], object]] = {
    "integer": lambda params: params.integer("limit", 5, low=1, high=10),
    "flag": lambda params: params.flag("raw"),
    "choice": lambda params: params.choice("direction", ("forward", "back"), default="back"),
    "required": lambda params: params.required("filter"),
    "nothing": lambda params: None,
}


@pytest.mark.parametrize(
    ("query", "ask", "message", "hint"),
    [
        (b"limti=1", "nothing", "'limti'", "did you mean limit"),
        (b"zzz=1", "nothing", "'zzz'", "known: direction, filter, limit, raw, store"),
        (b"limit=1&limit=2", "nothing", "given twice", ""),
        (b"limit=abc", "integer", "limit='abc'", "from 1 to 10"),
        (b"limit=0", "integer", "limit='0'", "from 1 to 10"),
        (b"limit=11", "integer", "limit='11'", "from 1 to 10"),
        (b"limit=" + b"9" * 5000, "integer", "limit=", "from 1 to 10"),
        (b"limit=", "integer", "limit=''", "from 1 to 10"),
        (b"raw=yes", "flag", "raw='yes'", "one of 0, 1"),
        (b"direction=up", "choice", "'up'", "forward, back"),
        (b"filter=", "required", "'filter' is missing", "filter="),
        (b"", "required", "'filter' is missing", ""),
    ],
)
def test_wrong_parameter_names_itself_and_what_is_right(
    query: bytes, ask: str, message: str, hint: str
) -> None:
    with pytest.raises(UsageError) as caught:
        ASK[ask](Params(query, KNOWN))
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_right_parameters_come_through() -> None:
    params = Params(b"limit=7&filter=a%20b%2Fc&raw=1&store=%FFx", KNOWN)
    assert params.integer("limit", 5, low=1, high=10) == 7
    assert params.text("filter") == "a b/c"
    assert params.flag("raw")
    assert params.text("store") == "\udcffx"
    assert params.choice("direction", ("forward", "back"), default="back") == "back"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"a": 1,}', "position 8 (line 1, column 9)"),
        (b'{\n "a": nope}', "line 2, column 7"),
        (b"[1]", "JSON object"),
        (b'"x"', "JSON object"),
        (b'\xff{"a":1}', "UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"gracs": 1}', "'gracs'"),
    ],
)
def test_wrong_body_says_where(body: bytes, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_body(body, ("grace_s",))
    assert message in caught.value.message


def test_empty_body_is_an_empty_object() -> None:
    assert read_body(b"", ("a",)) == read_body(b" \n", ("a",)) == {}


@pytest.mark.parametrize("value", [True, "10", None, -1, 11, [1]])
def test_wrong_number_in_a_body_is_refused(value: object) -> None:
    with pytest.raises(UsageError, match="grace_s"):
        body_number({"grace_s": value}, "grace_s", 5, low=0, high=10)


def test_numbers_and_flags_of_a_body() -> None:
    assert body_number({}, "grace_s", 5, low=0, high=10) == 5.0
    assert body_number({"grace_s": 0}, "grace_s", 5, low=0, high=10) == 0.0
    assert body_flag({"x": True}, "x")
    assert not body_flag({}, "x")
    with pytest.raises(UsageError):
        body_flag({"x": 1}, "x")
