"""The user's own patterns."""

from __future__ import annotations

import pytest

from opengraphs.grammar.parser import LineParser
from opengraphs.grammar.patterns import Pattern, PatternError


def read(pattern: str, *lines: str) -> list[tuple[int, dict[str, float]]]:
    parser = LineParser([Pattern(pattern)])
    records = [*parser.feed("".join(f"{line}\n" for line in lines).encode()), *parser.flush()]
    return [(record.step, record.metrics) for record in records]


def test_groups_are_metrics_and_step_the_step() -> None:
    found = read(
        r"at (?P<step>[\d,]+): cost is (?P<loss>\S+)",
        "at 1,200: cost is 0.5%",
        "at 3: cost is nan!",
        "step 4: loss 0.2",
    )
    assert found == [(1200, {"loss": 0.5}), (4, {"loss": 0.2})]


def test_two_underscores_are_a_slash() -> None:
    assert read(r"(?P<step>\d+) (?P<train__loss>\S+)", "7 0.25") == [(7, {"train/loss": 0.25})]


def test_pairs_take_their_names_from_the_line() -> None:
    found = read(r"<(?P<key>[^=>]+)=(?P<value>[^>]+)>", "<train/loss=0.5><acc=12><x=y>")
    assert found == [(1, {"train/loss": 0.5, "acc": 12.0})]


def test_line_without_a_step_follows_the_newest() -> None:
    found = read(r"acc is (?P<acc>\S+)", "step 9: loss 0.5", "acc is 0.75")
    assert found == [(9, {"loss": 0.5}), (9, {"acc": 0.75})]


def test_lines_without_digits_are_offered_too() -> None:
    assert read(r"loss (?P<loss>\w+)", "loss nan")[0][0] == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (r"loss (?P<x>\d", "missing ), unterminated subpattern at character 6: …loss ⟨here⟩"),
        (r"loss \d", "names no metric"),
        (r"(?P<step>\d+)", "names no metric"),
        (r"(?P<key>\w+)", "no group `value`"),
        ("[", "unterminated character set at character 1"),
    ],
)
def test_pattern_that_cannot_be_says_where_it_breaks(text: str, said: str) -> None:
    with pytest.raises(PatternError) as raised:
        Pattern(text)
    assert said in str(raised.value)
