"""Trackio's wire, byte for byte: what unmodified clients send arrives, once."""

from __future__ import annotations

import hashlib
import json
import math
import socket
from pathlib import Path
from typing import Any

import pytest
from ingest_kit import Ingest, lines, multipart, points, records, row
from ogd_kit import LiveRun, Ogd, make_run, wait_for

from opengraphs import ingesting
from opengraphs.errors import DaemonError, UsageError
from opengraphs.sdk import layout


@pytest.fixture
def ingest(ogd: Ogd) -> Ingest:
    ogd.start()
    return Ingest(ogd)


def facts(ingest: Ingest, run: Path) -> dict[str, Any]:
    with ingest.ogd.client() as client:
        return dict(client.run(run.name))


def test_the_handshake_says_what_the_python_client_asks_for(ingest: Ingest) -> None:
    reply = ingest.get("/version")
    assert reply.status == 200
    assert reply.data["api_version"] == 1
    assert reply.data["writes_paused"] is False


def test_rows_of_the_python_client_become_a_run(ingest: Ingest) -> None:
    config = {"lr": 0.1, "_Username": "ann", "_Created": "2026-11-20T10:00:00+00:00", "_Group": "sweep"}
    rows = [row(0, config=config), row(1), row(2, metrics={"loss": "NaN", "deep": {"a": 1, "b": True}})]
    reply = ingest.post("/api/bulk_log", {"args": [], "kwargs": {"logs": rows, "hf_token": None}})
    assert reply == (200, {"data": None})
    run = ingest.only_run()
    assert points(run) == [
        (0, {"loss": 0.0}),
        (1, {"loss": 0.1}),
        (2, {"loss": "NaN", "deep/a": 1, "deep/b": 1}),
    ]
    found = facts(ingest, run)
    assert (found["project"], found["name"], found["source"], found["status"]) == (
        "p",
        "r",
        "trackio",
        "running",
    )
    assert (found["config"], found["user"], found["group"]) == ({"lr": 0.1}, "ann", "sweep")
    assert run.name.startswith("20261120-100000-")


@pytest.mark.parametrize(
    "spell",
    [
        lambda rows: {"kwargs": {"logs": rows, "hf_token": None}},
        lambda rows: {"args": [rows, None]},
        lambda rows: {"data": [rows, None]},
        lambda rows: {"logs": rows, "hf_token": None},
        lambda rows: [rows, None],
    ],
    ids=["kwargs", "args", "data", "flat", "list"],
)
def test_every_spelling_of_arguments_is_understood(ingest: Ingest, spell: Any) -> None:
    assert ingest.post("/api/bulk_log", spell([row(4)])).status == 200
    assert points(ingest.only_run()) == [(4, {"loss": 0.4})]


def test_a_replayed_batch_is_stored_once_and_its_times_are_kept(ingest: Ingest) -> None:
    first = [row(0), row(1)]
    replay = [
        {**entry, "timestamp": f"2026-11-20T10:00:0{at}.5+00:00", "config": None}
        for at, entry in enumerate(first)
    ]
    more = row(2, timestamp="2026-11-20T10:00:05.123456789Z")
    ingest.call("bulk_log", logs=first, hf_token=None)
    ingest.call("bulk_log", logs=[*replay, more], hf_token=None)
    run = ingest.only_run()
    assert [step for step, _ in points(run)] == [0, 1, 2]
    assert records(run)[2]["time"] == pytest.approx(1795168805.123456789)


def test_a_replay_is_known_again_after_a_restart_of_the_daemon(ingest: Ingest) -> None:
    rows = [row(step) for step in range(5)]
    alerts = [{"project": "p", "run": "r", "run_id": "id-1", "title": "t", "level": "warn", "alert_id": "a1"}]
    figures = [{"project": "p", "run": "r", "run_id": "id-1", "metrics": {"x": 1}, "log_id": "s1"}]
    for _ in range(2):
        ingest.call("bulk_log", logs=rows, hf_token=None)
        ingest.call("bulk_alert", alerts=alerts, hf_token=None)
        ingest.call("bulk_log_system", logs=figures, hf_token=None)
        ingest.ogd.kill()
        ingest.ogd.start()
        wait_for(lambda: ingest.status()["listening"], what="the listener")
    run = ingest.only_run()
    assert [step for step, _ in points(run)] == list(range(5))
    assert len(records(run, layout.EVENTS)) == len(records(run, layout.SYSTEM)) == 1


