"""What is different about runs, and did it help."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opengraphs.engine import EngineStore, diff
from opengraphs.engine.sides import PartlyKnown, args_of
from opengraphs.errors import NotFoundError, UsageError

ReadAll = Callable[[EngineStore], None]
A, B, C = "20261122-093012-aaaa", "20261122-093013-bbbb", "20261122-093014-cccc"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=True) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2),
    max_leaves=3,
)


def bundle(folder: Path, **files: Any) -> None:
    """Files of bundle/; a dict is written as JSON, a name's `__` is its dot."""
    target = folder / "bundle"
    target.mkdir(exist_ok=True)
    for name, value in files.items():
        path = target / name.replace("__", ".")
        path.write_text(value if isinstance(value, str) else json.dumps(value))


PATCH = """diff --git a/train.py b/train.py
--- a/train.py
+++ b/train.py
@@ -1 +1,2 @@
-lr = 0.1
+lr = 0.2
+warm = 5
"""


def fill(maker: Any) -> None:
    """Two runs with a bundle; the second one learnt faster. A third without one."""
    one = maker.run(
        A, config={"lr": 0.1, "net": {"dim": 4, "act": None}, "output_dir": "/a", "seed": 1}, name="base"
    )
    two = maker.run(
        B, config={"lr": 0.2, "net": {"dim": 4}, "output_dir": "/b", "seed": 2, "extra": True}, name="fast"
    )
    bundle(
        one,
        command__json={"argv": ["python", "train.py", "--lr", "0.1", "seed=1", "--amp"]},
        environment__json={"CUDA_VISIBLE_DEVICES": "0", "OG_RUN_ID": A, "MASTER_PORT": "1", "LANG": "C"},
        git__json={"commit": "c0ffee", "branch": "main", "dirty": False},
        python__json={"version": "3.11.1", "executable": "/usr/bin/python", "guessed": False},
        packages__txt="numpy==1.26.0\nTorch==2.1.0\n",
        machine__json={"host": "box", "cpu": {"count": 2}, "gpus": [{"name": "H100", "uuid": "x"}]},
    )
    bundle(
        two,
        command__json={"argv": ["python", "train.py", "--lr", "0.2", "seed=2"]},
        environment__json={"CUDA_VISIBLE_DEVICES": "1", "OG_RUN_ID": B, "MASTER_PORT": "2", "LANG": "C"},
        git__json={"commit": "c0ffee", "branch": "main", "dirty": True, "diff_bytes": 99},
        python__json={"version": "3.11.1", "executable": "/usr/bin/python", "guessed": True},
        packages__txt="numpy==1.26.4\ntorch==2.1.0\nextra==1\n",
        machine__json={"host": "box", "cpu": {"count": 2}, "gpus": [{"name": "H100", "uuid": "y"}]},
        diff__patch=PATCH,
    )
    maker.run(C, config={"lr": 0.1})
    for run_id, values in {A: [3.0, 2.0, 1.5, 1.6], B: [3.0, 1.0, 0.5]}.items():
        maker.append(
            [
                {"step": step, "time": step, "metrics": {"train/loss": value, "acc": 1 / value, "lr": 0.1}}
                for step, value in enumerate(values)
            ],
            run_id=run_id,
        )
    maker.append([{"step": 0, "time": 0.0, "metrics": {"only/b": 1.0}}], run_id=B, writer="a0-r0-f1")


def ask(maker: Any, read_all: ReadAll, *runs: str, **request: Any) -> dict[str, Any]:
    fill(maker)
    engine = maker.open()
    read_all(engine)
    reply: dict[str, Any] = engine.diff({"run_ids": list(runs or (A, B)), **request})
    return reply


def rows(section: list[dict[str, Any]]) -> dict[str, tuple[list[Any], list[int]]]:
    return {row["key"]: (row["values"], row["missing"]) for row in section}


def test_config_is_flattened_and_only_what_differs_is_told(maker: Any, read_all: ReadAll) -> None:
    reply = ask(maker, read_all)
    assert rows(reply["config"]) == {
        "lr": ([0.1, 0.2], []),
        "seed": ([1, 2], []),
        "net.act": ([None, None], [1]),  # null in one, nothing in the other
        "extra": ([None, True], [0]),
    }
    assert reply["same"]["config"] == 1
    assert "config.output_dir" in reply["ignored"]
    assert [run["name"] for run in reply["runs"]] == ["base", "fast"]


def test_args_environment_git_and_packages_come_from_the_bundle(maker: Any, read_all: ReadAll) -> None:
    reply = ask(maker, read_all)
    assert rows(reply["args"]) == {
        "--lr": (["0.1", "0.2"], []),
        "--amp": ([True, None], [1]),
        "seed": (["1", "2"], []),
    }
    assert rows(reply["env"]) == {"CUDA_VISIBLE_DEVICES": (["0", "1"], [])}
    assert {"env.OG_RUN_ID", "env.MASTER_PORT"} <= set(reply["ignored"])
    git = rows(reply["git"])
    assert git["dirty"] == ([False, True], [])
    assert git["diff.added"] == ([None, 2], [0])
    assert git["diff.removed"] == ([None, 1], [0])
    assert git["diff.files"] == ([None, ["train.py"]], [0])
    assert "commit" not in git
    assert rows(reply["packages"]) == {"extra": ([None, "1"], [0]), "numpy": (["1.26.0", "1.26.4"], [])}
    assert reply["unknown"] == {"files": [A, B]}


