"""`POST /runs/{ref}/resume` and the functions behind it, with real runs."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ogd_kit import Ogd, make_run, wait_for
from resume_kit import IGNORES_IT, KNOWS_OG, TAKES_AN_ARGUMENT, facts, steps
from runner_kit import Runs, Training, alive

from opengraphs.client.sync import Client
from opengraphs.daemon.alerting.sending import Sending
from opengraphs.daemon.coalesce import Coalescer
from opengraphs.daemon.forward.service import Forwarder
from opengraphs.daemon.inotify import FolderEvents
from opengraphs.daemon.openstore import OpenStore
from opengraphs.daemon.resuming import launch_resumed, plan_resume, stop_and_keep
from opengraphs.errors import NotFoundError, OgError, ProcessError, UsageError
from opengraphs.runner.control import read_exit


@pytest.fixture
def runs(og_home: Path) -> Iterator[Runs]:
    kit = Runs(og_home)
    yield kit
    kit.end()


@pytest.fixture
def client(ogd: Ogd) -> Iterator[Client]:
    ogd.start()
    with ogd.client() as connected:
        yield connected


def trained(runs: Runs, source: str, *words: str, **options: Any) -> Training:
    """A run of a script that has ended."""
    (runs.work / "train.py").write_text(source)
    return runs.run([sys.executable, "train.py", *words], **options)


def resume(client: Client, training: Training, **request: Any) -> dict[str, Any]:
    return client.post(f"/runs/{training.folder.name}/resume", request)


def ended(client: Client, runs: Runs, run_id: str) -> Path:
    folder = runs.home / "store" / "runs" / run_id
    wait_for(lambda: read_exit(str(folder)), what="the end of the resumed run")
    wait_for(lambda: not alive(facts(folder)["runner_pid"]), what="the end of its runner")
    return folder


# -- what would be run ----------------------------------------------------------------------------


def test_a_dry_run_says_everything_and_starts_nothing(runs: Runs, client: Client) -> None:
    training = trained(runs, KNOWS_OG, name="gpt", tags=["a"], group="g", project="p")
    reply = resume(client, training, dry_run=True, overrides={"lr": 1e-4})
    plan = reply["plan"]
    assert reply["run_id"] is None
    assert plan["command"] == [sys.executable, "train.py"]
    assert plan["cwd"] == str(runs.work)
    assert plan["contract"] == "og"
    assert plan["checkpoint"]["step"] == 10
    assert plan["env"] == {
        "OG_RESUME": "1",
        "OG_RESUME_FROM": str(runs.work / "ckpt-10.json"),
        "OG_RESUME_STEP": "10",
        "OG_RESUME_KIND": "json",
        "OG_PARENT_RUN_ID": training.folder.name,
        "OG_ROOT_RUN_ID": training.folder.name,
        "OG_ATTEMPT": "1",
        "OG_OVERRIDES": '{"lr": 0.0001}',
    }
    assert plan["parent"]["step"] == 10
    assert plan["parent"]["reason"] == "user"
    assert (plan["name"], plan["project"]) == ("gpt-r1", "p")
    assert plan["facts"]["tags"] == ["a"]
    assert not plan["needs_confirmation"]
    assert plan["missing"] == plan["warnings"] == []
    assert len(runs.folders()) == 1


def test_what_cannot_be_used_is_refused(runs: Runs, client: Client) -> None:
    training = trained(runs, KNOWS_OG)
    (runs.work / "ckpt-5.json").unlink()
    (runs.work / "ckpt-10.json").write_text("")
    for wanted, says in (("5", "not there any more"), ("10", "is not complete"), ("latest", "none of")):
        with pytest.raises(ProcessError, match=says):
            resume(client, training, dry_run=True, checkpoint=wanted)
    with pytest.raises(NotFoundError, match="no checkpoint '7'"):
        resume(client, training, dry_run=True, checkpoint="7")
    assert resume(client, training, dry_run=True, checkpoint="none")["plan"]["env"]["OG_RESUME"] == "0"


@pytest.mark.parametrize(
    "request_",
    [
        {"checkpoint": None},
        {"checkpoint": ["latest"]},
        {"overrides": [1]},
        {"reason": "boredom"},
        {"name": ""},
        {"env": {"A": 1}},
        {"env": {"A=B": "1"}},
        {"dry_run": 1},
        {"colour": "red"},
    ],
)
def test_a_bad_request_is_refused(runs: Runs, client: Client, request_: dict[str, Any]) -> None:
    training = trained(runs, KNOWS_OG)
    with pytest.raises(UsageError):
        resume(client, training, **{"dry_run": True, **request_})


def test_a_run_that_nobody_recorded_cannot_be_resumed(ogd: Ogd, client: Client) -> None:
    folder = make_run(ogd.store)
    with pytest.raises(ProcessError, match="nobody recorded how trained was started"):
        client.post(f"/runs/{folder.name}/resume", {"dry_run": True, "checkpoint": "none"})


def test_a_changed_script_is_told(runs: Runs, client: Client) -> None:
    training = trained(runs, KNOWS_OG)
    (runs.work / "train.py").write_text(KNOWS_OG + "\n# better\n")
    assert resume(client, training, dry_run=True)["plan"]["warnings"] == [
        "train.py was changed since the run was started"
    ]


# -- started by ogd -------------------------------------------------------------------------------


def test_a_run_goes_on_where_it_was_saved(runs: Runs, client: Client) -> None:
    training = trained(runs, KNOWS_OG, name="gpt", tags=["a"], env={"HF_HOME": "/models"})
    reply = resume(client, training, checkpoint="5", overrides={"until": 3})
    child = ended(client, runs, reply["run_id"])
    assert steps(child) == [6, 7, 8]
    known = facts(child)
    assert known["parent"] == {
        "run_id": training.folder.name,
        "checkpoint_id": reply["plan"]["checkpoint"]["checkpoint_id"],
        "step": 5,
        "reason": "user",
        "overrides": {"until": 3},
    }
    assert (known["name"], known["tags"]) == ("gpt-r1", ["a"])
    assert json.loads((child / "bundle/environment.json").read_text())["HF_HOME"] == "/models"
    lineage = client.lineage(reply["run_id"])
    assert lineage["path"] == [training.folder.name, reply["run_id"]]


def test_a_resumed_run_is_resumed(runs: Runs, client: Client) -> None:
    training = trained(runs, KNOWS_OG, name="gpt")
    first = resume(client, training, checkpoint="5", overrides={"until": 2})
    ended(client, runs, first["run_id"])
    plan = client.post(f"/runs/{first['run_id']}/resume", {"dry_run": True})["plan"]
    assert plan["checkpoint"]["step"] == 5, "its own parent's, up to where it branched off"
    assert plan["env"]["OG_ATTEMPT"] == "2"
    assert plan["env"]["OG_ROOT_RUN_ID"] == training.folder.name
    assert plan["overrides"] == {"until": 2}
    assert plan["name"] == "gpt-r2"


def test_guessed_arguments_are_shown_once(runs: Runs, client: Client) -> None:
    training = trained(runs, TAKES_AN_ARGUMENT, "--lr", "0.001")
    plan = resume(client, training, dry_run=True, overrides={"lr": 1e-4})["plan"]
    path = str(runs.work / "ckpt-10.json")
    assert plan["guessed"] == ["--resume_from_checkpoint", path]
    assert plan["command"][2:] == ["--lr", "0.0001", "--resume_from_checkpoint", path]
    assert plan["arguments"] == ["lr"]
    assert plan["contract"] == "arguments"
    assert plan["needs_confirmation"]
    with pytest.raises(ProcessError, match="nobody has seen them"):
        resume(client, training)
    first = ended(client, runs, resume(client, training, confirmed=True)["run_id"])
    assert steps(first)[0] == 11
    second = ended(client, runs, resume(client, training, checkpoint="5")["run_id"])
    assert steps(second)[0] == 6
    anew = client.post(f"/runs/{second.name}/resume", {"dry_run": True, "checkpoint": "none"})["plan"]
    assert anew["command"] == [sys.executable, "train.py", "--lr", "0.001"]


def test_a_script_of_which_nothing_is_known_is_told(runs: Runs, client: Client) -> None:
    training = trained(runs, IGNORES_IT)
    plan = resume(client, training, dry_run=True, overrides={"lr": 1})["plan"]
    assert plan["contract"] == "none"
    assert [line.split(":")[0] for line in plan["warnings"]] == [
        "nothing tells how this script goes on from a checkpoint",
        "lr reaches the script as OG_OVERRIDES alone, of which it seems to know nothing",
    ]


def test_a_secret_is_missing_by_its_name(runs: Runs, client: Client) -> None:
    training = trained(runs, KNOWS_OG, env={"HF_TOKEN": "hf_aaaaaaaaaaaaaaaaaaaaaaaa"})
    assert resume(client, training, dry_run=True)["plan"]["missing"] == ["HF_TOKEN"]
    with pytest.raises(ProcessError, match="only the shell that started the run knows HF_TOKEN"):
        resume(client, training)
    secret = "hf_bbbbbbbbbbbbbbbbbbbbbbbb"
    reply = resume(client, training, env={"HF_TOKEN": secret}, overrides={"api_key": "correct horse"})
    child = ended(client, runs, reply["run_id"])
    assert steps(child)[0] == 11
    assert secret not in json.dumps(reply)
    assert "correct horse" not in (child / "run.json").read_text()


def test_a_hidden_argument_is_missing_until_it_is_given(runs: Runs, client: Client) -> None:
    code = "import sys; print(sys.argv)"
    words = [sys.executable, "-c", code, "--api-key", "sk-aaaaaaaaaaaaaaaaaaaaaaaa"]
    training = runs.run(words)
    asked = {"checkpoint": "none"}
    assert resume(client, training, dry_run=True, **asked)["plan"]["missing"] == ["--api-key"]
    with pytest.raises(ProcessError, match="--api-key"):
        resume(client, training, **asked)
    given = resume(client, training, dry_run=True, overrides={"api_key": "k"}, **asked)["plan"]
    assert given["missing"] == []
    assert given["command"][-1] == "k"


def test_a_run_that_goes_on_is_left_alone(runs: Runs, client: Client) -> None:
    (runs.work / "hold").touch()
    (runs.work / "train.py").write_text(KNOWS_OG)
    training = runs.start(sys.executable, "train.py")
    training.says("done")
    assert "the run is still going on" in resume(client, training, dry_run=True)["plan"]["warnings"]
    with pytest.raises(ProcessError, match="still going on"):
        resume(client, training)
    (runs.work / "hold").unlink()
    training.ended()


def test_who_launches_it_himself_only_gets_the_plan(runs: Runs, client: Client) -> None:
    training = trained(runs, TAKES_AN_ARGUMENT)
    reply = resume(client, training, launch=False, confirmed=True)
    assert reply["run_id"] is None
    assert not resume(client, training, dry_run=True)["plan"]["needs_confirmation"]


def test_how_it_was_launched_is_handed_on(runs: Runs, client: Client) -> None:
    training = trained(runs, KNOWS_OG, stdout_metrics=False, hooks=False, use_pty=True)
    child = ended(client, runs, resume(client, training)["run_id"])
    assert facts(child)["launch"] == {"use_pty": True, "hooks": False, "stdout_metrics": False}


# -- by the runner that was kept ------------------------------------------------------------------


def with_store(path: Path, scenario: Callable[[OpenStore], Awaitable[None]]) -> None:
    """What the action loop does, in a daemon's own loop."""

    async def run() -> None:
        loop = asyncio.get_running_loop()
        events = FolderEvents(loop)
        await events.start()
        coalescer = Coalescer(loop, lambda _topic, _payload: None)
        store = OpenStore(path, events=events, coalescer=coalescer, forwarder=Forwarder(), sending=Sending())
        try:
            await store.start()
            await asyncio.wait_for(scenario(store), 60)
        finally:
            await store.close()
            events.close()

    asyncio.run(run())