def test_the_listener_comes_back_on_its_port_and_the_run_goes_on(ingest: Ingest) -> None:
    ingest.call("bulk_log", logs=[row(0)], hf_token=None)
    ingest.ogd.kill()
    ingest.ogd.start()
    wait_for(lambda: ingest.status()["listening"], what="the listener")
    again = ingest.status()
    assert (again["url"], again["token"]) == (ingest.settings["url"], ingest.token)
    assert facts(ingest, ingest.only_run())["status"] == "running"
    ingest.call("bulk_log", logs=[row(None)], hf_token=None)
    assert [step for step, _ in points(ingest.only_run())] == [0, 1]


def test_a_run_that_fell_silent_is_finished_and_goes_on_when_more_comes(ogd: Ogd) -> None:
    ogd.start(OG_INGEST_QUIET_S="0.3")
    ingest = Ingest(ogd)
    ingest.call("bulk_log", logs=[row(0, config={"lr": 1, "seed": 3})], hf_token=None)
    run = ingest.only_run()
    wait_for(lambda: facts(ingest, run)["status"] == "finished", what="the end of the run")
    assert facts(ingest, run)["ended_at"] is not None
    ingest.call("bulk_log", logs=[row(1, config={"lr": 2})], hf_token=None)
    assert ingest.runs() == [run]
    assert facts(ingest, run)["config"] == {"lr": 2, "seed": 3}
    assert [step for step, _ in points(run)] == [0, 1]


def test_the_id_decides_which_run_and_without_one_the_name(ingest: Ingest) -> None:
    rows = [
        row(0, run="same", run_id="one"),
        row(0, run="same", run_id="two"),
        row(0, run="same", run_id=None),
        row(1, run="same", run_id=None),
        row(1, run="renamed", run_id="one"),
    ]
    ingest.call("bulk_log", logs=rows, hf_token=None)
    assert sorted(len(points(run)) for run in ingest.runs()) == [1, 2, 2]


def test_poison_is_put_aside_and_never_costs_the_batch(ingest: Ingest) -> None:
    good, bad = row(7), [row(1, metrics=[1]), {**row(1), "step": "x"}, 3, None, {"project": "p"}]
    assert ingest.post("/api/bulk_log", {"kwargs": {"logs": [*bad, good]}}).status == 200
    assert ingest.post("/api/bulk_log", b"{no json").status == 200
    assert ingest.post("/api/bulk_log", {"kwargs": {"logs": "no list"}}).status == 200
    assert (
        ingest.post("/api/bulk_alert", {"kwargs": {"alerts": [{"project": "p", "run": "r"}]}}).status == 200
    )
    assert points(ingest.only_run()) == [(7, {"loss": 0.7})]
    found = ingest.status()
    assert found["quarantined"] == 8
    kept = lines(ingesting.settings_file().parent / "ingest" / "quarantine.jsonl")
    assert len(kept) == 8
    assert all(entry["reason"] for entry in kept)
    with ingest.ogd.client() as client:
        checks = {check["id"]: check for check in client.get("/doctor")["checks"]}
    assert checks["ingest"]["status"] == "warn"
    assert "8 rows" in checks["ingest"]["message"]


def test_what_strict_json_does_not_know_is_still_understood(ingest: Ingest) -> None:
    body = b'{"kwargs":{"logs":[{"project":"p","run":"r","step":0,"metrics":{"a":NaN,"b":-Infinity,"\\ud800":1}}]}}'
    assert ingest.post("/api/bulk_log", body).status == 200
    assert points(ingest.only_run()) == [(0, {"a": "NaN", "b": "-Infinity", "?": 1})]


