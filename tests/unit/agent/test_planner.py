"""What models say, well and badly, and what plan comes of it."""

from __future__ import annotations

import math
from typing import Any

import pytest

from opengraphs.agent.planner import (
    ACTION,
    DIAGNOSIS,
    MAX_EDITS,
    NotAPlanError,
    plan_from_calls,
    plan_from_text,
)

RUN = "20261122-093012-k7f3"
TOLD: dict[str, Any] = {"summary": "diverged", "confidence": 0.7}
BLOCK = "train.py\n<<<<<<< SEARCH\nlr = 0.1\n=======\nlr = 0.01\n>>>>>>> REPLACE\n"


def asked(**more: Any) -> dict[str, Any]:
    return {
        "kind": "override",
        "rationale": "r",
        "overrides": {"lr": 0.01},
        "metric": "loss",
        "direction": "min",
        **more,
    }


def test_the_two_tools_make_a_plan() -> None:
    told = {
        **TOLD,
        "evidence": [{"metric": "loss", "step": 40.0, "text": "jumped"}, "also this"],
        "checks": ["lr"],
    }
    plan = plan_from_calls({DIAGNOSIS: told, ACTION: asked(checkpoint=200, by_step=900)}, "", run_id=RUN)
    assert (plan["diagnosis"], plan["confidence"], plan["run_id"]) == ("diverged", 0.7, RUN)
    assert plan["evidence"][0]["step"] == 40
    assert plan["action"]["overrides"] == {"lr": 0.01}
    assert (plan["action"]["checkpoint"], plan["action"]["by_step"]) == ("200", 900)


def test_edits_are_the_text_and_never_an_argument() -> None:
    patch = {**asked(kind="patch"), "edits": BLOCK}
    with pytest.raises(NotAPlanError, match="SEARCH/REPLACE"):
        plan_from_calls({ACTION: patch}, "I change the rate.", run_id=RUN)
    plan = plan_from_calls({ACTION: patch}, f"I change the rate.\n{BLOCK}", run_id=RUN)
    assert BLOCK in plan["action"]["edits"]


@pytest.mark.parametrize(
    "call",
    [
        {"kind": "shell"},
        {"kind": None},
        {"kind": ["patch"]},
        {"kind": {"patch": 1}},
        {"kind": "PATCH; rm -rf /"},
        {"rationale": 7},
        {"rationale": ["x"]},
        {"metric": {"a": 1}},
        {"direction": "up"},
        {"direction": None},
        {"direction": True},
        {"checkpoint": "../../etc/passwd"},
        {"checkpoint": "a b"},
        {"checkpoint": "x" * 500},
        {"checkpoint": ["latest"]},
        {"checkpoint": True},
        {"checkpoint": "latest\nkeep"},
        {"by_step": -1},
        {"by_step": math.nan},
        {"by_step": math.inf},
        {"by_step": "900"},
        {"by_step": True},
        {"by_step": 1 << 60},
        {"by_step": 1.5},
        {"overrides": None},
        {"overrides": {}},
        {"overrides": []},
        {"overrides": "lr=1"},
        {"overrides": {"lr": math.nan}},
        {"overrides": {"lr": math.inf}},
        {"overrides": {"lr": {"deep": 1}}},
        {"overrides": {"lr": [1]}},
        {"overrides": {"lr;rm": 1}},
        {"overrides": {"": 1}},
        {"overrides": {"--lr": 1}},
        {"overrides": {"lr": "x" * 5000}},
        {"overrides": {f"k{n}": n for n in range(50)}},
    ],
)
def test_an_action_that_cannot_be_is_refused_in_words(call: dict[str, Any]) -> None:
    with pytest.raises(NotAPlanError) as refusal:
        plan_from_calls({DIAGNOSIS: TOLD, ACTION: asked(**call)}, "", run_id=RUN)
    assert len(str(refusal.value)) < 300


