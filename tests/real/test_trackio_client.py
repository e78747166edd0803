"""Trackio's own client and command line, unmodified, against `og ingest`."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from og_user import OgUser, wait_until
from real_kit import QUIET, curves, need, raised

WARNING = re.compile(r"warning|traceback|error:|failed|could not", re.IGNORECASE)

EVERYTHING = """
import numpy as np, trackio
run = trackio.init(project="demo", name="first", config={"lr": 0.1, "layers": 3}, auto_log_cpu=False)
for i in range(50):
    trackio.log({"loss": 1 / (i + 1), "deep": {"acc": i / 50}})
trackio.log({"loss": float("nan"), "up": float("inf")})
trackio.log({"img": trackio.Image(np.zeros((8, 8, 3), dtype=np.uint8), caption="black"), "loss": 0.5})
trackio.log({"t": trackio.Table(columns=["a", "b"], data=[[1, "x"], [2, "y"]])})
trackio.log({"h": trackio.Histogram([1, 2, 3, 4]), "md": trackio.Markdown("# hi")})
trackio.log({"tr": trackio.Trace(messages=[{"role": "user", "content": "hi"}])})
trackio.alert("diverged", "loss is nan", level=trackio.AlertLevel.ERROR)
run.log_system({"gpu/0/utilization": 55.0})
open("w.txt", "w").write("hello")
trackio.save("w.txt")
artifact = trackio.Artifact("model", type="model")
artifact.add_file("w.txt")
run.log_artifact(artifact, aliases=["best"])
trackio.finish()
"""
SLOWLY = """
import sys, time, trackio
run = trackio.init(project="demo", name="outage", config={"lr": 0.5}, auto_log_cpu=False)
for i in range(int(sys.argv[1])):
    trackio.log({"loss": i * 1.0})
    run.log_system({"gpu/0/temp": 40.0 + i})
    if i == 5:
        trackio.alert("early", level=trackio.AlertLevel.INFO)
    if i in (20,):
        open("going", "w").close()
    time.sleep(0.05)
trackio.alert("late", level=trackio.AlertLevel.WARN)
trackio.finish()
"""
RESUMED = """
import trackio
first = trackio.init(project="demo", name="again", config={"lr": 1, "seed": 7}, auto_log_cpu=False)
for i in range(5): trackio.log({"loss": float(i)})
trackio.finish()
second = trackio.init(project="demo", name="again", config={"lr": 2}, resume="must", auto_log_cpu=False)
for i in range(5): trackio.log({"loss": float(i)})
trackio.finish()
"""


class Trackio:
    """A user of Trackio whose shell took the two lines of `og ingest`."""

    def __init__(self, user: OgUser, python: str) -> None:
        self.user = user
        self.python = python
        done = user.og("ingest", "--port", "0", "--detach")
        assert done.returncode == 0, done.stderr
        pairs = [line.removeprefix("export ").partition("=") for line in done.stdout.splitlines()]
        self.env = {**QUIET, **{name: value for name, _, value in pairs}}
        self.env["TRACKIO_DIR"] = str(user.home / "trackio")

    def start(self, script: str, *args: str) -> subprocess.Popen[str]:
        path = self.user.work / "script.py"
        path.write_text(script)
        return subprocess.Popen(
            [self.python, str(path), *args],
            cwd=self.user.work,
            env={**self.user.env, **self.env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, script: str, *args: str) -> str:
        """Its output; it must end well."""
        with self.start(script, *args) as child:
            printed, _ = child.communicate(timeout=110)
        assert child.returncode == 0, printed
        return printed

    def ask(self, *words: str) -> str:
        """Trackio's command line, asking our server."""
        program = Path(self.python).with_name("trackio")
        command = [str(program), "--space", self.env["TRACKIO_SERVER_URL"], *words]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=60,
            env={**self.user.env, **self.env},
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def folder(self) -> Path:
        (run,) = self.user.runs()
        return self.user.store / "runs" / str(run["run_id"])


