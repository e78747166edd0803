"""Alert rules of users: a grammar, and streams of points to readings. Pure.

    rule = parse_rule("train/loss > 2 * min(train/loss) for 10 after 200 !error")
    rules, watch = RuleSet([rule]), RuleWatch(rule)
    for _, reading in rules.record(step, time, {"train/loss": 0.31}):
        change = watch.take(reading)

`CompiledRule` is one rule's stream, `RuleSet` those of a run; `RuleWatch` holds what `for`,
`after` and `cooldown` say, for whoever has no incident machine of their own.

docs/alert-rules.md is the page for users.
"""

from opengraphs.alerts.rules.clauses import parse_condition, parse_rule
from opengraphs.alerts.rules.compiled import CompiledRule, Instance
from opengraphs.alerts.rules.reading import Reading
from opengraphs.alerts.rules.rule import Rule, Span
from opengraphs.alerts.rules.ruleset import Answer, RuleSet
from opengraphs.alerts.rules.rulesfile import DetectorChoice, RulesFile, merged, read_rules
from opengraphs.alerts.rules.tables import MetricPoint, read_points
from opengraphs.alerts.rules.watch import Change, RuleWatch

__all__ = [
    "Answer",
    "Change",
    "CompiledRule",
    "DetectorChoice",
    "Instance",
    "MetricPoint",
    "Reading",
    "Rule",
    "RuleSet",
    "RuleWatch",
    "RulesFile",
    "Span",
    "merged",
    "parse_condition",
    "parse_rule",
    "read_points",
    "read_rules",
]
