"""Names with wildcards: what they match, and what they stand for."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opengraphs.alerts.rules import compiled, parse_rule
from opengraphs.alerts.rules.globs import glob


@pytest.mark.parametrize(
    ("name", "metric", "captures"),
    [
        ("*/loss", "train/loss", ("train",)),
        ("*/loss", "/loss", ("",)),
        ("*/loss", "a/b/loss", ("a/b",)),
        ("*/loss", "loss", None),
        ("*/loss", "train/loss2", None),
        ("a*a", "a", None),
        ("a*a", "aa", ("",)),
        ("layer?/w", "layer3/w", ("3",)),
        ("layer?/w", "layer10/w", None),
        ("?*?", "ab", ("a", "", "b")),
        ("?*?", "a", None),
        ("*.*", "a.b.c", ("a", "b.c")),
        ("*-*x", "a-b-x", ("a", "b-")),
        ("a.b*", "axb", None),
        ("*", "any\nthing", ("any\nthing",)),
    ],
)
def test_glob_matches_whole_names(name: str, metric: str, captures: tuple[str, ...] | None) -> None:
    assert glob(name).captures(metric) == captures


TEXT = st.text(alphabet="ab/", max_size=8)


@settings(max_examples=500, deadline=None)
@given(st.text(alphabet="ab/*?", min_size=1, max_size=6), TEXT)
def test_glob_is_the_regular_expression_it_stands_for(name: str, metric: str) -> None:
    pattern = re.escape(name).replace(r"\*", "(.*?)").replace(r"\?", "(.)")
    match = re.fullmatch(pattern, metric)
    captures = glob(name).captures(metric)
    assert captures == (match.groups() if match else None)
    assert captures is None or glob(name).filled(captures) == metric


def test_hostile_name_takes_no_time() -> None:
    assert glob("*a*a*a*ab").captures("a" * 100_000) is None


def test_wide_windows_leave_room_for_fewer_instances(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "MAX_KEPT", 100)
    rule = parse_rule("q(*/x, 95%, 20) > mean(*/x, 5) and missing(*/x, 10m)").compile()
    rule.record(1, 1.0, {f"{n}/x": 1.0 for n in range(10)})
    assert (len(rule.instances()), rule.dropped) == (4, 6)