def test_a_kept_runner_has_the_secrets(runs: Runs) -> None:
    (runs.work / "hold").touch()
    (runs.work / "train.py").write_text(KNOWS_OG + '\nprint(os.environ["HF_TOKEN"], flush=True)\n')
    secret = "hf_aaaaaaaaaaaaaaaaaaaaaaaa"
    training = runs.start(sys.executable, "train.py", env={"HF_TOKEN": secret})
    training.says("done")
    children: list[str] = []

    async def scenario(store: OpenStore) -> None:
        run_id = training.folder.name
        await stop_and_keep(store, run_id, 5.0)
        (runs.work / "hold").unlink()
        plan = await plan_resume(store, run_id, {"reason": "auto", "overrides": {"until": 2}})
        assert plan["missing"] == []
        children.append(await launch_resumed(store, run_id, plan))

    with_store(runs.home / "store", scenario)
    assert training.facts()["status"] == "stopped"
    child = runs.home / "store" / "runs" / children[0]
    wait_for(lambda: read_exit(str(child)), what="the end of the resumed run")
    wait_for(lambda: not alive(facts(child)["runner_pid"]), what="the end of its runner")
    assert secret in (child / "stdout.log").read_text()
    assert steps(child) == [11, 12]
    assert facts(child)["parent"]["reason"] == "auto"
    assert secret not in json.dumps(facts(child)) + (child / "bundle/environment.json").read_text()
    training.leave()


