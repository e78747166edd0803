"""alerts.toml and the tables of og.toml: what they give, and what bad ones are told."""

from __future__ import annotations

from typing import Any

import pytest

from opengraphs.alerts.rules import DetectorChoice, RulesFile, Span, merged, read_rules
from opengraphs.errors import UsageError

WHOLE = """
[[alert]]
name = "kl-high"
when = "ema(train/kl, 20) > 3 * median(train/kl, 200) and lr > 0"
for = "20 points"
after = "200 steps"
severity = "critical"
cooldown = "10m"
action = "explain"
filter = "project:rlhf -tag:debug"

[[alert]]
name = "plain"
when = 'train/loss > 5'
for = 10
after = 200

[roles]
"train/my objective" = "loss"
"*/acc" = "reward"

[detectors]
plateau = "off"
stall = false
slow = "info"
level_up = { level = "error", z = 5.0, strict = true }
"""


def test_file_gives_rules_roles_and_detectors() -> None:
    found = read_rules(WHOLE, path="/store/alerts.toml")
    first, second = found.rules
    assert first.when.startswith("ema(train/kl, 20) >")
    assert (first.name, first.hold, first.after, first.level) == ("kl-high", Span(20, "points"), 200, "error")
    assert (first.cooldown, first.action, first.filter) == (
        Span(600, "s"),
        "explain",
        "project:rlhf -tag:debug",
    )
    assert first.origin == "/store/alerts.toml:2"
    assert (second.hold, second.after, second.level, second.action) == (
        Span(10, "points"),
        200,
        "warn",
        "notify",
    )
    assert second.origin == "/store/alerts.toml:12"
    assert found.roles == (("train/my objective", "loss"), ("*/acc", "reward"))
    assert found.detectors == {
        "plateau": DetectorChoice(False, None, {}),
        "stall": DetectorChoice(False, None, {}),
        "slow": DetectorChoice(True, "info", {}),
        "level_up": DetectorChoice(True, "error", {"z": 5.0, "strict": True}),
    }


def test_empty_file_says_nothing() -> None:
    assert read_rules("") == RulesFile((), (), {})


def test_project_file_may_have_tables_of_others() -> None:
    text = "[ui]\ntheme = 'dark'\n[[alert]]\nname = 'a'\nwhen = 'x > 1'\n"
    assert [rule.name for rule in read_rules(text, path="og.toml", is_project=True).rules] == ["a"]
    assert read_rules("[sinks]\nbell = true\n", others=("sinks",)).rules == ()


def test_condition_over_several_lines_keeps_its_place() -> None:
    text = "[[alert]]\nname = 'a'\nwhen = '''\nx > 1\nand y >> 2'''\n"
    with pytest.raises(UsageError) as caught:
        read_rules(text)
    assert "at line 2, column 8" in caught.value.message
    assert caught.value.hint.startswith("and y >> 2\n       ^")


def test_later_files_win_by_name() -> None:
    def file(name: str, when: str, **rest: Any) -> RulesFile:
        return read_rules(f"[[alert]]\nname = '{name}'\nwhen = '{when}'\n")._replace(**rest)

    store = file("a", "x > 1", roles=(("m", "loss"), ("n", "lr")))
    project = file("a", "x > 2", roles=(("m", "reward"),))
    other = file("b", "x > 3")
    both = merged([store, other, project])
    assert [(rule.name, rule.when) for rule in both.rules] == [("a", "x > 2"), ("b", "x > 3")]
    assert both.roles == (("m", "reward"), ("n", "lr"))


RULE = '[[alert]]\nname = "a"\nwhen = "x > 1"\n'


