"""Trainings with Lightning, compared with what the module itself computed and what CSVLogger wrote."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from frameworks_kit import dumped, hook_trouble, plain_python, saved, sources
from og_user import OgUser
from real_kit import need, og_run

TINY = """
import json, sys, torch
import PACKAGE as pl
from PACKAGE.loggers import CSVLogger
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
data = DataLoader(TensorDataset(torch.randn(16, 4), torch.randn(16, 1)), batch_size=4)

class Tiny(pl.LightningModule):
    def __init__(self, lr=0.1):
        super().__init__()
        self.save_hyperparameters()
        self.layer = torch.nn.Linear(4, 1)
        self.seen = []

    def loss(self, batch):
        return torch.nn.functional.mse_loss(self.layer(batch[0]), batch[1])

    def training_step(self, batch, index):
        loss = self.loss(batch)
        self.log("train_loss", loss)
        self.seen.append(float(loss.detach()))
        return loss

    def validation_step(self, batch, index):
        self.log("val_loss", self.loss(batch))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=self.hparams.lr)

def train(**more):
    given = dict(max_epochs=2, accelerator="cpu", devices=1, log_every_n_steps=1, enable_progress_bar=False,
                 enable_model_summary=False)
    model, trainer = Tiny(), pl.Trainer(**{**given, **more})
    trainer.fit(model, data, data)
    json.dump({"seen": model.seen, "val_loss": float(trainer.callback_metrics["val_loss"])}, open("seen.json", "w"))
    return trainer
"""


def tiny(package: str = "lightning.pytorch") -> str:
    return TINY.replace("PACKAGE", package)


@pytest.mark.parametrize("package", ["lightning.pytorch", "pytorch_lightning"])
def test_a_trainer_without_any_logger_is_captured_exactly(user: OgUser, package: str) -> None:
    need(package.partition(".")[0])
    ran = og_run(
        user, tiny(package) + "trainer = train(logger=False)\ntrainer.save_checkpoint('last.ckpt')\n"
    )
    assert ran.done.returncode == 0, ran.done.stderr
    assert hook_trouble(ran) == ""
    seen = dumped(user, "seen.json")
    assert ran.curves["train_loss"] == list(enumerate(seen["seen"]))
    assert ran.curves["val_loss"][-1][1] == seen["val_loss"]
    assert [step for step, _ in ran.curves["val_loss"]] == [3, 7]
    assert set(ran.curves) == {"train_loss", "val_loss", "epoch"}
    assert sources(ran) == {"lightning"}
    assert ran.facts["config"]["lr"] == 0.1
    assert (ran.facts["progress"]["step"], ran.facts["progress"]["total"]) == (8, 8)
    assert saved(ran) == [("epoch=0-step=4.ckpt", 4), ("epoch=1-step=8.ckpt", 8), ("last.ckpt", 8)]
    assert all(one["format"] == "lightning" for one in ran.facts["checkpoints"])
    assert ran.facts["checkpoints"][-1]["complete"]
    assert ran.facts["checkpoints"][-1]["metrics"]["val_loss"] == seen["val_loss"]


def test_what_a_csv_logger_gets_og_has_too_with_its_steps(user: OgUser) -> None:
    need("lightning")
    script = """
from lightning.pytorch.callbacks import LearningRateMonitor
train(logger=CSVLogger("logs"), callbacks=[LearningRateMonitor()], log_every_n_steps=3)
"""
    ran = og_run(user, tiny() + script)
    assert ran.done.returncode == 0, ran.done.stderr
    assert hook_trouble(ran) == ""
    text = (user.work / "logs/lightning_logs/version_0/metrics.csv").read_text()
    rows = list(csv.DictReader(io.StringIO(text)))
    for key in ("train_loss", "val_loss", "lr-SGD"):
        written = {int(row["step"]): float(row[key]) for row in rows if row[key]}
        assert dict(ran.curves[key]) == written
    assert "epoch=1-step=8.ckpt" in {name for name, _ in saved(ran)}


@pytest.mark.parametrize("under_og", [True, False])
def test_the_logger_that_a_script_names_is_the_only_one_that_records(user: OgUser, under_og: bool) -> None:
    need("lightning")
    script = """
from opengraphs.integrations.lightning import OpenGraphsLogger
logger = OpenGraphsLogger(project="tiny", tags=["named"])
train(logger=logger)
json.dump([logger.name, logger.version], open("names.json", "w"))
"""
    ran = og_run(user, tiny() + script) if under_og else plain_python(user, tiny() + script)
    assert ran.done.returncode == 0, ran.done.stderr
    seen = dumped(user, "seen.json")
    assert ran.curves["train_loss"] == list(enumerate(seen["seen"]))
    assert ran.curves["val_loss"][-1] == (7, seen["val_loss"])
    assert sources(ran) == {"sdk"}
    assert ran.facts["config"]["lr"] == 0.1
    assert saved(ran) == [("epoch=0-step=4.ckpt", 4), ("epoch=1-step=8.ckpt", 8)]
    assert dumped(user, "names.json")[1] == ran.facts["run_id"]
    assert Path(ran.facts["checkpoints"][1]["path"]).exists()
    if not under_og:
        assert ran.facts["project"] == "tiny"
        assert ran.facts["tags"] == ["named"]


def test_the_callback_that_a_script_names_records_beside_other_loggers(user: OgUser) -> None:
    need("lightning")
    script = """
from opengraphs.integrations.lightning import OpenGraphsCallback
train(logger=CSVLogger("logs"), callbacks=[OpenGraphsCallback()])
"""
    ran = og_run(user, tiny() + script)
    assert ran.done.returncode == 0, ran.done.stderr
    assert ran.curves["train_loss"] == list(enumerate(dumped(user, "seen.json")["seen"]))
    assert sources(ran) == {"sdk"}
    assert saved(ran) == [("epoch=0-step=4.ckpt", 4), ("epoch=1-step=8.ckpt", 8)]


def test_fabric_is_captured_too(user: OgUser) -> None:
    need("lightning")
    script = """
import torch
from lightning.fabric import Fabric
fabric = Fabric(accelerator="cpu", devices=1)
for step in range(3):
    fabric.log("loss", torch.tensor(0.1) * step, step)
fabric.save("state.ckpt", {"step": 2})
"""
    ran = og_run(user, script)
    assert ran.done.returncode == 0, ran.done.stderr
    assert hook_trouble(ran) == ""
    assert ran.curves == {"loss": [(0, 0.0), (1, 0.10000000149011612), (2, 0.20000000298023224)]}
    assert saved(ran) == [("state.ckpt", 2)]
