"""Scripts that log through the real trackers, unchanged, under `og run`: every value and step arrives.

Each script keeps a list of what it logged and prints it as JSON in its last line; what og
exports must be exactly that.
"""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from og_user import OgUser
from real_kit import Ran, need, og_run, raised

KEPT = """
import atexit, json, math
LOGGED = {}
def kept(key, step, value):
    LOGGED.setdefault(key, []).append([step, float(value)])
    return value
atexit.register(lambda: print("\\n" + json.dumps(LOGGED), flush=True))
"""
"""Put before each script."""


def logged(ran: Ran) -> dict[str, list[tuple[int, float]]]:
    """What the script says it logged, by step; the last at a step counts."""
    assert ran.facts["exit_code"] == 0, (ran.folder / "stdout.log").read_text()
    lines = (ran.folder / "stdout.log").read_text().splitlines()
    said = json.loads(next(line for line in reversed(lines) if line.startswith("{")))
    return {key: sorted(dict(points).items()) for key, points in said.items()}


def same(found: dict[str, list[tuple[int, float]]], wanted: dict[str, list[tuple[int, float]]]) -> None:
    assert sorted(found) == sorted(wanted)
    for key, points in wanted.items():
        assert [step for step, _ in found[key]] == [step for step, _ in points], key
        for (_, ours), (_, theirs) in zip(found[key], points, strict=True):
            assert ours == theirs or (math.isnan(ours) and math.isnan(theirs)), key


def hook_log(ran: Ran) -> str:
    path = ran.folder / "hooks.log"
    return path.read_text() if path.exists() else ""


WANDB = (
    KEPT
    + """
import wandb, random
run = wandb.init(project="digits", name="mine", config={"lr": 0.1, "net": {"width": 8}}, tags=["base"], notes="why",
                 MODE)
random.seed(1)
for step in range(50):
    loss = random.random() / 3
    wandb.log({"train/loss": kept("train/loss", step, loss), "n": {"x": {"y": kept("n.x.y", step, step * 0.1)}}, "word": "text"})
run.log({"half": kept("half", 50, 1)}, commit=False)
run.log({"other": kept("other", 50, 2.5)})
run.log({"jump": kept("jump", 200, 3.5)}, step=200)
run.log({"after": kept("after", 200, float("nan"))})
run.log({"hist": wandb.Histogram([1, 2, 3]), "flag": kept("flag", 201, True)})
wandb.config.update({"bs": 4}); run.config.opt = "adam"
run.summary["best"] = 0.25
run.alert("spike", "loss is up", level=wandb.AlertLevel.ERROR)
wandb.finish()
"""
)


@pytest.mark.parametrize(
    "mode", ["", 'mode="disabled"', 'mode="offline"'], ids=["environment", "disabled", "offline"]
)
def test_wandb(user: OgUser, mode: str) -> None:
    need("wandb")
    ran = og_run(user, WANDB.replace("MODE", mode), WANDB_DIR=str(user.work))
    same(ran.curves, logged(ran))
    assert ran.facts["config"]["lr"] == 0.1
    assert ran.facts["config"]["net"] == {"width": 8}
    assert hook_log(ran) == ""
    assert {alert["title"]: alert["level"] for alert in raised(ran.facts)} == {"spike": "error"}
    if "disabled" in mode:
        return
    assert (ran.facts["config"]["bs"], ran.facts["config"]["opt"]) == (4, "adam")
    assert (ran.facts["name"], ran.facts["tags"], ran.facts["notes"]) == ("mine", ["base"], "why")
    assert ran.facts["summary"]["best"] == 0.25
    assert ran.facts["hooks"]["active"]["wandb"].startswith("0.")


def test_wandb_runs_one_after_the_other(user: OgUser) -> None:
    need("wandb")
    script = KEPT + (
        "import wandb\n"
        "for part in range(2):\n"
        "    with wandb.init(project='p', config={'part': part}, reinit='finish_previous') as run:\n"
        "        for step in range(3):\n"
        "            run.log({f'part{part}/loss': kept(f'part{part}/loss', step, part + step / 7)})\n"
    )
    ran = og_run(user, script, WANDB_DIR=str(user.work))
    same(ran.curves, logged(ran))
    assert ran.facts["config"]["part"] == 1


def test_og_run_without_hooks_captures_nothing(user: OgUser) -> None:
    need("wandb")
    ran = og_run(
        user, "import wandb\nwandb.init(project='p').log({'a': 1})", "--no-hooks", WANDB_DIR=str(user.work)
    )
    assert "a" not in ran.curves
    assert "hooks" not in ran.facts