def test_ignore_of_nothing_shows_everything(maker: Any, read_all: ReadAll) -> None:
    reply = ask(maker, read_all, ignore=[])
    assert reply["ignored"] == []
    assert rows(reply["config"])["output_dir"] == (["/a", "/b"], [])
    assert rows(reply["env"])["MASTER_PORT"] == (["1", "2"], [])


def test_own_patterns_replace_the_usual_ones(maker: Any, read_all: ReadAll) -> None:
    reply = ask(maker, read_all, ignore=["config.*", "CUDA_*", "dirty"])
    assert reply["config"] == []
    assert "CUDA_VISIBLE_DEVICES" not in rows(reply["env"])
    assert "dirty" not in rows(reply["git"])
    assert "OG_RUN_ID" in rows(reply["env"])


def test_own_patterns_can_stand_beside_the_usual_ones(maker: Any, read_all: ReadAll) -> None:
    reply = ask(maker, read_all, ignore=["usual", "seed"])
    assert {"config.seed", "args.seed", "env.OG_RUN_ID"} <= set(reply["ignored"])


def test_run_without_a_record_is_unknown_and_no_difference(maker: Any, read_all: ReadAll) -> None:
    reply = ask(maker, read_all, A, C)
    assert reply["packages"] == reply["git"] == reply["args"] == []
    assert reply["unknown"]["packages"] == [C]
    three = diff.compare_section("env", [{"A": 1}, None, {"A": 2, "B": 1}], ())
    assert rows(three.rows) == {"A": ([1, None, 2], [1]), "B": ([None, None, 1], [0, 1])}


def test_part_of_the_environment_that_one_run_did_not_record_is_no_difference() -> None:
    told = {"HOME": "/a", "LANG": "C", "python.version": "3.11", "machine.host": "one", "machine.os": "Linux"}
    facts_alone = PartlyKnown({"python.version": "3.12", "machine.host": "two"}, ("", "python", "machine"))
    found = diff.compare_section("env", [told, facts_alone, {**told, "LANG": "D"}], ())
    assert rows(found.rows) == {
        "LANG": (["C", None, "D"], [1]),
        "machine.host": (["one", "two", "one"], []),
        "python.version": (["3.11", "3.12", "3.11"], []),
    }
    assert found.same == 2  # HOME and machine.os, of the two runs that tell them
    of_two = diff.compare_section("env", [told, facts_alone], ())
    assert (list(rows(of_two.rows)), of_two.same) == (["machine.host", "python.version"], 0)


def test_missing_part_of_the_bundle_is_told(maker: Any, read_all: ReadAll) -> None:
    bundle(maker.run(A, python="3.11"), environment__json={"FOO": "1"})
    bundle(maker.run(B, python="3.12"), machine__json={"os": "Linux"})
    reply = maker.open().diff({"run_ids": [A, B]})
    assert list(rows(reply["env"])) == ["python.version"]
    assert reply["unknown"]["env"] == [A, B]


def test_metrics_stand_at_the_last_equal_step_at_their_best_and_at_their_end(
    maker: Any, read_all: ReadAll
) -> None:
    reply = ask(maker, read_all)
    metrics = {row["key"]: row for row in reply["metrics"]}
    assert list(metrics) == ["train/loss", "acc", "lr", "only/b"]  # the main one, the common ones, the rest
    loss = metrics["train/loss"]
    assert (loss["step"], loss["values"], loss["delta"]) == (2, [1.5, 0.5], -1.0)
    assert loss["deltas"] == [None, -1.0]
    assert (loss["better"], loss["verdicts"]) == ("min", ["unknown", "better"])
    assert loss["best"] == {
        "values": [1.5, 0.5],
        "steps": [2, 2],
        "delta": -1.0,
        "deltas": [None, -1.0],
        "verdicts": ["unknown", "better"],
    }
    assert loss["last"]["values"] == [1.6, 0.5]
    assert loss["last"]["steps"] == [3, 2]
    assert metrics["acc"]["better"] == "max"
    assert metrics["acc"]["verdicts"][1] == "better"
    assert metrics["lr"]["verdicts"][1] == "same"
    only = metrics["only/b"]
    assert (only["values"], only["missing"], only["delta"]) == ([None, 1.0], [0], None)


def test_metrics_can_be_chosen_by_globs(maker: Any, read_all: ReadAll) -> None:
    reply = ask(maker, read_all, metrics=["acc", "only/*"])
    assert [row["key"] for row in reply["metrics"]] == ["acc", "only/b"]


