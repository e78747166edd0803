"""What counts as a number in `log()`, and how a dict of them is flattened.

Numbers of other libraries are recognised by how they behave, so that none is imported:
an object with `__float__` is asked for `item()` first (numpy, torch, jax, cupy, mlx, at
any precision), else for its `__float__` (Decimal, Fraction, TensorFlow).

A tensor on a device is read where it is logged: `log({"loss": loss})` waits for the
device just as the `loss.item()` would that the script needs to print it, once per tensor,
and nothing else in og ever reads one. To keep the device busy, log every n-th step.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Iterator, Mapping, Tuple, Union

    Number = Union[int, float]

MAX_DEPTH = 16
MIN_INT64, MAX_INT64, MAX_UINT64 = -(1 << 63), (1 << 63) - 1, (1 << 64) - 1
_NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def number(value: Any) -> Number:
    """`value` as a plain int or float; True is 1. Ints beyond 64 bits become floats.

    Raises:
        Exception: it is no number, not a single one, or its own conversion failed.
    """
    kind = type(value)
    if kind is float:
        return value  # type: ignore[no-any-return]
    if isinstance(value, int):
        return int(value) if MIN_INT64 <= value <= MAX_UINT64 else float(value)
    if isinstance(value, float):
        return float(value)
    if not hasattr(kind, "__float__"):
        raise TypeError("%s is not a number" % kind.__name__)
    item = getattr(value, "item", None)
    single = item() if callable(item) else value
    return number(single) if isinstance(single, (int, float)) else float(single)


def step_number(value: Any) -> int:
    """`value` as a step: a whole number that fits 64 bits.

    Raises:
        Exception: it is none.
    """
    step = number(value)
    if step != int(step) or not MIN_INT64 <= step <= MAX_INT64:
        raise ValueError("a step is a whole number")
    return int(step)


def wire(value: Number) -> Union[int, float, str]:
    """A number as it stands in a record: those that are not finite are strings."""
    if type(value) is float and value - value != 0.0:
        return _NOT_FINITE[repr(value)]
    return value


def text(key: Any) -> str:
    """A key as text that every JSON reader takes."""
    name = key if type(key) is str else str(key)
    return name.encode("utf-8", "replace").decode("utf-8")


def flatten(
    metrics: Mapping[Any, Any], prefix: str = "", depth: int = 0, *, joint: str = "/"
) -> Iterator[Tuple[str, Any]]:
    """Pairs of key and value, the names of nested dicts joined by `joint`.

    Raises:
        ValueError: a dict holds itself, or nests deeper than anybody means.
    """
    if depth > MAX_DEPTH:
        raise ValueError("dicts are nested more than %d deep" % MAX_DEPTH)
    for key, value in dict(metrics).items():
        name = prefix + text(key)
        if isinstance(value, dict):
            yield from flatten(value, name + joint, depth + 1, joint=joint)
        else:
            yield name, value


def numbers(
    metrics: Mapping[Any, Any], other: Callable[[str, Any, Exception], None], *, joint: str = "/"
) -> Dict[str, Number]:
    """The numbers of a dict given to `log()`, flattened; `other` gets each value that is none."""
    found: Dict[str, Number] = {}
    for name, value in flatten(metrics, joint=joint):
        try:
            found[name] = number(value)
        except Exception as error:  # whatever a foreign object's conversion raises
            other(name, value, error)
    return found