def test_trackio(user: OgUser) -> None:
    need("trackio")
    script = (
        KEPT
        + """
import trackio, numpy as np
run = trackio.init(project="digits", name="mine", config={"lr": 0.1}, auto_log_cpu=False, auto_log_gpu=False)
for step in range(30):
    trackio.log({"loss": kept("loss", step, step / 7), "n": {"x": kept("n/x", step, step)}, "np": kept("np", step, np.float32(step / 3))})
trackio.log({"inf": kept("inf", 100, float("-inf"))}, step=100)
trackio.log({"after": kept("after", 101, 1.5), "step": kept("__step", 101, 3)})
trackio.alert("hot", "very", level=trackio.AlertLevel.ERROR)
trackio.finish()
"""
    )
    ran = og_run(user, script, TRACKIO_DIR=str(user.work / "trackio"))
    same(ran.curves, logged(ran))
    assert (ran.facts["config"]["lr"], ran.facts["name"]) == (0.1, "mine")
    assert [alert["title"] for alert in raised(ran.facts)] == ["hot"]
    assert hook_log(ran) == ""


WRITER = (
    KEPT
    + """
from MODULE import SummaryWriter
import numpy as np
w = SummaryWriter("events")
for step in range(0, 100, 2):
    w.add_scalar("train/loss", kept("train/loss", step, step / 7), step)
    w.add_scalar("np", kept("np", step, np.float32(step / 3)), global_step=np.int64(step))
    w.add_scalar("none", kept("none", step // 2, step))
w.add_scalars("pair", {"a": kept("pair/a", 5, 1), "b": kept("pair/b", 5, np.array(2.5))}, 5)
w.add_scalar("nan", kept("nan", 3, float("nan")), 3)
w.add_hparams({"lr": 0.1, "opt": "adam"}, {"hp/acc": kept("hp/acc", 7, 0.9)}, global_step=7)
TORCH
w.close()
"""
)


def test_tensorboardx(user: OgUser) -> None:
    need("tensorboardX")
    ran = og_run(user, WRITER.replace("MODULE", "tensorboardX").replace("TORCH", ""))
    same(ran.curves, logged(ran))
    assert ran.facts["config"]["lr"] == 0.1
    assert ran.facts["config"]["opt"] == "adam"
    assert hook_log(ran) == ""


def test_torch_summary_writer(user: OgUser) -> None:
    need("torch", "tensorboard")
    torch = (
        "import torch\n"
        "w.add_scalar('new', kept('new', 1, torch.tensor(0.1)), 1, new_style=True)\n"
        "w.add_scalar('double', kept('double', 1, torch.tensor(0.1, dtype=torch.float64)), 1, double_precision=True)\n"
        "loss = torch.nn.Parameter(torch.ones(1)).sum() / 3\n"
        "w.add_scalar('grad', loss, 2); kept('grad', 2, loss.item())\n"
    )
    ran = og_run(user, WRITER.replace("MODULE", "torch.utils.tensorboard").replace("TORCH", torch))
    same(ran.curves, logged(ran))
    assert ran.facts["hooks"]["active"]["tensorboard"].startswith("torch 2")
    assert hook_log(ran) == ""


MLFLOW = (
    KEPT
    + """
import mlflow, numpy as np
from mlflow.entities import Metric, Param, RunTag
mlflow.set_tracking_uri("sqlite:///mlflow.db")
with mlflow.start_run(NAME) as active:
    mlflow.log_param("lr", 0.1); mlflow.log_params({"bs": 8, "opt": "adam", "on": True})
    mlflow.set_tag("team", "a"); mlflow.set_tags({"kind": "b"})
    for step in range(10):
        mlflow.log_metric("one", kept("one", step, step / 7), step=step)
        mlflow.log_metrics({"many/a": kept("many/a", step, step / 3), "many/b": kept("many/b", step, np.float32(0.1))}, step=step)
        mlflow.log_metric("none", kept("none", step, step * 2))
    client, run_id = mlflow.MlflowClient(), active.info.run_id
    client.log_metric(run_id, "client", kept("client", 5, 7.5), step=5)
    client.log_batch(run_id, metrics=[Metric("batch", kept("batch", 6, 1.25), 0, 6), Metric("batch", kept("batch", 7, 1.5), 1, 7)],
                     params=[Param("depth", "3")], tags=[RunTag("t", "v")])
    mlflow.log_metrics({"later": kept("later", 1, 3.5)}, step=1, synchronous=False)
    mlflow.log_metric("later", kept("later", 2, 4.5), step=2, synchronous=False)
    mlflow.flush_async_logging()
"""
)