def test_three_runs_have_deltas_against_the_first_and_no_single_one(maker: Any, read_all: ReadAll) -> None:
    reply = ask(maker, read_all, A, B, C)
    loss = reply["metrics"][0]
    assert loss["delta"] is None
    assert loss["deltas"] == [None, -1.0, None]
    assert loss["missing"] == [2]


@pytest.mark.parametrize(
    ("request_", "kind", "words"),
    [
        ({"run_ids": [A]}, UsageError, "at least 2 runs"),
        ({"run_ids": [A, "aaaa"]}, UsageError, "the same run"),
        ({"run_ids": [A, "bbbc"]}, NotFoundError, "bbbb"),
        ({"run_ids": [str(number) for number in range(17)]}, UsageError, "at most 16"),
        ({"metrics": ["los"]}, NotFoundError, "train/loss"),
        ({"metric": ["acc"]}, UsageError, "did you mean metrics?"),
        ({"ignore": "x"}, UsageError, "list of names"),
    ],
)
def test_bad_request_says_what_was_meant(
    maker: Any, read_all: ReadAll, request_: dict[str, Any], kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind) as caught:
        ask(maker, read_all, **{"run_ids": [A, B], **request_})
    assert words in f"{caught.value} {caught.value.hint}"  # type: ignore[attr-defined]


def test_limits_say_what_they_leave_out(
    maker: Any, read_all: ReadAll, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diff, "MAX_METRICS", 1)
    monkeypatch.setattr(diff, "MAX_ROWS", 1)
    reply = ask(maker, read_all)
    assert (len(reply["config"]), len(reply["metrics"])) == (1, 1)
    assert reply["left_out"]["config"] == 3
    assert reply["left_out"]["metrics"] == 3


def test_huge_values_are_compared_whole_and_shown_in_part(maker: Any) -> None:
    deep: Any = "leaf"
    for _ in range(30):
        deep = [deep]
    for run_id, last in ((A, 1), (B, 2)):
        config = {
            "long": "x" * 5000 + str(last),
            "list": [*range(500), last],
            "deep": [deep, last],
            "odd": math.nan,
        }
        maker.run(run_id, config=config)
    reply = maker.open().diff({"run_ids": [A, B]})
    found = rows(reply["config"])
    assert set(found) == {"long", "list", "deep"}
    assert len(found["long"][0][0]) == diff.MAX_TEXT + 1
    assert len(found["list"][0][0]) == diff.MAX_ITEMS + 1
    assert "leaf" not in json.dumps(found["deep"])


@given(JSON, JSON)
def test_same_is_reflexive_and_symmetric_and_knows_its_kinds(one: Any, other: Any) -> None:
    assert diff.is_same(one, one)
    assert diff.is_same(one, other) == diff.is_same(other, one)


def test_numbers_are_compared_as_numbers() -> None:
    assert diff.is_same(1, 1.0)
    assert diff.is_same(math.nan, math.nan)
    assert not diff.is_same(True, 1)
    assert not diff.is_same([1, True], [1, 1])
    assert not diff.is_same("1", 1)
    assert not diff.is_same(None, 0)


@pytest.mark.parametrize(
    "key", ["seed", "port_count", "import", "report", "net.dim", "lr", "--seed", "dropout"]
)
def test_what_a_run_did_is_never_ignored(key: str) -> None:
    assert not diff.ignores(diff.DEFAULT_IGNORED, "config", key)


@pytest.mark.parametrize(
    "key", ["output_dir", "trainer.output_dir", "a/log_dir", "dist.master_port", "RUN_ID"]
)
def test_where_and_when_it_ran_is_ignored(key: str) -> None:
    assert diff.ignores(diff.DEFAULT_IGNORED, "config", key)


@pytest.mark.parametrize(
    ("command", "args"),
    [
        (["python", "t.py"], {"[0]": "python", "[1]": "t.py"}),
        (["t", "--lr", "-1e-3", "--x"], {"[0]": "t", "--lr": "-1e-3", "--x": True}),
        (["t", "--lr=2", "a.b=3", "+c=4"], {"[0]": "t", "--lr": "2", "a.b": "3", "+c": "4"}),
        (["t", "-s", "1", "-s", "2", "-s", "3"], {"[0]": "t", "-s": ["1", "2", "3"]}),
        (["sh", "-c", "echo --lr 3"], {"[0]": "sh", "-c": "echo --lr 3"}),
        (["t", "--", "-"], {"[0]": "t", "[1]": "--", "[2]": "-"}),
    ],
)
def test_words_of_a_command_have_keys(command: list[str], args: dict[str, Any]) -> None:
    assert args_of(command) == args


def test_damaged_bundle_is_no_record(maker: Any, read_all: ReadAll) -> None:
    for run_id in (A, B):
        folder = maker.run(run_id)
        bundle(folder, packages__txt="\x00\x00", git__json="{", environment__json="[1]")
    engine = maker.open()
    reply = engine.diff({"run_ids": [A, B]})
    assert reply["packages"] == reply["env"] == reply["git"] == []
    assert reply["unknown"]["git"] == [A, B]
