"""What counts as a number, and how anything becomes JSON."""

from __future__ import annotations

import argparse
import enum
import json
import math
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from opengraphs.sdk import encode, plain, values


class _Level(enum.IntEnum):
    HIGH = 3


class _Tensor:
    """Behaves like a 0-d tensor of any library: `item()` and `__float__`."""

    def __init__(self, value: Any) -> None:
        self.value = value
        self.reads = 0

    def item(self) -> Any:
        self.reads += 1
        return self.value

    def __float__(self) -> float:
        raise AssertionError("item() is asked, once")


@pytest.mark.parametrize(
    ("given", "number"),
    [
        (1.5, 1.5),
        (7, 7),
        (True, 1),
        (_Level.HIGH, 3),
        (np.float32(0.5), 0.5),
        (np.float64(0.1), 0.1),
        (np.float16(2), 2.0),
        (np.int64(-3), -3),
        (np.uint8(255), 255),
        (np.bool_(True), 1),
        (np.array(2.5), 2.5),
        (np.array([4.0]), 4.0),
        (np.longdouble(1.25), 1.25),
        (Decimal("0.125"), 0.125),
        (Fraction(1, 4), 0.25),
        (2**63, 2**63),
        (2**64, 2.0**64),
        (-(2**70), -(2.0**70)),
        (_Tensor(0.75), 0.75),
        (_Tensor(True), 1),
    ],
)
def test_number_of(given: Any, number: float) -> None:
    found = values.number(given)
    assert found == number
    assert type(found) in (int, float)
    assert type(found) is type(number)


def test_tensor_is_read_once() -> None:
    tensor = _Tensor(1.0)
    values.number(tensor)
    assert tensor.reads == 1


@pytest.mark.parametrize(
    "given",
    [
        "1.5",
        b"1",
        None,
        [1.0],
        (1,),
        {"a": 1},
        1j,
        np.array([1.0, 2.0]),
        np.datetime64("2020"),
        object(),
        10**400,
        float,
    ],
)
def test_what_is_no_number_is_refused(given: Any) -> None:
    with pytest.raises((TypeError, ValueError, OverflowError)):
        values.number(given)


@pytest.mark.parametrize(
    ("given", "on_the_wire"),
    [(math.nan, "NaN"), (math.inf, "Infinity"), (-math.inf, "-Infinity"), (0.0, 0.0), (5, 5), (1e308, 1e308)],
)
def test_values_that_are_not_finite_are_words(given: float, on_the_wire: Any) -> None:
    assert values.wire(given) == on_the_wire


def test_flatten_joins_nested_dicts_and_makes_keys_text() -> None:
    nested = {"train": {"loss": 1, "by": {0: 2, "x": 3}}, 5: 6, None: 7, "bad\ud800": 8}
    assert dict(values.flatten(nested)) == {
        "train/loss": 1,
        "train/by/0": 2,
        "train/by/x": 3,
        "5": 6,
        "None": 7,
        "bad?": 8,
    }


def test_dict_that_holds_itself_is_refused() -> None:
    loop: dict[str, Any] = {}
    loop["me"] = loop
    with pytest.raises(ValueError, match="nested"):
        dict(values.flatten(loop))


@pytest.mark.parametrize(("given", "step"), [(3, 3), (np.int32(4), 4), (5.0, 5), (True, 1), (_Tensor(6), 6)])
def test_step_of(given: Any, step: int) -> None:
    assert values.step_number(given) == step


@pytest.mark.parametrize("given", [1.5, "3", None, math.nan, math.inf, 2**63])
def test_what_is_no_step_is_refused(given: Any) -> None:
    with pytest.raises((TypeError, ValueError, OverflowError)):
        values.step_number(given)


# -- plain -----------------------------------------------------------------------------------


@dataclass
class _Config:
    lr: float = 0.1
    layers: list[int] = field(default_factory=lambda: [1, 2])


class _DictLike:
    def keys(self) -> list[str]:
        return ["a"]

    def __getitem__(self, key: str) -> int:
        return len(key)


class _Hostile:
    def __str__(self) -> str:
        raise RuntimeError("no")

    __repr__ = __str__


def _function() -> None: ...


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ({"a": (1, {2})}, {"a": [1, [2]]}),
        (_Config(), {"lr": 0.1, "layers": [1, 2]}),
        (argparse.Namespace(lr=1, name="x"), {"lr": 1, "name": "x"}),
        (_DictLike(), {"a": 1}),
        (math.nan, "NaN"),
        (np.float32(0.5), 0.5),
        (np.arange(3), [0, 1, 2]),
        (Path("a") / "b", "a/b"),
        (True, True),
        (None, None),
        ("x" * 200_000, "x" * 100_000),
        (_Hostile(), "<_Hostile>"),
        ("bad\ud800", "bad?"),
    ],
)
def test_plain_form_of(given: Any, made: Any) -> None:
    assert plain.plain(given) == made
    assert json.loads(encode.line(plain.plain(given))) == made


def test_classes_and_functions_go_by_their_names() -> None:
    assert str(plain.plain(_Config)).endswith("._Config")
    assert str(plain.plain(_function)).endswith("._function")


def test_plain_form_of_a_structure_that_holds_itself_ends() -> None:
    loop: dict[str, Any] = {}
    loop["me"] = loop
    assert json.loads(encode.line(plain.plain(loop)))["me"]["me"]


# -- encoders ----------------------------------------------------------------------------------

METRICS = {"train/loss": 0.1 + 0.2, "lr": 3e-4, "n": 12, 'müllér "%s"\\': 1e-300, "big": 1e300, "neg": -0.0}


def _encoders(rank: int) -> dict[str, Any]:
    import msgspec
    import orjson

    extra = {"rank": rank} if rank else {}
    return {
        "orjson": encode._by_library(orjson.dumps, extra),
        "msgspec": encode._by_library(msgspec.json.Encoder().encode, extra),
        "stdlib": encode._by_template(extra),
    }


@pytest.mark.parametrize("rank", [0, 3])
@pytest.mark.parametrize("name", ["orjson", "msgspec", "stdlib"])
def test_every_encoder_writes_the_same_record(name: str, rank: int) -> None:
    line = _encoders(rank)[name](7, 1763803812.123456, METRICS)
    expected = {"step": 7, "time": 1763803812.123456, "metrics": METRICS, **({"rank": rank} if rank else {})}
    assert json.loads(line) == expected
    assert b"\n" not in line
    assert b"\0" not in line


def test_template_refuses_keys_that_are_no_text() -> None:
    encoder = encode._by_template({})
    for keys in ({1: 2.0}, {"bad\ud800": 1.0}):
        with pytest.raises((TypeError, UnicodeEncodeError)):
            encoder(0, 0.0, keys)  # type: ignore[arg-type]


def test_templates_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encode, "MAX_TEMPLATES", 3)
    encoder = encode._by_template({})
    for number in range(10):
        assert json.loads(encoder(0, 0.0, {f"k{number}": 1.0}))["metrics"] == {f"k{number}": 1.0}


@pytest.mark.parametrize("missing", [(), ("orjson",), ("orjson", "msgspec")])
def test_encoder_is_what_can_be_imported(monkeypatch: pytest.MonkeyPatch, missing: tuple[str, ...]) -> None:
    import sys

    for name in missing:
        monkeypatch.setitem(sys.modules, name, None)
    assert json.loads(encode.metric_encoder(0)(1, 2.0, {"a": 3.0})) == {
        "step": 1,
        "time": 2.0,
        "metrics": {"a": 3.0},
    }