@pytest.mark.parametrize(
    "told",
    [
        {"confidence": 2},
        {"confidence": -0.1},
        {"confidence": math.nan},
        {"confidence": "high"},
        {"confidence": True},
        {"summary": ["x"]},
        {"summary": None},
        {"evidence": "loss"},
        {"evidence": [7]},
        {"evidence": [{"step": "x"}]},
        {"evidence": [{"text": {}}]},
        {"checks": "one"},
        {"checks": [1]},
        {"hypotheses": [None]},
    ],
)
def test_a_diagnosis_that_cannot_be_is_refused_in_words(told: dict[str, Any]) -> None:
    with pytest.raises(NotAPlanError):
        plan_from_calls({DIAGNOSIS: {**TOLD, **told}}, "", run_id=RUN)


def test_sizes_are_bounded() -> None:
    told = {
        "summary": "x" * 100_000,
        "confidence": 1,
        "evidence": ["y" * 9999] * 99,
        "checks": ["z" * 9999] * 99,
    }
    plan = plan_from_calls({DIAGNOSIS: told}, "", run_id=RUN)
    assert len(str(plan)) < 30_000
    with pytest.raises(NotAPlanError, match="longer"):
        plan_from_calls({ACTION: asked(kind="patch")}, BLOCK + "x" * MAX_EDITS, run_id=RUN)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("DIAGNOSIS: it diverged\nACTION: restart\ncheckpoint: best\n", "restart"),
        ("diagnosis:\nit diverged\n\naction:\nrestart from the best checkpoint\n", "restart"),
        ("## Diagnosis\nit diverged\n## Action\nRestart\n", "restart"),
        ("**DIAGNOSIS:** it diverged\n**ACTION:** override\nlr = 1e-4\nmetric: loss\n", "override"),
        ('DIAGNOSIS: x\nACTION: override\noverrides: {"lr": 0.001}\n', "override"),
        (f"DIAGNOSIS: x\nACTION: patch\nCODE_CHANGES:\n{BLOCK}", "patch"),
        (f"DIAGNOSIS: x\nACTION: edit the code\nCODE CHANGES:\n```\n{BLOCK}```\n", "patch"),
        ("DIAGNOSIS: all is well\nACTION: none\n", None),
        ("DIAGNOSIS: all is well\nACTION:\n", None),
        ("DIAGNOSIS: first\nDIAGNOSIS: second\nACTION: explain\n", None),
    ],
)
def test_sections_are_read_as_models_write_them(said: str, kind: str | None) -> None:
    plan = plan_from_text(said, run_id=RUN)
    assert plan is not None
    assert plan.get("action", {}).get("kind") == kind


@pytest.mark.parametrize(
    "said",
    [
        "",
        "The loss rose.",
        "DIAGNOSIS",
        "ACTION: patch",
        BLOCK,
        "the DIAGNOSIS: is hard, ACTION: unknown",
        "<<data ab log>>\nDIAGNOSIS of the doctor\n<<end ab>>",
        "\x00" * 1000,
        "DIAGNOSIS:" * 1000,
        "CODE_CHANGES:\n" + BLOCK,
    ],
)
def test_text_without_sections_is_no_plan(said: str) -> None:
    assert plan_from_text(said, run_id=RUN) is None


@pytest.mark.parametrize(
    "said",
    [
        "DIAGNOSIS: x\nACTION: sudo rm -rf /\n",
        "DIAGNOSIS: x\nACTION: patch\n",
        "DIAGNOSIS: x\nACTION: patch\nCODE_CHANGES:\njust set lr lower\n",
        "DIAGNOSIS: x\nACTION: override\n",
        "DIAGNOSIS: x\nACTION: override\nlr = NaN\n",
        "DIAGNOSIS: x\nACTION: restart\ncheckpoint: ../../x\n",
        "DIAGNOSIS: x\nACTION: restart\ndirection: sideways\n",
        "DIAGNOSIS: x\nACTION: restart\nby_step: soon\n",
    ],
)
def test_sections_that_cannot_be_are_refused_in_words(said: str) -> None:
    with pytest.raises(NotAPlanError):
        plan_from_text(said, run_id=RUN)


def test_a_head_inside_the_changes_belongs_to_the_file() -> None:
    said = f"DIAGNOSIS: x\nACTION: patch\nCODE_CHANGES:\n{BLOCK}\nACTION: restart\n"
    plan = plan_from_text(said, run_id=RUN)
    assert plan is not None
    assert plan["action"]["kind"] == "patch"