@pytest.mark.parametrize("name", ['run_name="mine"', ""], ids=["named", "unnamed"])
def test_mlflow_in_all_its_ways(user: OgUser, name: str) -> None:
    need("mlflow")
    ran = og_run(user, MLFLOW.replace("NAME", name))
    same(ran.curves, logged(ran))
    wanted = {"lr": 0.1, "bs": 8, "opt": "adam", "on": True, "depth": 3}
    assert {key: ran.facts["config"].get(key) for key in wanted} == wanted
    assert {"team=a", "kind=b", "t=v"} <= set(ran.facts["tags"])
    assert (ran.facts["name"] == "mine") is bool(name)
    assert hook_log(ran) == ""


def test_mlflow_autolog(user: OgUser) -> None:
    need("mlflow", "sklearn")
    script = """
import mlflow
from sklearn.linear_model import LogisticRegression
mlflow.set_tracking_uri("sqlite:///mlflow.db")
mlflow.sklearn.autolog(log_models=False, log_datasets=False)
with mlflow.start_run() as run:
    LogisticRegression(C=0.5).fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])
stored = mlflow.MlflowClient().get_run(run.info.run_id).data
import json
print("\\n" + json.dumps({key: [[0, value]] for key, value in stored.metrics.items()}))
"""
    ran = og_run(user, script)
    wanted = logged(ran)
    assert len(wanted) >= 3
    same(ran.curves, wanted)
    assert ran.facts["config"]["C"] == 0.5


def test_one_point_through_three_trackers_counts_once(user: OgUser) -> None:
    """wandb, TensorBoard and a framework's own names at the same steps: one curve each."""
    need("wandb", "torch", "tensorboard")
    script = (
        KEPT
        + """
import wandb
from torch.utils.tensorboard import SummaryWriter
run, w = wandb.init(project="p"), SummaryWriter("events")
run.define_metric("*", step_metric="train/global_step", step_sync=True)
for step in range(0, 100, 10):
    loss = kept("train/loss", step, 1 / (step + 3))
    run.log({"train/loss": loss, "train/global_step": kept("train/global_step", step, step)})
    w.add_scalar("train/loss", loss, step)
w.close(); run.finish()
"""
    )
    ran = og_run(user, script, WANDB_DIR=str(user.work))
    same(ran.curves, logged(ran))
    rows = [
        json.loads(line) for line in (ran.folder / "metrics" / "mirror-a0-r0.jsonl").read_bytes().splitlines()
    ]
    sources = [row["source"] for row in rows if "train/loss" in row.get("metrics", {})]
    assert (sources.count("wandb"), sources.count("summary_writer")) == (10, 10)


def test_wandb_that_syncs_tensorboard_does_not_double_it(user: OgUser) -> None:
    need("wandb", "torch", "tensorboard")
    script = (
        KEPT
        + """
import wandb
run = wandb.init(project="p", sync_tensorboard=True)
from torch.utils.tensorboard import SummaryWriter
w = SummaryWriter("events")
for step in range(5):
    w.add_scalar("loss", kept("loss", step, step / 7), step)
w.close(); run.finish()
"""
    )
    ran = og_run(user, script, WANDB_DIR=str(user.work))
    same(ran.curves, logged(ran))


def test_settings_of_argparse_and_hydra(user: OgUser) -> None:
    need("hydra", "omegaconf", "wandb")
    (user.work / "config.yaml").write_text("lr: 0.1\nnet: {width: 8, depth: '${lr}'}\napi_key: very-secret\n")
    script = """
import hydra
@hydra.main(version_base=None, config_path=".", config_name="config")
def main(cfg):
    print("width", cfg.net.width)
main()
"""
    ran = og_run(user, script, args=("lr=0.5", "+extra=[1,2]"))
    assert ran.facts["exit_code"] == 0
    config: dict[str, Any] = ran.facts["config"]
    assert (config["lr"], config["net"], config["extra"]) == (0.5, {"width": 8, "depth": 0.5}, [1, 2])
    assert config["api_key"] == "[redacted]"
    assert "experimental_rerun" not in config  # hydra's own command line
    assert hook_log(ran) == ""


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_children_that_log_through_wandb_and_tensorboard(user: OgUser, method: str) -> None:
    need("torch", "tensorboard")
    script = f"""
import multiprocessing
from torch.utils.tensorboard import SummaryWriter
def work(n):
    w = SummaryWriter(f"events-{{n}}")
    for step in range(5):
        w.add_scalar(f"child{{n}}/loss", step / 7 + n, step)
    w.close()
if __name__ == "__main__":
    w = SummaryWriter("events")
    w.add_scalar("parent", 0.5, 0)
    children = [multiprocessing.get_context("{method}").Process(target=work, args=(n,)) for n in range(2)]
    [child.start() for child in children]; [child.join() for child in children]
    w.add_scalar("parent", 0.25, 1); w.close()
"""
    ran = og_run(user, script)
    same(
        ran.curves,
        {
            **{f"child{n}/loss": [(step, step / 7 + n) for step in range(5)] for n in range(2)},
            "parent": [(0, 0.5), (1, 0.25)],
        },
    )
    assert hook_log(ran) == ""


