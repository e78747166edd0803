"""Loops with accelerate, compared with what they logged."""

from __future__ import annotations

from frameworks_kit import TORCHRUN, hook_trouble, plain_python, saved, sources
from og_user import OgUser
from real_kit import QUIET, curves, need, og_run, real_python

LOOP = """
import torch
from accelerate import Accelerator
SETUP
model = torch.nn.Linear(4, 1)
model, optimizer = accelerator.prepare(model, torch.optim.SGD(model.parameters(), lr=0.1))
accelerator.init_trackers("tiny", config={"lr": 0.1})
for step in range(4):
    accelerator.log({"train/loss": 1.0 / (step + 1), "note": "text"}, step=step * 10)
accelerator.save_state("state")
accelerator.end_training()
"""
EXPECTED = {"train/loss": [(0, 1.0), (10, 0.5), (20, 1.0 / 3), (30, 0.25)]}


def test_what_accelerate_logs_to_no_tracker_at_all_is_captured(user: OgUser) -> None:
    need("accelerate", "torch")
    ran = og_run(user, LOOP.replace("SETUP", "accelerator = Accelerator(cpu=True)"))
    assert ran.done.returncode == 0, ran.done.stderr
    assert hook_trouble(ran) == ""
    assert ran.curves == EXPECTED
    assert sources(ran) == {"accelerate"}
    assert ran.facts["config"]["lr"] == 0.1
    assert saved(ran) == [("state", 30)]
    assert ran.facts["checkpoints"][0]["metrics"] == {"train/loss": 0.25}


def test_the_tracker_is_known_by_its_name(user: OgUser) -> None:
    need("accelerate", "torch")
    named = LOOP.replace("SETUP", 'accelerator = Accelerator(cpu=True, log_with="opengraphs")')
    ran = og_run(user, named)
    assert ran.done.returncode == 0, ran.done.stderr
    assert hook_trouble(ran) == ""
    assert ran.curves == EXPECTED
    assert sources(ran) == {"sdk"}
    ran = plain_python(user, "import opengraphs.integrations.accelerate\n" + named)
    assert ran.curves == EXPECTED
    assert ran.facts["project"] == "tiny"
    assert ran.facts["config"]["lr"] == 0.1


def test_all_trackers_are_those_of_accelerate_and_a_value_counts_once(user: OgUser) -> None:
    need("accelerate", "torch", "tensorboard", "wandb")
    setup = """
from accelerate.tracking import filter_trackers
assert "opengraphs" not in [str(one) for one in filter_trackers(["all"], logging_dir=".")]
accelerator = Accelerator(cpu=True, log_with=["wandb", "tensorboard"], project_dir=".")
"""
    ran = og_run(user, LOOP.replace("SETUP", setup).replace(', "note": "text"', ""))
    assert ran.done.returncode == 0, ran.done.stderr
    assert hook_trouble(ran) == ""
    assert ran.curves["train/loss"] == EXPECTED["train/loss"]
    assert sources(ran) >= {"accelerate", "wandb", "summary_writer"}


def test_of_two_processes_only_the_main_one_records(user: OgUser) -> None:
    need("accelerate", "torch")
    path = user.work / "train.py"
    path.write_text(LOOP.replace("SETUP", "accelerator = Accelerator(cpu=True)"))
    done = user.og("run", "--", real_python(), "-c", TORCHRUN, str(path), timeout_s=110, **QUIET)
    assert done.returncode == 0, done.stderr
    run_id = user.runs()[0]["run_id"]
    assert curves(user, run_id) == EXPECTED
    assert len(user.json("show", run_id)["checkpoints"]) == 1
