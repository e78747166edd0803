"""Compare, group and diff through a real daemon, the way every face asks for them."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from ogd_kit import LiveRun, Ogd, append_points, make_run, wait_for

from opengraphs.client.sync import Client
from opengraphs.engine import compare, diff, group
from opengraphs.errors import NotFoundError, OgError, UsageError
from opengraphs.protocol import compare as protocol

SIX = [(lr, model) for lr in (0.1, 0.2, 0.3) for model in ("a", "b")]


def fill(store: Path) -> list[str]:
    """Six runs whose loss at step s is lr * 10 + s, in two models."""
    return [
        make_run(
            store,
            run_id=f"20261122-09301{number}-run{number}",
            name=f"name-{number}",
            config={"lr": lr},
            tags=[f"model={model}"],
            metrics={"loss": [lr * 10 + step for step in range(20 - number)]},
        ).name
        for number, (lr, model) in enumerate(SIX)
    ]


def whole(client: Client, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """The reply once nothing is pending in it."""

    def asked() -> dict[str, Any] | None:
        reply = client.post(path, body)
        return None if reply["pending"] else reply

    return wait_for(asked, what=f"{path} without anything pending")


def test_compare_agrees_with_series_and_measures_against_the_first(ogd: Ogd) -> None:
    ids = fill(ogd.store)
    with ogd.client() as client:
        reply = whole(client, "/compare", {"run_ids": ids, "metric_key": "loss", "downsample": 100})
        curves = client.series({"runs": ids, "metrics": ["loss"], "columns": 100})["series"]
        assert [row["series"] for row in reply["runs"]] == curves
        assert reply["equal_step"] == 14
        assert [row["equal"]["value"] for row in reply["runs"]] == [
            pytest.approx(lr * 10 + 14) for lr, _ in SIX
        ]
        assert [row["verdict"]["equal_step"] for row in reply["runs"]] == [
            "unknown", "same", "worse", "worse", "worse", "worse",
        ]  # fmt: skip


def test_group_takes_runs_by_filter_and_by_name(ogd: Ogd) -> None:
    ids = fill(ogd.store)
    with ogd.client() as client:
        reply = whole(client, "/group", {"metric_key": "loss", "by": "tag:model"})
        assert [(group["value"], group["runs"]) for group in reply["groups"]] == [
            ("a", ids[0::2]),
            ("b", ids[1::2]),
        ]
        assert reply["groups"][0]["mean"][:2] == pytest.approx([2.0, 3.0])
        assert reply["groups"][0]["n"][-1] == 1  # the longest run goes on alone
        some = client.group({"metric_key": "loss", "by": "config.lr", "filter": "tag:model=a config.lr<0.3"})
        assert [group["runs"] for group in some["groups"]] == [[ids[0]], [ids[2]]]
        named = client.group({"metric_key": "loss", "by": "project", "run_ids": ["name-1", "run3"]})
        assert named["groups"][0]["runs"] == [ids[1], ids[3]]


def test_diff_tells_config_and_metrics_and_reads_the_bundle(ogd: Ogd) -> None:
    ids = fill(ogd.store)
    for number, run_id in enumerate(ids[:2]):
        folder = ogd.store / "runs" / run_id / "bundle"
        (folder / "packages.txt").write_text(f"torch==2.{number}\nnumpy==1\n")
        (folder / "environment.json").write_text(json.dumps({"OG_RUN_ID": run_id, "OMP_NUM_THREADS": "4"}))
    with ogd.client() as client:
        reply = whole(client, "/diff", {"run_ids": ids[:2]})
        assert reply["config"] == []
        assert reply["packages"] == [{"key": "torch", "values": ["2.0", "2.1"], "missing": []}]
        assert reply["ignored"] == ["env.OG_RUN_ID"]
        (loss,) = reply["metrics"]
        assert (loss["step"], loss["delta"], loss["verdicts"][1]) == (18, 0.0, "same")
        assert loss["last"]["values"] == [20.0, 19.0]
        assert client.diff({"run_ids": [ids[0], ids[2]]})["config"][0]["key"] == "lr"


def test_live_run_is_compared_as_it_grows(ogd: Ogd) -> None:
    ended = make_run(ogd.store, metrics={"loss": [3.0, 2.0, 1.0]}).name
    with ogd.client() as client, LiveRun(ogd.store, name="live") as live:
        request: dict[str, Any] = {"run_ids": [ended, "live"], "metric_key": "loss"}
        assert client.post("/compare", request)["runs"][1]["missing"] is True
        live.append({"loss": [3.0]})
        first = client.post("/compare", request)
        assert (first["equal_step"], first["runs"][1]["last"]["value"]) == (0, 3.0)
        live.append({"loss": [1.5]}, first_step=1)
        second = client.post("/compare", request)
        assert (second["equal_step"], second["runs"][1]["delta"]["equal_step"]) == (1, -0.5)
        assert (
            client.post("/group", {"metric_key": "loss", "by": "status"})["groups"][1]["value"] == "running"
        )


def test_ranks_and_attempts_are_merged_as_everywhere(ogd: Ogd) -> None:
    folder = make_run(ogd.store, metrics={"loss": [4.0, 3.0, 2.0]})
    append_points(folder, {"loss": [2.0, 1.0, 0.0]}, writer="a0-r1")
    append_points(folder, {"loss": [9.0]}, first_step=2, writer="a1-r0")
    with ogd.client() as client:
        (row,) = whole(client, "/compare", {"run_ids": [folder.name], "metric_key": "loss"})["runs"]
        (page,) = client.points(folder.name, "loss")
        assert row["last"]["value"] == page["value"][-1]
        group = whole(client, "/group", {"metric_key": "loss", "by": "project"})["groups"][0]
        assert group["mean"] == page["value"]


def test_unread_runs_are_pending_first_and_whole_later(ogd: Ogd) -> None:
    ids = []
    for number in range(3):
        folder = make_run(ogd.store, run_id=f"20261122-09301{number}-big{number}")
        line = b'{"step":%d,"time":%d,"metrics":{"loss":%d}}\n'
        data = b"".join(line % (step, step, number) for step in range(120_000))
        (folder / "metrics" / "a0-r0.jsonl").write_bytes(data)
        ids.append(folder.name)
    with ogd.client() as client:
        reply = whole(client, "/compare", {"run_ids": ids, "metric_key": "loss"})
        assert [row["points"] for row in reply["runs"]] == [120_000] * 3
        group = whole(client, "/group", {"metric_key": "loss", "by": "project"})["groups"][0]
        assert set(group["n"]) == {3}
        assert group["mean"] == pytest.approx([1.0] * len(group["x"]))


@pytest.mark.parametrize(
    ("path", "body", "kind", "words"),
    [
        ("/compare", {"run_ids": ["run0"], "metric_key": "los"}, NotFoundError, "loss"),
        ("/compare", {"run_ids": ["nobody"], "metric_key": "loss"}, NotFoundError, "nobody"),
        ("/compare", {"run_ids": ["run0"], "metric": "loss"}, UsageError, "did you mean metric_key?"),
        ("/compare", {}, UsageError, "metric_key is missing"),
        ("/group", {"metric_key": "loss", "by": "config.lrr"}, NotFoundError, "config.lr"),
        ("/group", {"metric_key": "loss", "by": "tag:mode"}, NotFoundError, "tag:model"),
        ("/group", {"metric_key": "loss", "by": "project", "filter": "stat:x"}, UsageError, "status"),
        ("/diff", {"run_ids": ["run0"]}, UsageError, "at least 2 runs"),
        ("/diff", {"run_ids": ["run0", "name-0"]}, UsageError, "same run"),
        ("/diff", {"run_ids": ["run0", "run1"], "metrics": ["los"]}, NotFoundError, "loss"),
    ],
)
def test_bad_request_says_what_was_meant(
    ogd: Ogd, path: str, body: dict[str, Any], kind: type[OgError], words: str
) -> None:
    ids = fill(ogd.store)
    with ogd.client() as client:
        whole(client, "/compare", {"run_ids": ids, "metric_key": "loss"})
        with pytest.raises(kind) as caught:
            client.post(path, body)
        assert words in f"{caught.value} {caught.value.hint}"


def test_many_ask_at_once_and_get_the_same(ogd: Ogd) -> None:
    ids = fill(ogd.store)
    questions: list[tuple[str, dict[str, Any]]] = [
        ("/compare", {"run_ids": ids, "metric_key": "loss"}),
        ("/group", {"metric_key": "loss", "by": "config.lr"}),
        ("/diff", {"run_ids": ids[:3]}),
    ]
    with ogd.client() as client:
        expected = [whole(client, *question) for question in questions]
    found: list[list[dict[str, Any]]] = []

    def ask() -> None:
        with ogd.client() as own:
            found.append([own.post(*question) for _ in range(5) for question in questions])

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert found == [expected * 5] * 4


def test_replies_have_exactly_the_keys_that_the_protocol_names(ogd: Ogd) -> None:
    ids = fill(ogd.store)
    with ogd.client() as client:
        compared = whole(client, "/compare", {"run_ids": ids, "metric_key": "loss", "smoothing": "ma(2)"})
        grouped = whole(client, "/group", {"metric_key": "loss", "by": "config.lr"})
        diffed = whole(client, "/diff", {"run_ids": [ids[0], ids[2]]})
    metric = diffed["metrics"][0]
    for found, shape in (
        (compared, protocol.CompareReply),
        (compared["runs"][1], protocol.CompareRow),
        (compared["runs"][1]["delta"], protocol.ThreeDeltas),
        (compared["runs"][1]["verdict"], protocol.ThreeVerdicts),
        (grouped, protocol.GroupReply),
        (grouped["grid"], protocol.GridOut),
        (grouped["groups"][0], protocol.GroupOut),
        (diffed, protocol.DiffReply),
        (diffed["runs"][0], protocol.DiffRun),
        (diffed["config"][0], protocol.DiffRow),
        (metric, protocol.DiffMetric),
        (metric["best"], protocol.DiffAt),
        (metric["last"], protocol.DiffAt),
    ):
        assert set(found) == set(shape.__annotations__), shape.__name__


def test_requests_take_what_the_protocol_names() -> None:
    for fields, shape in (
        (compare.FIELDS, protocol.CompareRequest),
        (group.FIELDS, protocol.GroupRequest),
        (diff.FIELDS, protocol.DiffRequest),
    ):
        assert set(fields) == set(shape.__annotations__)