def test_ranks_of_torchrun(user: OgUser) -> None:
    need("torch", "tensorboard")
    worker = user.work / "worker.py"
    worker.write_text(
        "import argparse, os\n"
        "parser = argparse.ArgumentParser(); parser.add_argument('--lr', type=float); parser.parse_args()\n"
        "from torch.utils.tensorboard import SummaryWriter\n"
        "rank = int(os.environ['RANK'])\n"
        "w = SummaryWriter(f'events-{rank}')\n"
        "for step in range(5): w.add_scalar('loss', float(step + rank), step)\n"
        "w.close()\n"
    )
    script = (
        "import subprocess, sys\n"
        "command = [sys.executable, '-m', 'torch.distributed.run', '--standalone', '--nproc_per_node=2']\n"
        f"sys.exit(subprocess.run([*command, {str(worker)!r}, '--lr', '0.5']).returncode)\n"
    )
    ran = og_run(user, script)
    assert ran.facts["exit_code"] == 0, (ran.folder / "stdout.log").read_text()
    same(ran.curves, {"loss": [(step, step + 0.5) for step in range(5)]})  # the mean of both ranks
    assert sorted(path.stem for path in (ran.folder / "metrics").glob("mirror-*")) == [
        "mirror-a0-r0",
        "mirror-a0-r1",
    ]
    assert ran.facts["ranks"]["world_size"] == 2
    assert ran.facts["config"]["lr"] == 0.5
    assert "nproc_per_node" not in ran.facts["config"]


def test_failing_mirror_leaves_a_real_tracker_alone(user: OgUser) -> None:
    need("wandb")
    script = """
import wandb, sys
import og_hooks.mirror
def broken(self, *args): raise RuntimeError("og is broken")
og_hooks.mirror.Mirror.log = broken
run = wandb.init(project="p")
for step in range(5): run.log({"loss": step})
print("STEP", run.step, run.summary["loss"])
run.finish()
"""
    ran = og_run(user, script, WANDB_DIR=str(user.work))
    assert ran.facts["exit_code"] == 0
    assert "STEP 5 4" in (ran.folder / "stdout.log").read_text()
    assert "RuntimeError: og is broken" in hook_log(ran)
    assert len(hook_log(ran).splitlines()) == 1
    assert "only in part" in user.og("show", ran.facts["run_id"]).stdout


TRAINER = """
import json, trackio
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments
data = [{"input_ids": [1, 2, 3, 4], "labels": [1, 2, 3, 4]}] * 8
trainer = Trainer(
    GPT2LMHeadModel(GPT2Config(n_layer=1, n_head=2, n_embd=8, vocab_size=8, n_positions=8)),
    TrainingArguments("out", max_steps=12, logging_steps=2, eval_strategy="steps", eval_steps=4, save_strategy="no",
                      disable_tqdm=True, use_cpu=True, report_to=["wandb", "tensorboard", "trackio", "mlflow"]),
    train_dataset=data, eval_dataset=data,
)
trainer.train()
said = {}
for row in trainer.state.log_history:
    for key, value in row.items():
        if key in ("loss", "grad_norm", "learning_rate"):
            said.setdefault("train/" + key, []).append([row["step"], value])
        elif key == "eval_loss":
            said.setdefault("eval/loss", []).append([row["step"], value])
print("\\n" + json.dumps(said))
"""


def test_trainer_that_reports_to_everything_is_drawn_once(user: OgUser) -> None:
    need("transformers", "torch", "tensorboard", "wandb", "trackio", "mlflow")
    places = {"WANDB_DIR": str(user.work), "TRACKIO_DIR": str(user.work / "trackio")}
    places["MLFLOW_TRACKING_URI"] = f"sqlite:///{user.work}/mlflow.db"
    ran = og_run(user, TRAINER, **places)
    wanted = logged(ran)
    assert len(wanted["train/loss"]) == 6
    same({key: points for key, points in ran.curves.items() if key in wanted}, wanted)
    active = ran.facts["hooks"]["active"]
    assert {"transformers", "wandb", "tensorboard", "trackio", "mlflow"} <= set(active)
    assert hook_log(ran) == ""