def test_values_with_a_type_become_samples(ingest: Ingest) -> None:
    metrics = {
        "img": {"_type": "trackio.image", "file_path": "p/r/3/../ab\u0000c.png", "caption": "a cat"},
        "t": {"_type": "trackio.table", "_value": [{"a": 1, "b": "x"}, {"a": 2}]},
        "h": {"_type": "trackio.histogram", "bins": [0, 1, 2], "values": [3, 4]},
        "phase": "warm-up",
        "loss": 0.5,
    }
    ingest.call("bulk_log", logs=[row(3, metrics=metrics, log_id="x")] * 2, hf_token=None)
    run = ingest.only_run()
    assert points(run) == [(3, {"loss": 0.5})]
    found = {record["name"]: record["columns"] for record in records(run, layout.SAMPLES)}
    assert found["img"] == {"image": {"media": "media/ab_c.png", "format": "png"}, "caption": "a cat"}
    assert found["h"] == {"histogram": {"counts": [3, 4], "bins": [0, 1, 2]}}
    assert found["phase"] == {"text": "warm-up"}
    table = json.loads((run / found["t"]["table"]["media"]).read_text())
    assert table == {"columns": ["a", "b"], "data": [[1, "x"], [2, None]]}
    assert len(records(run, layout.SAMPLES)) == 4


def test_system_figures_and_alerts_have_the_names_of_og(ingest: Ingest) -> None:
    figures = {"gpu/0/utilization": 50.0, "gpu/0/allocated_memory": 2, "cpu/utilization": 3, "disk/x": 1}
    system = {
        "project": "p",
        "run": "r",
        "run_id": "id-1",
        "metrics": figures,
        "timestamp": "2026-11-20T10:00:00Z",
    }
    alert = {
        "project": "p",
        "run": "r",
        "run_id": "id-1",
        "title": "nan",
        "text": None,
        "level": "error",
        "step": 4,
    }
    ingest.call("bulk_log_system", logs=[{**system, "log_id": "s"}], hf_token=None)
    ingest.call("bulk_alert", alerts=[{**alert, "alert_id": "a"}], hf_token=None)
    run = ingest.only_run()
    assert records(run, layout.SYSTEM)[0]["metrics"] == {
        "gpu.0.util_percent": 50.0,
        "gpu.0.mem_used_bytes": float(2 << 30),
        "cpu.percent": 3,
        "disk.x": 1,
    }
    (shown,) = facts(ingest, run)["alerts"]
    assert (shown["title"], shown["level"], shown["step"], shown["alert_id"]) == ("nan", "error", 4, "a")


def test_the_old_log_call_still_works(ingest: Ingest) -> None:
    assert ingest.post("/api/log", {"data": ["p", "r", {"loss": 1.5}, 9, None]}).status == 200
    assert points(ingest.only_run()) == [(9, {"loss": 1.5})]


# -- contributed clients -------------------------------------------------------------------------

RUST = b'{"project":"rs-quickstart","run":"rs-run-1","metrics_list":[{"acc":0.8,"loss":0.5},{"acc":0.82,"loss":0.4}],"steps":[0,1],"timestamps":["",""]}'
"""What serde_json writes for trackio-rs 0.1.0; reqwest names no User-Agent."""
GO = b'{"project":"go-quickstart","run":"go-run-1","metrics_list":[{"acc":0.8,"loss":0.5}],"steps":[-1],"timestamps":[""]}'
JS = b'{"project":"js-quickstart","run":"js-run-1","metrics_list":[{"loss":0.9,"acc":0.6}],"steps":[0],"timestamps":["2026-11-20T10:00:00Z"]}'


def test_trackio_rs_sends_its_first_batch_twice(ingest: Ingest) -> None:
    for _ in range(2):
        assert ingest.post("//api/bulk_log", RUST).status == 200
    assert [step for step, _ in points(ingest.only_run())] == [0, 1]
    ingest.post("//api/bulk_log", RUST)  # a later batch that looks the same is data
    assert [step for step, _ in points(ingest.only_run())] == [0, 1, 0, 1]


def test_trackio_rs_does_so_again_when_it_is_started_again(ogd: Ogd) -> None:
    ogd.start(OG_INGEST_QUIET_S="0.3")
    ingest = Ingest(ogd)
    for _ in range(2):
        for _ in range(2):
            ingest.post("/api/bulk_log", RUST)
        wait_for(lambda: not ingest.status()["runs"][0]["is_open"], what="the end of the run")
    assert [step for step, _ in points(ingest.only_run())] == [0, 1, 0, 1]


def test_trackio_go_may_send_the_same_bytes_again(ingest: Ingest) -> None:
    agent = {"User-Agent": "Go-http-client/1.1"}
    for _ in range(3):
        assert ingest.post("/api/bulk_log", GO, headers=agent).status == 200
    assert [step for step, _ in points(ingest.only_run())] == [0, 1, 2]
    ingest.post("/gradio_api/bulk_log", GO, headers=agent)  # the answer was lost, so the other path is tried
    assert [step for step, _ in points(ingest.only_run())] == [0, 1, 2]