@pytest.mark.parametrize(
    ("text", "line", "message", "hint"),
    [
        ("[[alert]]\nname = \n", 0, "alert rules cannot be read (", ""),
        ('name = "a"\nname = "b"\n', 0, "alert rules cannot be read (", ""),
        ("\n[[alerts]]\nname = 'a'\n", 2, "unknown table 'alerts'", "did you mean alert?"),
        ("[sinks]\n", 1, "unknown table 'sinks'", "a rules file has alert, detectors, roles"),
        ("[alert]\nname = 'a'\n", 1, "alert is no list of tables", "[[alert]]"),
        ("alert = 3\n", 1, "alert is no list of tables", ""),
        (RULE + 'whne = "x"\n', 4, "[[alert]] 'a': unknown key 'whne'", "did you mean when"),
        (RULE + RULE, 4, "two rules are named 'a'", "alerts.toml:1"),
        ('[[alert]]\nwhen = "x > 1"\n', 1, "[[alert]] number 1: name is missing", "name ="),
        ('[[alert]]\nname = "a"\n', 1, "[[alert]] 'a': when is missing", "when ="),
        ('[[alert]]\nname = ""\nwhen = "x > 1"\n', 2, "[[alert]] number 1: name is ''", "a text"),
        ('[[alert]]\nname = 3\nwhen = "x > 1"\n', 2, "[[alert]] number 1: name is 3", "a text"),
        ('[[alert]]\nname = " a"\nwhen = "x > 1"\n', 2, "[[alert]] ' a': name: rule: a name has", ""),
        ('[[alert]]\nname = "a"\nwhen = 3\n', 3, "[[alert]] 'a': when is 3", "a text"),
        (
            '[[alert]]\nname = "a"\nwhen = "x >> 1"\n',
            3,
            "[[alert]] 'a': when: rule: expected a value",
            "x >> 1\n   ^",
        ),
        ('[[alert]]\nname = "a"\nwhen = "x > 1 for 5"\n', 3, "'for' does not belong into when", "for = …"),
        (RULE + "for = 1.5\n", 4, "for is 1.5", "a number of points"),
        (RULE + "for = true\n", 4, "for is True", ""),
        (RULE + "for = 0\n", 4, "for 0 points means nothing", ""),
        (RULE + 'for = "10 parsecs"\n', 4, "neither a unit nor a clause: 'parsecs'", ""),
        (RULE + 'for = "10 points please"\n', 4, "expected the end", ""),
        (RULE + 'after = "10m"\n', 4, "after counts steps", "200 steps"),
        (RULE + "after = -1\n", 4, "after needs a length", ""),
        (RULE + 'level = "hihg"\n', 4, "unknown level 'hihg'", ""),
        (RULE + 'severity = "critcal"\n', 4, "unknown level 'critcal'", "did you mean critical"),
        (RULE + 'level = "warn"\nseverity = "info"\n', 5, "level and severity are the same", "keep one"),
        (RULE + 'action = "explode"\n', 4, "unknown action 'explode'", "explain"),
        (RULE + "filter = 3\n", 4, "filter is 3", ""),
        (RULE + "cooldown = []\n", 4, "cooldown is []", ""),
        ('[[alert]]\nname = "a"\nwhen = "age(x) > 1"\nfor = 10\n', 4, "changes with the clock", "for 30s"),
        ('[roles]\n"a/b" = 3\n', 2, "the role of 'a/b' is no text", "quoted"),
        ('[roles]\n"a/b" = "lss"\n', 2, "unknown role 'lss'", "did you mean loss"),
        ("roles = 3\n", 1, "roles is no table", "[roles]"),
        ("[detectors]\nplateu = false\n", 2, "unknown detector 'plateu'", "did you mean plateau"),
        ('[detectors]\nplateau = "of"\n', 2, "detector 'plateau': it cannot be 'of'", "did you mean off"),
        ("[detectors]\nplateau = 3\n", 2, "it cannot be 3", "one of on, off"),
        ("[detectors.plateau]\nz = []\n", 1, "z is no number", ""),
        ("[detectors.plateau]\nlevel = 'fatal'\n", 1, "it cannot be 'fatal'", ""),
        ("detectors = []\n", 1, "detectors is no table", ""),
    ],
)
def test_bad_file_is_told_with_its_line(text: str, line: int, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_rules(text, path="alerts.toml", roles=("loss", "reward"), detectors=("plateau", "stall"))
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.path == (f"alerts.toml:{line}" if line else "alerts.toml")


def test_key_of_the_next_table_is_not_mistaken_for_this_one() -> None:
    text = '[[alert]]\nname = "a"\n[[alert]]\nname = "b"\nwhen = "x > 1"\n'
    with pytest.raises(UsageError) as caught:
        read_rules(text, path="f")
    assert caught.value.path == "f:1"


def test_more_rules_than_a_file_may_have_are_refused() -> None:
    text = "".join(f'[[alert]]\nname = "{n}"\nwhen = "x > {n}"\n' for n in range(501))
    with pytest.raises(UsageError, match="more than 500 rules"):
        read_rules(text)
