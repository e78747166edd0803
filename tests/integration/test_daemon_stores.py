"""Stores as users have them: none yet, many, read-only, and with the index thrown away."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ogd_kit import LiveRun, Ogd, ScriptedServer, append_points, make_run, wait_for

from opengraphs import paths
from opengraphs.client.sync import Client
from opengraphs.errors import NotFoundError, ProcessError

METRICS = {"loss": [2.0, 1.5, float("nan"), 1.0], "acc": [0.1, 0.2, 0.3, 0.4]}


def answers(client: Client, run_id: str) -> dict[str, Any]:
    """What the routes say about a finished run."""
    run = dict(client.run(run_id))
    request = {"runs": [run_id], "metrics": ["loss", "acc"], "columns": 50, "smooth": ["ma(3)"]}
    return {
        "runs": client.runs(),
        "run": {key: value for key, value in run.items() if key != "ingest"},
        "keys": client.keys(run=run_id),
        "series": client.series(request)["series"],  # type: ignore[typeddict-item,arg-type]
        "points": [page for key in ("loss", "acc") for page in client.points(run_id, key)],
        "log": client.log(run_id),
    }


def test_store_that_does_not_exist_has_no_runs_until_it_does(ogd: Ogd) -> None:
    later = ogd.home / "later"
    with Client(store=later) as client:
        assert client.runs() == {"schema": 1, "runs": [], "total": 0, "next": None}
        folder = make_run(later, metrics=METRICS)
        assert [run["run_id"] for run in client.runs()["runs"]] == [folder.name]
        assert client.run(folder.name)["status"] == "finished"


def test_many_stores_are_kept_apart(ogd: Ogd) -> None:
    stores = [ogd.home / f"store-{number}" for number in range(5)]
    for number, store in enumerate(stores):
        make_run(store, name="same", metrics={"loss": [float(number)]})
    for number, store in enumerate(stores):
        with Client(store=store) as client:
            (run,) = client.runs()["runs"]
            (page,) = client.points(run["run_id"], "loss")
            assert page["value"] == [float(number)]
            assert client.run("same")["store"] == str(store.resolve())
    assert set(ogd.version()["stores"]) == {str(store.resolve()) for store in stores}


def test_least_wanted_store_is_closed_when_there_are_too_many(ogd: Ogd) -> None:
    from opengraphs.daemon.stores import MAX_STORES

    for number in range(MAX_STORES + 3):
        with Client(store=ogd.home / f"store-{number}") as client:
            client.runs()
    names = ogd.version()["stores"]
    assert len(names) == MAX_STORES
    assert str((ogd.home / "store-0").resolve()) not in names


def test_one_store_under_two_names_is_opened_once(ogd: Ogd) -> None:
    make_run(ogd.store)
    alias = ogd.home / "alias"
    alias.symlink_to(ogd.store)
    for store in (ogd.store, alias):
        with Client(store=store) as client:
            assert client.runs()["total"] == 1
    assert len(ogd.version()["stores"]) == 1


def test_default_store_is_the_daemon_s_own(ogd: Ogd) -> None:
    folder = make_run(ogd.store)
    ogd.start()
    from opengraphs.client.raw import raw_get

    assert [run["run_id"] for run in raw_get(ogd.socket, "/runs", timeout_s=20)["runs"]] == [folder.name]


def test_deleting_the_index_changes_no_answer(ogd: Ogd) -> None:
    folder = make_run(ogd.store, metrics=METRICS, config={"lr": 0.1}, tags=["t"])
    append_points(folder, {"loss": [0.5]}, first_step=2, writer="a1-r0")
    (folder / "stdout.log").write_text("one\ntwo\n")
    with ogd.client() as client:
        client.runs()
        wait_for(lambda: b"events_folded" in (folder / "run.json").read_bytes(), what="the settled folder")
        before = answers(client, folder.name)
        ogd.kill()
        assert answers(client, folder.name) == before
        ogd.kill()
        shutil.rmtree(paths.cache_dir())
        assert answers(client, folder.name) == before
    assert before["points"][0]["value"] == [2.0, 1.5, 0.5, 1.0]


def read_only_daemon(ogd: Ogd) -> subprocess.Popen[bytes]:
    """A daemon to which the store is mounted read-only."""
    script = (
        f'mount --bind "{ogd.store}" "{ogd.store}" && mount -o remount,ro,bind "{ogd.store}" '
        f"&& exec {sys.executable} -I -m opengraphs.daemon"
    )
    return subprocess.Popen(["unshare", "-rm", "sh", "-c", script], stderr=subprocess.DEVNULL)


def can_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    probe = subprocess.run(
        ["unshare", "-rm", "mount", "--bind", "/tmp", "/tmp"], capture_output=True, check=False
    )
    return probe.returncode == 0


@pytest.mark.skipif(not can_mount(), reason="needs a mount namespace of its own")
def test_read_only_store_is_answered_and_left_as_it_is(ogd: Ogd) -> None:
    folder = make_run(ogd.store, metrics=METRICS, ended=False)
    (folder / "run.lock").touch()
    with (folder / "metrics" / "a0-r0.jsonl").open("ab") as journal:
        journal.write(bytes(100))
    before = {path: path.read_bytes() for path in ogd.store.rglob("*") if path.is_file()}
    child = read_only_daemon(ogd)
    try:
        wait_for(lambda: not ogd.gone(), what="the daemon")
        with ogd.client(autostart=False) as client:
            wait_for(lambda: client.run(folder.name)["status"] == "crashed", what="the crash")
            (page,) = client.points(folder.name, "loss")
            assert page["value"] == [2.0, 1.5, "NaN", 1.0]
            checks = client.get("/doctor")["checks"]
            assert all(check["status"] in ("ok", "warn", "fail") for check in checks)
    finally:
        child.terminate()
        child.wait(timeout=20)
    assert {path: path.read_bytes() for path in ogd.store.rglob("*") if path.is_file()} == before


def test_cache_that_cannot_be_written_is_said_by_the_doctor_and_answers_stay(ogd: Ogd) -> None:
    folder = make_run(ogd.store, metrics=METRICS)
    (Path(os.environ["XDG_CACHE_HOME"]) / "opengraphs").write_text("in the way")
    with ogd.client() as client:
        (page,) = client.points(folder.name, "acc")
        assert page["value"] == METRICS["acc"]
        cache = [check for check in client.get("/doctor")["checks"] if check["id"] == "cache"]
    assert [check["status"] for check in cache] == ["warn"]
    assert "XDG_CACHE_HOME" in cache[0]["fix"]


def test_status_in_a_list_is_true_at_once(ogd: Ogd) -> None:
    with ogd.client() as client:
        assert client.runs()["total"] == 0
        with LiveRun(ogd.store) as live:
            assert client.runs(status="running")["total"] == 1
            (live.folder / "exit.json").write_text(json.dumps({"code": 0, "signal": None}))
            live.release()
            assert [run["status"] for run in client.runs()["runs"]] == ["finished"]


def test_crashed_run_is_named_and_its_folder_made_whole(ogd: Ogd) -> None:
    with ogd.client() as client, LiveRun(ogd.store, metrics=METRICS) as live:
        journal = live.folder / "metrics" / "a0-r0.jsonl"
        whole = journal.read_bytes()
        journal.write_bytes(whole + b'{"step":9,"me' + bytes(4096))
        assert client.run(live.run_id)["status"] == "running"
        live.release()
        wait_for(lambda: client.run(live.run_id)["status"] == "crashed", within_s=10, what="the crash")
        wait_for(lambda: journal.read_bytes() == whole, what="the repair")
        wait_for(
            lambda: json.loads((live.folder / "run.json").read_text())["status"] == "crashed",
            what="the status on disk",
        )


def test_answer_has_what_was_appended_a_moment_ago(ogd: Ogd) -> None:
    with ogd.client() as client, LiveRun(ogd.store) as live:
        for step in range(20):
            live.append({"loss": [float(step)]}, first_step=step)
            reply = client.series({"runs": [live.run_id], "metrics": ["loss"], "columns": 100})
            assert reply["series"][0]["y"][-1] == float(step)


def test_log_is_followed_to_the_end_of_the_run(ogd: Ogd) -> None:
    with ogd.client() as client, LiveRun(ogd.store) as live:
        log = live.folder / "stdout.log"
        log.write_text("zero\none\n")
        stream = client.stream(f"/runs/{live.run_id}/log", follow=1, **{"from": 1})
        assert next(stream) == {"n": 1, "text": "one"}
        with log.open("a") as out:
            out.write("two, ")
            out.flush()
            wait_for(lambda: client.log(live.run_id)["total_lines"] == 3, what="half a line")
            out.write("whole\n")
        assert next(stream) == {"n": 2, "text": "two, whole"}
        with log.open("a") as out:
            out.write("three")
        (live.folder / "exit.json").write_text(json.dumps({"code": 0, "signal": None}))
        live.release()
        assert list(stream) == [{"n": 3, "text": "three"}]


def test_log_windows_and_search(ogd: Ogd) -> None:
    folder = make_run(ogd.store)
    (folder / "stdout.log").write_text("".join(f"line {n}\n" for n in range(1000)))
    with ogd.client() as client:
        last = client.log(folder.name, lines=3)
        assert [line["n"] for line in last["lines"]] == [997, 998, 999]
        assert (last["total_lines"], last["next"]) == (1000, None)
        middle = client.log(folder.name, lines=2, **{"from": 10})
        assert ([line["text"] for line in middle["lines"]], middle["next"]) == (["line 10", "line 11"], 12)
        assert client.log(folder.name, grep="line 7.5$", **{"from": 0})["lines"] == [
            {"n": 705, "text": "line 705"}
        ]
        back = client.log(folder.name, grep="line 7.5$", direction="back", **{"from": 999})
        assert back["lines"] == [{"n": 795, "text": "line 795"}]
        assert client.log(folder.name, grep="nowhere")["lines"] == []


TRAINING = """
import fcntl, signal, sys, time
lock = open(sys.argv[1], "wb")
fcntl.flock(lock, fcntl.LOCK_EX)
if sys.argv[2] == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
signal.pause() if sys.argv[2] != "stubborn" else time.sleep(60)
"""


@pytest.mark.parametrize(("manner", "grace_s"), [("polite", 10.0), ("stubborn", 0.2)])
def test_run_without_a_runner_is_stopped_by_its_pid(ogd: Ogd, manner: str, grace_s: float) -> None:
    folder = make_run(ogd.store, ended=False)
    command = [sys.executable, "-c", TRAINING, str(folder / "run.lock"), manner]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == b"up\n"
        facts = json.loads((folder / "run.json").read_text())
        (folder / "run.json").write_text(json.dumps({**facts, "pid": child.pid}))
        with ogd.client() as client:
            assert client.stop(folder.name, grace_s=grace_s) == {"stopping": True}
            assert child.wait(timeout=20) < 0
            wait_for(lambda: client.run(folder.name)["status"] == "stopped", within_s=10, what="its status")
    finally:
        child.kill()
        child.wait(timeout=10)
        child.stdout.close()


def test_runner_is_asked_to_stop_its_run(ogd: Ogd) -> None:
    with LiveRun(ogd.store, pid=1) as live, ogd.client() as client:
        socket = paths.control_socket(live.folder)
        with ScriptedServer(socket, lambda _: b'{"ok": true}\n', end=b"\n") as runner:
            assert client.stop(live.run_id, grace_s=2.5) == {"stopping": True}
        assert [json.loads(line) for line in runner.asked] == [{"op": "stop", "grace_s": 2.5}]


def test_refusal_of_the_runner_is_passed_on(ogd: Ogd) -> None:
    with LiveRun(ogd.store, pid=1) as live, ogd.client() as client:
        socket = paths.control_socket(live.folder)
        refusal = b'{"ok": false, "error": "the training has ended"}\n'
        with (
            ScriptedServer(socket, lambda _: refusal, end=b"\n"),
            pytest.raises(ProcessError, match="the training has ended"),
        ):
            client.stop(live.run_id)


@pytest.mark.parametrize("answer", [None, b"no json\n", b"[1]\n"])
def test_runner_that_talks_nonsense_is_no_runner(ogd: Ogd, answer: bytes | None) -> None:
    old = "2020-01-01T00:00:00.000000Z"
    with (
        LiveRun(ogd.store, created_at=old, started_at=None) as live,
        ogd.client() as client,
        ScriptedServer(paths.control_socket(live.folder), lambda _: answer, end=b"\n"),
        pytest.raises(ProcessError, match="can be found"),
    ):
        client.stop(live.run_id)


def test_process_that_is_younger_than_the_run_is_never_signalled(ogd: Ogd) -> None:
    with (
        LiveRun(ogd.store, created_at="2020-01-01T00:00:00.000000Z", started_at=None) as live,
        ogd.client() as client,
        pytest.raises(ProcessError, match="can be found"),
    ):
        client.stop(live.run_id)


def test_run_of_another_host_is_not_signalled(ogd: Ogd) -> None:
    with (
        LiveRun(ogd.store, host="elsewhere") as live,
        ogd.client() as client,
        pytest.raises(ProcessError, match="elsewhere"),
    ):
        client.stop(live.run_id)


def test_name_with_a_slash_addresses_its_run(ogd: Ogd) -> None:
    folder = make_run(ogd.store, name="exp/a b/log", metrics=METRICS)
    with ogd.client() as client:
        assert client.run("exp/a b/log")["run_id"] == folder.name
        assert client.log("exp/a b/log")["total_lines"] == 0
        with pytest.raises(NotFoundError):
            client.run("a b/log")


def test_run_made_after_the_last_look_is_found_by_name(ogd: Ogd) -> None:
    with ogd.client() as client:
        client.runs()
        folder = make_run(ogd.store, name="just-now", metrics=METRICS)
        assert client.keys(run="just-now")["keys"][0]["points"] == 4
        assert client.system(folder.name)["series"] == []