def test_trackio_js_is_stored_with_its_times(ingest: Ingest) -> None:
    assert ingest.post("/api/bulk_log", JS, headers={"User-Agent": "node"}).status == 200
    run = ingest.only_run()
    assert points(run) == [(0, {"loss": 0.9, "acc": 0.6})]
    assert records(run)[0]["time"] == 1795168800.0
    assert facts(ingest, run)["project"] == "js-quickstart"


def test_members_that_go_leaves_out_are_not_missed(ingest: Ingest) -> None:
    body = b'{"project":"","run":"","metrics_list":[{"a":1},{"a":2}],"config":{"lr":0.1}}'
    assert ingest.post("/api/bulk_log", body, headers={"User-Agent": "Go-http-client/1.1"}).status == 200
    assert [step for step, _ in points(ingest.only_run())] == [0, 1]
    assert facts(ingest, ingest.only_run())["config"] == {"lr": 0.1}


def test_pages_that_clients_look_for_are_there(ingest: Ingest) -> None:
    ingest.post("/api/bulk_log", JS)
    assert ingest.get("/api/healthz").status == 200
    assert ingest.get("/api/projects").data == {"projects": ["js-quickstart"]}
    assert ingest.get("/api/runs/js-quickstart").data["runs"][0]["name"] == "js-run-1"
    assert ingest.post("/api/no_such_call", {}).status == 404
    assert ingest.get("/nowhere").status == 404


# -- runs that og started ------------------------------------------------------------------------


def test_a_run_token_writes_into_its_run_and_nowhere_else(ingest: Ingest) -> None:
    with LiveRun(ingest.ogd.store, name="native") as live:
        token = ingesting.run_token(ingest.token, live.folder)
        rows = [row(0, config={"lr": 0.5}), row(1, run="other", run_id="id-2")]
        assert ingest.post("/api/bulk_log", {"kwargs": {"logs": rows}}, token=token).status == 200
        assert ingest.runs() == [live.folder]
        assert sorted(step for step, _ in points(live.folder)) == [0, 1]
        found = facts(ingest, live.folder)
    assert (found["name"], found["config"]) == ("native", {"lr": 0.5})
    assert {metric["key"]: metric["points"] for metric in found["metrics"]} == {"loss": 2}


def test_files_of_a_run_token_stay_in_its_run(ingest: Ingest) -> None:
    data = b"weights"
    digest = hashlib.sha256(data).hexdigest()
    with LiveRun(ingest.ogd.store) as live:
        token = ingesting.run_token(ingest.token, live.folder)
        body, kind = multipart([("a.bin", data), ("b.txt", b"note")])
        sent = ingest.post("/api/upload", body, token=token, headers={"Content-Type": kind})
        blob, note = ({"path": path, "orig_name": "b.txt"} for path in sent.data["paths"])
        upload = {"project": "p", "digest": digest, "uploaded_file": blob}
        saved = {"project": "p", "run": None, "run_id": None, "relative_path": "conf", "uploaded_file": note}
        asked = {"project": "p", "uploads": [upload]}
        assert ingest.post("/api/bulk_upload_artifact_blob", {"kwargs": asked}, token=token).status == 200
        assert (
            ingest.post("/api/bulk_upload_media", {"kwargs": {"uploads": [saved]}}, token=token).status == 200
        )
        media = live.folder / "media"
        assert (media / "files" / "conf" / "b.txt").read_bytes() == b"note"
        assert (media / "artifacts" / "p" / "blobs" / "sha256" / digest[:2] / digest).read_bytes() == data
    assert sorted(path.name for path in ingest.ogd.store.iterdir()) == ["runs"]


def test_a_run_token_is_no_use_once_it_was_changed(ingest: Ingest) -> None:
    run = make_run(ingest.ogd.store)
    token = ingesting.run_token(ingest.token, run)
    for forged in (
        token[:-1] + ("0" if token[-1] != "0" else "1"),
        ingesting.run_token("guess", run),
        "ogrun..",
    ):
        assert ingest.post("/api/bulk_log", {"kwargs": {"logs": [row(0)]}}, token=forged).status == 401


# -- files ---------------------------------------------------------------------------------------


