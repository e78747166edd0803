"""docs/alert-rules.md: its rules parse, and it leaves nothing out."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from opengraphs.alerts.replay import replay
from opengraphs.alerts.rules import MetricPoint, parse_rule, read_rules
from opengraphs.alerts.rules.functions import FUNCTIONS
from opengraphs.alerts.rules.rule import ACTIONS, LEVEL_WORDS
from opengraphs.alerts.rules.rulesfile import KEYS
from opengraphs.alerts.rules.words import DURATIONS, KEYWORDS
from opengraphs.errors import UsageError

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "alert-rules.md").read_text()
UNFENCED = re.sub(r"^```.*?^```$", "", PAGE, flags=re.MULTILINE | re.DOTALL)
LINES = [
    line[4:] for line in UNFENCED.splitlines() if line.startswith("    ") and not line.startswith("    og ")
]


@pytest.mark.parametrize("line", LINES)
def test_rule_of_the_page_parses(line: str) -> None:
    assert parse_rule(line).name


def test_page_has_rules() -> None:
    assert len(LINES) >= 10


def test_tables_of_the_page_are_a_file() -> None:
    first, second = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    found = read_rules(first + second)
    assert [rule.name for rule in found.rules] == ["kl-high"]
    assert len(found.roles) == len(found.detectors) == 2


@pytest.mark.parametrize(
    "word", [*KEYWORDS, *ACTIONS, *KEYS, *DURATIONS, *(f"!{w}" for w in LEVEL_WORDS if w != "warning")]
)
def test_word_is_on_the_page(word: str) -> None:
    assert f"`{word}" in PAGE


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_is_in_the_table(name: str) -> None:
    params = FUNCTIONS[name].params[1:]
    row = next(line for line in PAGE.splitlines() if re.search(rf"^\| .*`{name}\(", line))
    call = re.search(rf"`{name}\((.*?)\)`", row)
    assert call is not None
    assert len(call[1].split(", ")) == 1 + len(params)
    assert ("[" in call[1]) == any(param.endswith("?") for param in params)


def test_error_of_the_page_is_the_real_one() -> None:
    block = re.search(r"^```\nog: (.*?)\n```$", PAGE, re.MULTILINE | re.DOTALL)
    assert block is not None
    message, *hint = block[1].split("\n")
    with pytest.raises(UsageError) as caught:
        parse_rule(hint[0].strip())
    assert caught.value.message == message
    assert caught.value.hint.split("\n") == [line[2:] for line in hint]


def test_firing_of_the_page_has_the_real_keys() -> None:
    block = re.search(r"^```json\n(.*?)\n```$", PAGE, re.MULTILINE | re.DOTALL)
    assert block is not None
    points = [MetricPoint("train/kl", n, 0.0, 0.31) for n in range(1180, 1200)]
    (firing,) = replay(points, rules=[parse_rule("kl: train/kl > 0.1 for 20")], only_rules=True)
    assert firing == json.loads(block[1])