@pytest.fixture
def trackio(user: OgUser) -> Iterator[Trackio]:
    yield Trackio(user, need("trackio", "numpy"))
    user.og("ingest", "stop")


def test_the_unmodified_client_completes_without_a_warning(trackio: Trackio) -> None:
    printed = trackio.run(EVERYTHING)
    spoken = [line for line in printed.splitlines() if "TRACKIO ERROR" not in line]  # that is the alert
    assert not [line for line in spoken if WARNING.search(line)], printed
    run = trackio.folder()
    found = curves(trackio.user, run.name)
    assert found["loss"][:50] == [(i, 1 / (i + 1)) for i in range(50)]
    assert found["deep/acc"] == [(i, i / 50) for i in range(50)]
    assert math.isnan(found["loss"][50][1])
    assert found["up"] == [(50, math.inf)]
    assert found["loss"][51] == (51, 0.5)
    facts = trackio.user.json("show", run.name)
    assert facts["config"] == {"lr": 0.1, "layers": 3}
    assert [(alert["title"], alert["level"]) for alert in raised(facts)] == [("diverged", "error")]
    samples = {
        record["name"]: record["columns"]
        for record in map(json.loads, (run / "samples" / "ingest.jsonl").read_text().splitlines())
    }
    assert sorted(samples) == ["h", "img", "md", "t", "tr"]
    image = run / samples["img"]["image"]["media"]
    assert image.read_bytes().startswith(b"\x89PNG")
    assert json.loads((run / samples["t"]["table"]["media"]).read_text())["data"] == [[1, "x"], [2, "y"]]
    assert '"gpu.0.util_percent":55.0' in (run / "system" / "ingest.jsonl").read_text()
    assert (trackio.user.store / "files" / "demo" / "w.txt").read_text() == "hello"
    (blob,) = (trackio.user.store / "artifacts" / "demo" / "blobs").rglob("[0-9a-f]" * 64)
    assert blob.read_text() == "hello"


def test_a_server_that_is_down_for_ten_seconds_costs_nothing_and_doubles_nothing(trackio: Trackio) -> None:
    with trackio.start(SLOWLY, "320") as child:
        wait_until(lambda: (trackio.user.work / "going").exists(), within_s=60, what="the twentieth step")
        trackio.user.og("daemon", "stop")
        time.sleep(10)  # what is tested: an outage of ten seconds, longer than the client's first retries
        trackio.user.og("daemon", "start")
        printed, _ = child.communicate(timeout=100)
    assert child.returncode == 0, printed
    run = trackio.folder()
    rows = [json.loads(line) for line in (run / "metrics" / "ingest.jsonl").read_text().splitlines()]
    assert sorted(row["step"] for row in rows) == list(range(320))
    assert curves(trackio.user, run.name)["loss"] == [(i, float(i)) for i in range(320)]
    figures = [json.loads(line) for line in (run / "system" / "ingest.jsonl").read_text().splitlines()]
    assert sorted(figure["metrics"]["gpu.0.temp_c"] for figure in figures) == [40.0 + i for i in range(320)]
    facts = trackio.user.json("show", run.name)
    assert facts["config"] == {"lr": 0.5}
    assert [alert["title"] for alert in raised(facts)] == ["early", "late"]


def test_resuming_goes_on_in_the_same_run(trackio: Trackio) -> None:
    trackio.run(RESUMED)
    run = trackio.folder()
    assert [step for step, _ in curves(trackio.user, run.name)["loss"]] == list(range(10))
    assert trackio.user.json("show", run.name)["config"] == {"lr": 2, "seed": 7}