def upload(ingest: Ingest, name: str, data: bytes) -> dict[str, Any]:
    body, kind = multipart([(name, data)])
    reply = ingest.post("/api/upload", body, headers={"Content-Type": kind})
    assert reply.status == 200
    return {"path": reply.data["paths"][0], "meta": {"_type": "gradio.FileData"}, "orig_name": name}


def test_media_go_to_their_run_and_saved_files_to_their_project(ingest: Ingest) -> None:
    data = bytes(range(256)) * 300 + b"\r\n--"
    where = {"project": "p", "run": "r", "run_id": "id-1", "step": 3, "relative_path": None}
    saved = {"project": "p", "run": None, "run_id": None, "step": None, "relative_path": "files/../conf"}
    uploads = [
        {**where, "uploaded_file": upload(ingest, "../../ab.png", data)},
        {**saved, "uploaded_file": upload(ingest, "a.yaml", b"")},
        {**where, "uploaded_file": {"path": "/etc/passwd", "orig_name": "passwd"}},
    ]
    ingest.call("bulk_upload_media", uploads=uploads, hf_token=None)
    assert (ingest.only_run() / "media" / "ab.png").read_bytes() == data
    assert (ingest.ogd.store / "files" / "p" / "conf" / "a.yaml").read_bytes() == b""
    assert ingest.status()["quarantined"] == 1


