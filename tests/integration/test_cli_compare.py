"""`og compare` and `og diff` as a user types them, against a real daemon."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from made_runs import add_points, make_run
from og_user import OgUser

BASE, FAST, SLOW = "20270115-080000-k7f3", "20270115-080100-k9aa", "20270115-080200-b2cd"


@pytest.fixture(scope="module")
def library() -> Iterator[OgUser]:
    """Runs that the tests of this module only read, with one daemon for all of them."""
    with tempfile.TemporaryDirectory(prefix="og-") as folder, OgUser(Path(folder)) as user:
        base = make_run(user.store, BASE, name="base", tags=["model=a"])
        fast = make_run(
            user.store, FAST, name="fast", points=0, config={"lr": 1e-3, "out_dir": "/x"}, tags=["model=a"],
            command=["python", "train.py", "--amp"], created_at="2027-01-15T08:01:00.000000Z",
        )  # fmt: skip
        make_run(
            user.store,
            SLOW,
            name="slow",
            points=50,
            tags=["model=b"],
            created_at="2027-01-15T08:02:00.000000Z",
        )
        add_points(
            fast,
            "a0-r0",
            [(step, {"train/loss": 0.5 / (1 + step), "eval/acc": step / 100}) for step in range(80)],
        )
        for number, bundle in enumerate((base / "bundle", fast / "bundle")):
            (bundle / "packages.txt").write_text(f"torch==2.{number}\n")
        yield user


def test_compare_prints_a_row_a_run_and_no_colour_into_a_pipe(library: OgUser) -> None:
    done = library.og("compare", "base", "fast", "slow")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    head, titles, *rows = done.stdout.splitlines()
    assert head == "train/loss  lower is better  last equal step 49"
    assert titles.split() == [
        "RUN",
        "NAME",
        "STATUS",
        "LAST",
        "BEST",
        "@STEP",
        "Δ",
        "LAST",
        "Δ",
        "BEST",
        "Δ",
        "@49",
        "CURVE",
    ]
    assert [row.split()[:3] for row in rows] == [
        [BASE, "base", "finished"], [FAST, "fast", "finished"], [SLOW, "slow", "finished"],
    ]  # fmt: skip
    assert rows[1].split()[3:5] == ["0.00625", "0.00625*"]
    assert "✗" in rows[2]


def test_compare_json_is_the_daemon_s_reply_for_each_metric(library: OgUser) -> None:
    reply = library.json("compare", "base", "fast", "--metric", "train/*", "--metric", "eval/acc")
    assert reply["schema"] == 1
    assert [one["metric_key"] for one in reply["metrics"]] == ["train/loss", "eval/acc"]
    assert [one["direction"] for one in reply["metrics"]] == ["min", "max"]
    assert reply["metrics"][1]["runs"][0]["missing"] is True
    assert reply["metrics"][0]["equal_step"] == 79


def test_compare_takes_runs_by_filter_oldest_first(library: OgUser) -> None:
    reply = library.json("compare", "--filter", "tag:model=a")
    assert [run["run"] for run in reply["metrics"][0]["runs"]] == [BASE, FAST]


def test_compare_aligns_smooths_and_can_be_told_what_is_better(library: OgUser) -> None:
    words = ("--align", "time", "--smooth", "ma(3)", "--better", "max")
    (reply,) = library.json("compare", "base", "fast", *words)["metrics"]
    assert (reply["align_by"], reply["direction"]) == ("time", "max")
    assert reply["runs"][0]["smoothed"]["derived"] == "ma(3)"
    assert reply["runs"][0]["series"]["x"][0] == 0


def test_groups_of_all_runs_and_of_some(library: OgUser) -> None:
    done = library.og("compare", "--group-by", "tag:model")
    assert done.stdout.splitlines()[0].startswith("train/loss  by tag:model  step 0 to 99")
    assert [line.split()[:2] for line in done.stdout.splitlines()[2:]] == [["a", "2"], ["b", "1"]]
    reply = library.json("compare", "base", "slow", "--group-by", "config.lr")
    assert [(group["value"], len(group["runs"])) for group in reply["groups"][0]["groups"]] == [(3e-4, 2)]


def test_diff_prints_what_differs(library: OgUser) -> None:
    done = library.og("diff", "base", "fast")
    assert (done.returncode, done.stderr) == (0, "")
    text = done.stdout
    assert text.startswith("- k7f3 base  finished\n+ k9aa fast  finished\n")
    assert "  lr  - 0.0003  + 0.001\n" in text
    assert "  --amp  - (none)  + true\n" in text
    assert "  torch  - 2.0  + 2.1\n" in text
    assert "▼ -0.00625 ✓" in text
    assert "1 ignored (--all shows them)" in text
    assert "out_dir" not in text
    assert "out_dir" in library.og("diff", "base", "fast", "--all").stdout
    assert "torch" not in library.og("diff", "base", "fast", "--ignore", "packages.*").stdout


def test_diff_json_keeps_its_contract(library: OgUser) -> None:
    reply = library.json("diff", "base", "fast", "--metrics", "train/*")
    assert {"schema", "runs", "config", "env", "git", "packages", "metrics"} <= set(reply)
    assert [run["run"] for run in reply["runs"]] == [BASE, FAST]
    assert reply["config"] == [{"key": "lr", "values": [3e-4, 1e-3], "missing": []}]
    (loss,) = reply["metrics"]
    assert {"key", "values", "delta", "better"} <= set(loss)
    assert (loss["key"], loss["step"], loss["better"]) == ("train/loss", 79, "min")
    assert loss["delta"] == pytest.approx(-0.5 / 80)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("compare",), 2, "which runs?"),
        (("compare", "base"), 2, "og compare A B"),
        (("compare", "base", "--filter", "x"), 2, "do not go together"),
        (("compare", "base", "nobody"), 3, "nobody"),
        (("compare", "base", "fast", "--metric", "train/los"), 3, "train/loss"),
        (("compare", "base", "fast", "--metric", "trian/*"), 3, "no metric"),
        (("compare", "--filter", "tag:none"), 3, "no run fits"),
        (("compare", "--group-by", "config.rl"), 3, "config.lr"),
        (("compare", "base", "fast", "--smooth", "mean(3)"), 2, "ma(15)"),
        (("compare", "--group-by", "project", "--better", "min"), 2, "not for groups"),
        (("diff", "base"), 2, "at least two runs"),
        (("diff", "base", "k7f3"), 2, "the same run"),
        (("diff", "base", "fast", "--metrics", "los"), 3, "train/loss"),
    ],
)
def test_mistakes_say_what_was_meant(library: OgUser, words: tuple[str, ...], code: int, said: str) -> None:
    done = library.og(*words)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_error_is_json_where_json_was_asked_for(library: OgUser) -> None:
    done = library.og("diff", "base", "nobody", "--json")
    assert done.returncode == 3
    assert json.loads(done.stderr)["error"]["code"] == "not_found"