def test_without_its_runner_a_run_is_stopped_and_resumed_all_the_same(runs: Runs) -> None:
    (runs.work / "hold").touch()
    (runs.work / "train.py").write_text(KNOWS_OG)
    training = runs.start(sys.executable, "train.py")
    training.says("done")
    os.kill(training.runner_pid, 9)
    wait_for(lambda: not alive(training.runner_pid), what="the runner's end")
    children: list[str] = []

    async def scenario(store: OpenStore) -> None:
        run_id = training.folder.name
        await stop_and_keep(store, run_id, 5.0)
        (runs.work / "hold").unlink()
        plan = await plan_resume(store, run_id, {})
        children.append(await launch_resumed(store, run_id, plan))

    with_store(runs.home / "store", scenario)
    child = runs.home / "store" / "runs" / children[0]
    wait_for(lambda: read_exit(str(child)), what="the end of the resumed run")
    assert steps(child)[0] == 11


def test_an_ended_run_is_left_as_it_is(runs: Runs) -> None:
    training = trained(runs, KNOWS_OG)

    async def scenario(store: OpenStore) -> None:
        await stop_and_keep(store, training.folder.name, 1.0)
        with pytest.raises(OgError):
            await stop_and_keep(store, "nowhere", 1.0)

    with_store(runs.home / "store", scenario)
    assert training.facts()["status"] == "finished"


def test_a_restart_that_is_due_is_called_off_by_a_stop(runs: Runs, client: Client) -> None:
    from opengraphs.runner import restarting

    training = runs.shell("exit 3", restart=restarting.wanted(2, wait_s=60.0))
    training.ended()
    wait_for(lambda: client.run(training.folder.name)["status"] == "failed", what="its end")
    assert client.stop(training.folder.name) == {"stopping": True}
    training.leave()
    with pytest.raises(ProcessError, match="has ended"):
        client.stop(training.folder.name)