def test_artifacts_come_and_go_whole(ingest: Ingest) -> None:
    data = b"weights" * 1000
    digest = hashlib.sha256(data).hexdigest()
    assert ingest.call("check_artifact_blobs", project="p", digests=[digest]) == {"present": []}
    entry = {"project": "p", "digest": digest, "uploaded_file": upload(ingest, "w.bin", data)}
    wrong = {"project": "p", "digest": "0" * 64, "uploaded_file": upload(ingest, "w.bin", b"else")}
    ingest.call("bulk_upload_artifact_blob", project="p", uploads=[entry, wrong], hf_token=None)
    assert ingest.call("check_artifact_blobs", project="p", digests=[digest, "0" * 64]) == {
        "present": [digest]
    }
    asked = {
        "project": "p",
        "name": "model",
        "type": "model",
        "description": None,
        "metadata": {"k": 1},
        "manifest": [{"path": "w.bin", "digest": digest, "size": len(data)}],
        "aliases": ["best"],
        "run_name": "r",
        "run_id": "id-1",
        "hf_token": None,
    }
    first = ingest.call("artifact_log", **asked)
    again = ingest.call("artifact_log", **asked)
    assert (
        (first["version"], first["aliases"])
        == (again["version"], again["aliases"])
        == (0, ["best", "latest"])
    )
    other = {**asked, "manifest": [{**asked["manifest"][0], "path": "v.bin"}], "aliases": ["best"]}  # type: ignore[index]
    assert ingest.call("artifact_log", **other)["version"] == 1
    assert ingest.call("get_artifact_manifest", "p", "model", "best")["version"] == 1
    assert ingest.call("get_artifact_manifest", "p", "model", "v0")["manifest"][0]["path"] == "w.bin"
    assert ingest.call("get_artifact_manifest", "p", "model", "v7") is None
    assert ingest.call("log_artifact_use", project="p", version_id=1, run_name="r", run_id="id-1") is None
    link = ingest.raw(
        f"GET /artifact_blob/p/{digest} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    )
    assert link.endswith(data)


# -- questions -----------------------------------------------------------------------------------


def own(alerts: list[dict[str, Any]]) -> list[str]:
    """Titles of what the client raised itself: og's detectors say that the loss is NaN, too."""
    return [alert["title"] for alert in alerts if "NaN" not in alert["title"]]


def test_questions_of_trackio_s_command_line(ingest: Ingest) -> None:
    rows = [row(step, timestamp=f"2026-11-20T10:00:{step:02}Z") for step in range(20)]
    ingest.call("bulk_log", logs=[*rows, row(20, metrics={"loss": "NaN"})], hf_token=None)
    alerts = [
        {"project": "p", "run": "r", "run_id": "id-1", "title": level, "level": level, "alert_id": level}
        for level in ("warn", "error")
    ]
    ingest.call("bulk_alert", alerts=alerts, hf_token=None)
    assert ingest.call("get_all_projects") == ["p"]
    (record,) = ingest.call("get_runs_for_project", "p")
    assert (record["id"], record["name"]) == ("id-1", "r")
    assert ingest.call("get_metrics_for_run", "p", "r") == ["loss"]
    summary = ingest.call("get_run_summary", project="p", run_id="id-1")
    assert (summary["num_logs"], summary["last_step"], summary["run"]) == (21, 20, "r")
    assert ingest.call("get_run_summary", project="p", run="none")["num_logs"] == 0
    values = ingest.call("get_metric_values", "p", "r", "loss", None, 5, None, 1)
    assert [point["step"] for point in values] == [4, 5, 6]
    at = ingest.call("get_metric_values", "p", "r", "loss", None, None, "2026-11-20T10:00:03+00:00", 1)
    assert [point["step"] for point in at] == [2, 3, 4]
    assert ingest.call("get_metric_values", "p", "r", "loss", 20)[0]["value"] is None
    assert [point["step"] for point in ingest.call("get_snapshot", "p", "r", 7, None, None, 10)["loss"]] == [
        7
    ]
    around = ingest.call("get_snapshot", "p", "r", None, 7, None, 1)["loss"]
    assert [point["step"] for point in around] == [6, 7, 8]
    straight = ingest.call("get_snapshot", project="p", run="r", step=7)
    assert [point["step"] for point in straight["loss"]] == [7]
    assert own(ingest.call("get_alerts", "p", "r", "error", None)) == ["error"]
    assert ingest.call("get_alerts", "p", None, None, "2999-01-01T00:00:00Z") == []
    assert len(own(ingest.call("get_alerts", "p"))) == 2
    assert len(ingest.call("get_logs", "p", "r")) == 21
    assert ingest.call("get_project_summary", "p")["num_runs"] == 1


def test_runs_that_no_trackio_wrote_answer_too(ingest: Ingest) -> None:
    run = make_run(ingest.ogd.store, name="native", metrics={"acc": [0.1, math.inf]})
    (record,) = ingest.call("get_runs_for_project", "tests")
    assert (record["id"], record["name"]) == (run.name, "native")
    assert [point["value"] for point in ingest.call("get_metric_values", "tests", "native", "acc")] == [
        0.1,
        None,
    ]


def test_a_client_that_resumes_by_the_id_it_was_told_goes_on_in_that_run(ingest: Ingest) -> None:
    ingest.call("bulk_log", logs=[row(0, run_id=None)], hf_token=None)
    (record,) = ingest.call("get_runs_for_project", "p")
    image = {"img": {"_type": "trackio.image", "file_path": "a.png"}}
    ingest.call("bulk_log", logs=[row(1, run_id=record["id"], metrics=image)], hf_token=None)
    assert len(ingest.runs()) == 1
    assert ingest.call("get_run_summary", "p", None, record["id"])["last_step"] == 1


# -- starting and stopping -----------------------------------------------------------------------


def test_stopping_ends_the_runs_and_starting_again_keeps_port_and_token(ingest: Ingest) -> None:
    ingest.call("bulk_log", logs=[row(0)], hf_token=None)
    with ingest.ogd.client() as client:
        assert client.delete("/ingest")["listening"] is False
        wait_for(lambda: client.run(ingest.only_run().name)["status"] == "finished", what="the run's end")
        with pytest.raises(ConnectionRefusedError):
            ingest.get("/version")
        again = client.post("/ingest", {})
    assert (again["url"], again["token"]) == (ingest.settings["url"], ingest.token)
    assert oct(ingesting.settings_file().stat().st_mode & 0o777) == "0o600"


def test_addresses_that_others_reach_need_a_word_more(ogd: Ogd) -> None:
    ogd.start()
    with ogd.client() as client:
        with pytest.raises(UsageError, match="other machines"):
            client.post("/ingest", {"port": 0, "host": "0.0.0.0"})
        with pytest.raises(UsageError, match="no address"):
            client.post("/ingest", {"port": 0, "host": "203.0.113.77", "anywhere": True})
    ingest = Ingest(ogd, host="0.0.0.0", anywhere=True)
    assert ingest.post("/api/get_all_projects", {}, token="").status == 401
    assert ingest.post("/api/get_all_projects", {}).status == 200


def test_a_port_that_is_taken_is_named(ingest: Ingest) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        ingest.ogd.client() as client,
        pytest.raises(DaemonError, match="cannot listen"),
    ):
        client.post("/ingest", {"port": other.getsockname()[1]})
    assert ingest.get("/version").status == 200
