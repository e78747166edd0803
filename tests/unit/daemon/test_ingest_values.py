"""What Trackio's clients say, in og's terms."""

from __future__ import annotations

import math
from typing import Any

import pytest

from opengraphs.daemon.ingest import calls, values


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-20T10:00:00Z", 1795168800.0),
        ("2026-11-20T10:00:00.5+00:00", 1795168800.5),
        ("2026-11-20T12:00:00+02:00", 1795168800.0),
        ("2026-11-20T12:00:00+0200", 1795168800.0),
        ("2026-11-20 10:00:00", 1795168800.0),
        ("2026-11-20T10:00:00.123456789Z", 1795168800.123456789),
        (1795168800, 1795168800.0),
        ("", None),
        (None, None),
        ("yesterday", None),
        ("2026-13-40T10:00:00Z", None),
        (True, None),
        (-5, None),
        (float("nan"), None),
        (1e300, None),
    ],
)
def test_a_moment_is_read_from_every_client_s_spelling(text: Any, moment: float | None) -> None:
    found = values.moment(text)
    assert found == (pytest.approx(moment, abs=1e-6) if moment is not None else None)


def test_a_moment_is_written_as_trackio_writes_it() -> None:
    assert values.iso(1795168800.5) == "2026-11-20T10:00:00.500000+00:00"
    assert values.moment(values.iso(1795168800.25)) == 1795168800.25


@pytest.mark.parametrize(("given", "step"), [(3, 3), (3.0, 3), (0, 0), (-1, None), (None, None), (-7, -7)])
def test_a_step_is_a_whole_number_or_the_next_one(given: Any, step: int | None) -> None:
    assert values.step_of(given) == step


@pytest.mark.parametrize("given", [1.5, "3", True, [], math.inf, math.nan, 1 << 70])
def test_other_steps_are_poison(given: Any) -> None:
    with pytest.raises(values.PoisonError):
        values.step_of(given)


def test_numbers_go_one_way_and_the_rest_the_other() -> None:
    found = values.split(
        {
            "a": 1,
            "b": {"c": 2.5, "d": {"e": True}},
            "nan": "NaN",
            "text": "x",
            "list": [1, 2],
            "nothing": None,
            "md": {"_type": "trackio.markdown", "_value": "# hi"},
            "huge": 10**400,
        }
    )
    assert {key: value for key, value in found.metrics.items() if key != "nan"} == {
        "a": 1,
        "b/c": 2.5,
        "b/d/e": 1,
    }
    assert math.isnan(found.metrics["nan"])
    assert sorted(found.samples) == ["huge", "list", "md", "text"]
    assert found.samples["md"] == {"markdown": "# hi"}


@pytest.mark.parametrize("metrics", [None, 3, "x", [1]])
def test_metrics_that_are_no_object_are_poison(metrics: Any) -> None:
    with pytest.raises(values.PoisonError):
        values.split(metrics)


def test_metrics_that_nest_without_end_are_poison() -> None:
    deep: dict[str, Any] = {}
    inner = deep
    for _ in range(100):
        inner["x"] = {}
        inner = inner["x"]
    with pytest.raises(values.PoisonError):
        values.split(deep)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("p/r/3/a.png", "a.png"),
        ("..\\..\\a.png", "a.png"),
        ("a/..", "file"),
        ("", "file"),
        ("a/b\x1b\x00.png", "b__.png"),
        ("x" * 500 + ".png", ("x" * 500 + ".png")[-120:]),
    ],
)
def test_a_media_name_is_one_safe_name(path: str, name: str) -> None:
    assert values.media_name(path) == name


def test_arguments_in_order_and_by_name() -> None:
    found = calls.arguments("get_alerts", b'{"args":["p","r"],"kwargs":{"level":"warn"}}')
    assert {name: calls.plain(value) for name, value in found.items()} == {
        "project": "p",
        "run": "r",
        "level": "warn",
    }
    assert calls.arguments("get_all_projects", b"") == {}
    with pytest.raises(calls.BadBodyError):
        calls.arguments("bulk_log", b"{")


def test_an_argument_called_data_that_is_no_list_is_an_argument() -> None:
    found = calls.arguments("get_logs", b'{"data":3,"project":"p"}')
    assert calls.plain(found["project"]) == "p"