def test_trackio_s_command_line_reads_from_og(trackio: Trackio) -> None:
    trackio.run(EVERYTHING)
    here = ("--project", "demo", "--run", "first")
    assert "demo" in trackio.ask("list", "projects")
    assert "first" in trackio.ask("list", "runs", "--project", "demo")
    assert "deep/acc" in trackio.ask("list", "metrics", *here)
    assert "gpu.0.util_percent" in trackio.ask("list", "system-metrics", *here)
    assert "diverged" in trackio.ask("list", "alerts", "--project", "demo", "--level", "error")
    assert "diverged" not in trackio.ask("list", "alerts", "--project", "demo", "--level", "info")
    assert "diverged" in trackio.ask("get", "alerts", *here, "--level", "error")
    assert "Number of runs: 1" in trackio.ask("get", "project", "--project", "demo")
    shown: dict[str, Any] = json.loads(trackio.ask("get", "run", *here, "--json"))
    assert (shown["config"]["lr"], shown["last_step"]) == (0.1, 54)
    values = json.loads(trackio.ask("get", "metric", *here, "--metric", "loss", "--json"))["values"]
    assert len(values) == 52
    snapshot = json.loads(trackio.ask("get", "snapshot", *here, "--around", "4", "--window", "1", "--json"))
    assert [point["step"] for point in snapshot["metrics"]["loss"]] == [3, 4, 5]
    assert "55.0" in trackio.ask("get", "system-metric", *here)
    assert "model" in trackio.ask("list", "artifacts", "--project", "demo")
    assert "w.txt" in trackio.ask("get", "artifact", "--project", "demo", "--name", "model")


USE = """
import trackio
run = trackio.init(project="demo", name="reader", auto_log_cpu=False)
print("found:", open(run.use_artifact("model:best").download() + "/w.txt").read())
trackio.finish()
"""


def test_an_artifact_comes_back(trackio: Trackio) -> None:
    trackio.run(EVERYTHING)
    (trackio.user.work / "w.txt").unlink()
    shutil.rmtree(trackio.env["TRACKIO_DIR"])
    assert "found: hello" in trackio.run(USE)


MINI = """
import trackio
trackio.init(project="mine", name="mini", config={"lr": 1}, auto_log_cpu=False)
for i in range(5): trackio.log({"loss": i * 1.0})
trackio.finish()
"""


@pytest.mark.parametrize("isolated", [True, False], ids=["without-hooks", "with-hooks"])
def test_a_run_of_og_lands_in_its_own_run(trackio: Trackio, isolated: bool) -> None:
    """Where hooks cannot reach the client writes by way of ogd; where they do its own store goes on."""
    script = trackio.user.work / "mini.py"
    script.write_text(MINI)
    flags = ("-I",) if isolated else ()
    env = {**QUIET, "TRACKIO_DIR": trackio.env["TRACKIO_DIR"]}
    done = trackio.user.og("run", "--plain", "--", trackio.python, *flags, str(script), timeout_s=100, **env)
    assert done.returncode == 0, done.stdout + done.stderr
    run = trackio.folder()
    journals = [path.name.partition("-")[0] for path in (run / "metrics").iterdir() if path.stat().st_size]
    assert ("ingest" in journals) is isolated
    assert curves(trackio.user, run.name)["loss"] == [(i, float(i)) for i in range(5)]
    assert trackio.user.json("show", run.name)["config"]["lr"] == 1
    assert bool(list(Path(env["TRACKIO_DIR"]).glob("mine.db"))) is not isolated


def test_the_javascript_client_is_stored(trackio: Trackio) -> None:
    node, client = shutil.which("node"), os.environ.get("OG_REAL_TRACKIO_JS", "")
    if node is None or not client:
        pytest.skip("OG_REAL_TRACKIO_JS names no client.js of trackio-js; it is on no registry any more")
    script = trackio.user.work / "train.mjs"
    script.write_text(
        f"import {{ TrackioClient }} from {json.dumps(Path(client).as_uri())};\n"
        'const c = new TrackioClient({ project: "js", run: "one" });\n'
        "for (let i = 0; i < 300; i++) c.log({ loss: i / 10 }, i);\n"
        "await c.flush(); c.log({ loss: 99 }); await c.flush(); await c.close?.();\n"
    )
    subprocess.run([node, str(script)], env={**trackio.user.env, **trackio.env}, check=True, timeout=60)
    found = curves(trackio.user, trackio.folder().name)["loss"]
    assert found == [*((i, i / 10) for i in range(300)), (300, 99.0)]
