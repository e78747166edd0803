"""What rules parse as, and what each bad one is told."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opengraphs.alerts.rules import Rule, Span, parse_condition, parse_rule
from opengraphs.alerts.rules.functions import FUNCTIONS
from opengraphs.alerts.rules.tree import Binary, Call, Expr, Metric, Number, Unary
from opengraphs.errors import UsageError


def bracketed(expr: Expr) -> str:
    """A tree with every bracket written."""
    if isinstance(expr, Number):
        return f"{expr.value:g}"
    if isinstance(expr, Metric):
        return f"{{{expr.name}}}" if expr.is_glob else expr.name
    if isinstance(expr, Unary):
        return f"({expr.op} {bracketed(expr.inner)})"
    if isinstance(expr, Call):
        return f"{expr.name}[{', '.join(map(bracketed, expr.args))}]"
    assert isinstance(expr, Binary)
    return f"({bracketed(expr.left)} {expr.op} {bracketed(expr.right)})"


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a > 1 + 2 * 3", "(a > (1 + (2 * 3)))"),
        ("a - 1 - 2 > 0", "(((a - 1) - 2) > 0)"),
        ("a / 2 / 4 * 3 > 0", "((((a / 2) / 4) * 3) > 0)"),
        ("(a - (1 - 2)) > 0", "((a - (1 - 2)) > 0)"),
        ("-a * 2 > - -1", "(((- a) * 2) > (- (- 1)))"),
        ("a > 1 or b > 1 and c > 1", "((a > 1) or ((b > 1) and (c > 1)))"),
        ("not a > 1 and b > 1", "((not (a > 1)) and (b > 1))"),
        ("not not a > 1", "(not (not (a > 1)))"),
        ("NOT a > 1 AND b > 1 OR c > 1", "(((not (a > 1)) and (b > 1)) or (c > 1))"),
        ("a == 1 and b != 2 or c <= 3 and d >= 4", "(((a == 1) and (b != 2)) or ((c <= 3) and (d >= 4)))"),
        ("train/loss > 5", "(train/loss > 5)"),
        ("train/loss / 2 > 5", "((train/loss / 2) > 5)"),
        ("grad-norm > 5", "(grad-norm > 5)"),
        ("a -b > 5", "((a - b) > 5)"),
        ("a *b > 5", "((a * b) > 5)"),
        ("2*lr > 5", "((2 * lr) > 5)"),
        ("5/a<1", "((5 / a) < 1)"),
        ("*/loss > 2 * eval/*", "({*/loss} > (2 * {eval/*}))"),
        ("layer?/norm>1e3", "({layer?/norm} > 1000)"),
        ("\"a b/c*\" > 1 and 'for' < 2", "((a b/c* > 1) and (for < 2))"),
        (r'"say \"x\" \\" > 1', r'(say "x" \ > 1)'),
        ("gpu.0.util_percent < 5%", "(gpu.0.util_percent < 0.05)"),
        ("a > 1_000.5e-3", "(a > 1.0005)"),
        ("a > .5", "(a > 0.5)"),
        ("age(a) > 10m", "(age[a] > 600)"),
        ("age(a) > 500ms and age(b) < 2h + 1d", "((age[a] > 0.5) and (age[b] < (7200 + 86400)))"),
        ("age(a) > 90", "(age[a] > 90)"),
        ("age(a) / 1h > 2 * 3", "((age[a] / 3600) > (2 * 3))"),
        ("1m > age(a)", "(60 > age[a])"),
        ("missing(eval/loss, 5m)", "missing[eval/loss, 300]"),
        ("count(nan(loss), 20) >= 5", "(count[nan[loss], 20] >= 5)"),
        ("q(a, 95%, 50) > 1", "(q[a, 0.95, 50] > 1)"),
        ("verlust/größe > 1", "(verlust/größe > 1)"),
        ("a >\n  1", "(a > 1)"),
    ],
)
def test_operators_bind_as_in_arithmetic(text: str, tree: str) -> None:
    assert bracketed(parse_condition(text)) == tree


@pytest.mark.parametrize(
    ("text", "column", "message", "hint"),
    [
        ("", 1, "the condition is missing", "train/loss > 5"),
        ("   ", 1, "the condition is missing", ""),
        ("a > > 5", 5, "expected a value, found '>'", "a number, a metric"),
        ("a >", 4, "expected a value, found the end", ""),
        ("and > 1", 1, "expected a value, found 'and'", '"and"'),
        ("a b > 1", 3, "expected an operator", "has spaces is quoted"),
        ("a > 1 adn b > 1", 7, "expected an operator", "did you mean and"),
        ("(a > 1", 1, "a bracket is not closed", "add )"),
        ("mean(a, 3", 5, "a bracket is not closed", "add )"),
        ("(a > 1 b", 8, "expected an operator or )", ""),
        ("a > 1)", 6, "a closing bracket without", "remove it"),
        ("mean(a 3) > 1", 8, "expected a comma", ""),
        ("mean(a, 3,) > 1", 10, "an argument is missing", ""),
        ("meen(a, 3) > 1", 1, "unknown function 'meen'", "did you mean mean"),
        ("frob(a) > 1", 1, "unknown function 'frob'", "there are age"),
        ("1 < a < 5", 7, "comparisons do not chain", "x > 1 and x < 5"),
        ("a = 5", 3, "'=' is no operator", "write =="),
        ("a && b", 3, "'&&' is no operator", "write and"),
        ("a > 5 | b > 5", 7, "'|' is no operator", "write or"),
        ("a ≥ 5", 3, "'≥' is no operator", "write >="),
        ("a ^ 2 > 5", 3, "'^' is no operator", "no power"),
        ("a**2 > 5", 2, "'**' is no operator", "no power"),
        ("a ! b", 3, "'!' is no operator", "write not"),
        ("a $ b", 3, "'$' means nothing", "quoted"),
        ("a\x00 > 1", 2, "means nothing", ""),
        ('"a > 1', 1, "a quote is not closed", 'add "'),
        ('"" > 1', 1, "the quotes hold no name", ""),
        ("a > 10k", 7, "unknown unit 'k'", "ms s m h d"),
        ("3d_loss > 1", 1, "not a number", "quoted"),
        ("a > 1.5.2", 5, "not a number", ""),
        ("a > 1e999", 5, "a number beyond", "1.8e308"),
        ("loss/2 > 1", 5, "may be one name or arithmetic", 'loss / 2, or quote the name: "loss/2"'),
        ("loss-1 > 1", 5, "may be one name or arithmetic", "loss - 1"),
        ("lr*2 > 1", 3, "may be one name or arithmetic", "lr * 2"),
        ("a + 1", 1, "a rule is a condition, and this is a number", "a + 1 > 5"),
        ("age(a)", 1, "this is a time in seconds", ""),
        ("5 > 3", 1, "names no metric", ""),
        ("a and b > 1", 1, "and joins conditions", "a > 0"),
        ("a > 1 or 5s", 10, "or joins conditions, and this is a duration", ""),
        ("not a", 5, "not is about a condition", "not (x > 1)"),
        ("-(a > 1) > 1", 2, "a condition has no minus", "not turns"),
        ("(a > 1) + 1 > 1", 1, "+ is about numbers", "count"),
        ("(a > 1) == (b > 1)", 1, "== is about numbers", ""),
        ("a > 30s", 5, "a duration beside a number", "age(metric) only"),
        ("age(a) > 5 + 3s", 14, "a duration added to a number", ""),
        ("age(a) * age(b) > 1", 8, "a time multiplied by a time", ""),
        ("1 / age(a) > 1", 3, "a number divided by a time", ""),
        ("mean() > 1", 1, "mean takes 1 or 2 arguments, not 0", "mean(value, [points])"),
        ("q(a, 5%) > 1", 1, "q takes 3 arguments, not 2", "q(value, share, points)"),
        ("nan(a, 3)", 8, "nan takes one argument, not 2", "nan(value)"),
        ("mean(a, 0) > 1", 9, "a window of 0 points", "from 1 to 10000"),
        ("mean(a, 10001) > 1", 9, "a window of 10001 points", "from 1 to 10000"),
        ("mean(a, 2.5) > 1", 9, "a window of 2.5 points", ""),
        ("std(a, 1) > 1", 8, "a window of 1 points", "from 2"),
        ("mean(a, 30s) > 1", 9, "a window is a plain number", "windows of time do not exist"),
        ("mean(a, b) > 1", 9, "a window is a plain number", ""),
        ("mean(a, -3) > 1", 9, "a window is a plain number", ""),
        ("q(a, 2, 10) > 1", 6, "q needs a share", "0.95"),
        ("missing(a, 5)", 12, "missing needs a time", "10m"),
        ("age(a + 1) > 1", 5, "age is about a metric", ""),
        ("mean(a > 1, 3) > 1", 6, "mean is about a number", "only count"),
        ("mean(5, 3) > 1", 6, "mean of what never changes", ""),
        ("mean(age(a), 3) > 1", 6, "age cannot stand in mean", "for 30s"),
        ("count(missing(a), 3) > 1", 7, "missing cannot stand in count", ""),
        ("*/a > x/*/*", 7, "have different wildcards", ""),
        ("*a*b*c*d*e > 1", 1, "more than 4 wildcards", ""),
        ("a > 1 for 10", 7, "'for' does not belong into when", "for = …"),
        ("a > 1 !warn", 7, "'!warn' does not belong into when", "level = …"),
        ("-" * 60 + "a > 1", 51, "nested too deep", ""),
        ("a" + " + a" * 200 + " > 1", 601, "at most 300 words", "two rules"),
        ("a > 1 or  " * 300, 2001, "at most 2000 characters", ""),
    ],
)
def test_bad_condition_is_told_where_and_what_helps(text: str, column: int, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_condition(text)
    assert message in caught.value.message
    assert caught.value.message.endswith(f"at column {column}")
    drawn = caught.value.hint.split("\n")
    assert drawn[1].strip() == "^"
    assert hint in caught.value.hint


def test_caret_stands_under_the_place_of_a_long_line() -> None:
    text = "train/loss > 1 or " * 40 + "ooops $ 3"
    with pytest.raises(UsageError) as caught:
        parse_condition(text)
    line, caret = caught.value.hint.split("\n")[:2]
    assert line[len(caret) - 1] == "$"
    assert len(line) <= 121


def test_longest_rule_is_still_compiled() -> None:
    assert parse_rule("a > 0" + " + a" * 148).compile().update("a", 1, 1.0, 1.0)[0].hot is False


def test_error_in_several_lines_names_line_and_column() -> None:
    with pytest.raises(UsageError) as caught:
        parse_condition("a > 1\n  and b >> 2")
    assert caught.value.message.endswith("at line 2, column 10")
    assert caught.value.hint.startswith("  and b >> 2\n         ^")


def test_one_line_with_everything() -> None:
    rule = parse_rule("kl-high: ema(kl, 20) > 0.1 for 10 after 200 !critical cooldown 10m action explain")
    assert rule._replace(expr=rule.expr) == Rule(
        "kl-high",
        "ema(kl, 20) > 0.1",
        rule.expr,
        hold=Span(10, "points"),
        after=200,
        level="error",
        cooldown=Span(600, "s"),
        action="explain",
    )
    assert rule.detector == "rule:kl-high"


def test_one_line_with_nothing_else_has_defaults() -> None:
    rule = parse_rule("train/loss   > 5", origin="--alert")
    assert rule.name == "train/loss > 5"
    assert (rule.hold, rule.after, rule.level, rule.cooldown) == (Span(1, "points"), None, "warn", None)
    assert (rule.action, rule.filter, rule.origin) == ("notify", "", "--alert")


@pytest.mark.parametrize(
    ("clauses", "field", "value"),
    [
        ("for 30s", "hold", Span(30, "s")),
        ("for 2 minutes", "hold", Span(120, "s")),
        ("for 30 s", "hold", Span(30, "s")),
        ("for 20 steps", "hold", Span(20, "steps")),
        ("for 1 point", "hold", Span(1, "points")),
        ("after 0", "after", 0),
        ("after 7 steps", "after", 7),
        ("cooldown 50", "cooldown", Span(50, "points")),
        ("!info", "level", "info"),
        ("!WARNING", "level", "warn"),
        ("!error for 3", "level", "error"),
        ("action stop", "action", "stop"),
    ],
)
def test_clauses_in_any_order(clauses: str, field: str, value: object) -> None:
    assert getattr(parse_rule(f"a > 1 {clauses}"), field) == value


@pytest.mark.parametrize(
    ("text", "column", "message", "hint"),
    [
        ("a > 1 fro 10", 7, "expected an operator, for,", "did you mean for"),
        ("a > 1 for 10 coldown 5", 14, "neither a unit nor a clause: 'coldown'", "did you mean cooldown"),
        ("a > 1 !warn coldown 5", 13, "expected for, after, cooldown", "did you mean cooldown"),
        ("a > 1 for", 10, "for needs a length, found the end", "for 10 or for 30s"),
        ("a > 1 for 5%", 11, "for needs a length", ""),
        ("a > 1 for -5", 11, "for needs a length", ""),
        ("a > 1 for 0", 11, "for 0 points means nothing", "at least 1"),
        ("a > 1 for 1.5", 11, "whole numbers", ""),
        ("a > 1 for 10 parsecs", 14, "neither a unit nor a clause: 'parsecs'", "steps"),
        ("a > 1 for 10 stesp", 14, "neither a unit nor a clause: 'stesp'", "did you mean steps"),
        ("a > 1 for 1 for 2", 13, "for stands twice", ""),
        ("a > 1 !warn !info", 13, "a level stands twice", ""),
        ("a > 1 !critcal", 7, "unknown level 'critcal'", "did you mean critical"),
        ("a > 1 after 10m", 13, "after counts steps", "after 200"),
        ("a > 1 after 10 points", 13, "after counts steps", ""),
        ("a > 1 action", 13, "expected an action", "notify, explain"),
        ("a > 1 action stpo", 14, "unknown action 'stpo'", "did you mean stop"),
        ("age(a) > 30s for 10", 1, "changes with the clock", "for 30s"),
        ("missing(a) for 10 steps", 1, "changes with the clock", ""),
        ("name:", 6, "the condition is missing", ""),
        ("n" * 81 + ": a > 1", 1, "a name has 1 to 80", ""),
        ("name: a >> 1", 10, "expected a value", ""),
    ],
)
def test_bad_clause_is_told_where(text: str, column: int, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_rule(text)
    assert message in caught.value.message
    assert caught.value.message.endswith(f"at column {column}")
    assert hint in caught.value.hint


def test_rule_of_clock_and_points_may_count_points() -> None:
    assert parse_rule("age(a) > 30 and b > 1 for 10").hold == Span(10, "points")


WORDS = [
    *FUNCTIONS,
    "a",
    "b/c",
    "*/x",
    "'q'",
    "1",
    "5%",
    "10m",
    "(",
    ")",
    ",",
    "+",
    "-",
    "*",
    "/",
    "<",
    "==",
    "and",
]
WORDS += [
    "or",
    "not",
    "for",
    "after",
    "!warn",
    "cooldown",
    "action",
    "stop",
    "steps",
    "!",
    '"',
    "=",
    ":",
    "\n",
    "\t",
]


def rule_or_fault(text: str) -> Rule | UsageError:
    try:
        return parse_rule(text)
    except UsageError as fault:
        return fault


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=25), st.booleans())
def test_any_words_give_a_rule_or_a_place(words: list[str], has_spaces: bool) -> None:
    found = rule_or_fault((" " if has_spaces else "").join(words))
    if isinstance(found, UsageError):
        assert "column" in found.message
    else:
        assert bracketed(parse_condition(found.when)) == bracketed(found.expr)
        found.compile().record(1, 1.0, {"a": 1.0, "b/c": 2.0, "q": 3.0, "w/x": 4.0})


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60))
def test_any_text_gives_a_rule_or_a_place(text: str) -> None:
    found = rule_or_fault(text)
    assert isinstance(found, Rule) or "column" in found.message
