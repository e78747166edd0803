"""The callbacks that hooks add to trainers, on frameworks of a few lines: what is recorded, and what never happens."""

from __future__ import annotations

import fake_frameworks
import pytest
from hook_kit import Hooked, Lab

TRAINER = "from transformers.trainer import Arguments, Trainer\n"
CURVES = [
    *((step, {"train/loss": 1 / step, "eval/loss": 2 / step}) for step in (1, 2, 3, 4)),
    (4, {"train/train_runtime": 1.5}),
]


def ended_well(done: Hooked, *, log: str = "") -> None:
    assert done.code == 0, done.stderr
    assert done.log == log if not log else log in done.log


# -- transformers -----------------------------------------------------------------------------------


def test_trainer_is_recorded_without_a_word_in_the_script(lab: Lab) -> None:
    fake_frameworks.transformers(lab)
    done = lab.run(TRAINER + "Trainer().train()")
    ended_well(done)
    assert done.points() == CURVES
    assert {row["source"] for row in done.rows()} == {"transformers"}
    assert done.config()["width"] == 8
    assert done.config()["learning_rate"] == 0.5
    assert done.events("progress")[-1]["progress"] == {"step": 4, "total": 4, "unit": "step"}
    (checkpoint,) = done.events("checkpoint")
    assert (checkpoint["step"], checkpoint["path"]) == (4, str(lab.work / "out/checkpoint-4"))
    assert checkpoint["metrics"] == {"train/loss": 0.25, "eval/loss": 0.5}


def test_what_predict_measures_is_recorded(lab: Lab) -> None:
    fake_frameworks.transformers(lab)
    done = lab.run(TRAINER + "Trainer().call('on_predict', metrics={'test_loss': 0.5, 'test_runtime': 1})")
    ended_well(done)
    assert done.points() == [(0, {"test/loss": 0.5, "test/runtime": 1})]


def test_processes_other_than_the_first_record_nothing(lab: Lab) -> None:
    fake_frameworks.transformers(lab)
    done = lab.run(TRAINER + "Trainer(is_first=False).train()")
    ended_well(done)
    assert done.writers() == []


def test_settings_that_cannot_be_read_cost_no_metric(lab: Lab) -> None:
    fake_frameworks.transformers(lab)
    done = lab.run(TRAINER + "Trainer(Arguments(broken=True)).train()")
    ended_well(done, log="RuntimeError: cannot be told")
    assert done.stderr == ""
    assert done.points() == CURVES


def test_a_callback_that_fails_is_switched_off_and_noted_and_the_training_goes_on(lab: Lab) -> None:
    fake_frameworks.transformers(lab)
    code = "t = Trainer(); t.train(); t.call('on_log', logs={5: 1.0}); t.train(); print('trained')"
    done = lab.run(TRAINER + code)
    ended_well(done, log="transformers: transformers.py")
    assert len(done.log.splitlines()) == 1
    assert (done.stdout, done.stderr) == ("trained\n", "")
    assert done.points() == CURVES


@pytest.mark.parametrize("given", ["callbacks=[OpenGraphsCallback()]", "Arguments(report_to=['opengraphs'])"])
def test_the_callback_of_the_script_wins_on_its_trainer_only(lab: Lab, given: str) -> None:
    fake_frameworks.transformers(lab)
    code = "from opengraphs.integrations.transformers import OpenGraphsCallback\n" + TRAINER
    done = lab.run(code + f"Trainer({given}).train()")
    ended_well(done)
    assert done.writers() == ["a0-r0"]
    assert done.points("a0-r0") == CURVES
    assert len(done.events("checkpoint")) == 1
    again = lab.run(TRAINER + "Trainer().train()")
    assert again.points() == CURVES


def test_long_tables_of_labels_stay_out_of_the_config(lab: Lab) -> None:
    fake_frameworks.transformers(lab)
    model = (
        "SimpleNamespace(config={'id2label': dict.fromkeys(map(str, range(1000))), 'label2id': {'a': 0}}, "
        "peft_config={'default': {'r': 4}})"
    )
    done = lab.run("from types import SimpleNamespace\n" + TRAINER + f"Trainer(model={model}).train()")
    ended_well(done)
    assert "id2label" not in done.config()
    assert done.config()["label2id"] == {"a": 0}
    assert done.config()["peft_config"] == {"default": {"r": 4}}


# -- Lightning --------------------------------------------------------------------------------------


@pytest.mark.parametrize("package", ["lightning.pytorch", "pytorch_lightning"])
def test_lightning_trainer_is_recorded_through_the_entry_point(lab: Lab, package: str) -> None:
    fake_frameworks.lightning(lab, package)
    done = lab.run(f"from {package}.trainer import Trainer\nTrainer().fit()")
    ended_well(done)
    assert done.points() == [(step, {"loss": 1 / (step + 1), "epoch": 0}) for step in range(3)]
    assert {row["source"] for row in done.rows()} == {"lightning"}
    assert done.config() == {"lr": 0.1}
    assert done.events("progress")[-1]["progress"] == {"step": 2, "total": 4, "unit": "step"}
    (checkpoint,) = done.events("checkpoint")
    assert (checkpoint["step"], checkpoint["format"]) == (2, "lightning")
    assert done.events("hooks")[-1]["active"].count("lightning") == 1


def test_a_metric_named_step_is_the_step_as_in_lightning(lab: Lab) -> None:
    fake_frameworks.lightning(lab)
    code = "trainer = Trainer(); trainer.fit(); trainer.log({'step': 70.0, 'late': 1.0})"
    done = lab.run("from lightning.pytorch.trainer import Trainer\n" + code)
    ended_well(done)
    assert done.points()[-1] == (70, {"late": 1.0})


LOGGER = """
from lightning.pytorch.trainer import Trainer

class Other:
    def __init__(self):
        self.got = []

    def log_metrics(self, metrics, step=None):
        self.got.append(metrics)
        return "what it returns"

other = Other()
"""


def test_what_the_first_logger_gets_is_recorded_once_though_two_trainers_share_it(lab: Lab) -> None:
    fake_frameworks.lightning(lab)
    code = """
Trainer(loggers=[other, Other()]).fit()
Trainer(loggers=[other, Other()]).fit()
assert other.log_metrics({"lr": 0.5}, step=9) == "what it returns"
assert len(other.got) == 7
"""
    done = lab.run(LOGGER + code)
    ended_well(done)
    assert done.points() == [
        *((step, {"loss": 1 / (step + 1)}) for step in (0, 1, 2, 0, 1, 2)),
        (9, {"lr": 0.5}),
    ]


def test_beside_the_logger_of_the_script_the_hook_only_tells_progress(lab: Lab) -> None:
    fake_frameworks.lightning(lab)
    code = """
from opengraphs.integrations.lightning import OpenGraphsLogger
Trainer(loggers=[OpenGraphsLogger()]).fit()
"""
    done = lab.run(LOGGER + code)
    ended_well(done)
    assert [metrics for _, metrics in done.points("a0-r0")] == [{"loss": 1.0}, {"loss": 0.5}, {"loss": 1 / 3}]
    assert done.rows() == []
    assert done.events("progress")[-1]["progress"]["total"] == 4


def test_a_lightning_of_another_shape_trains_as_ever(lab: Lab) -> None:
    fake_frameworks.lightning(lab)
    code = "from lightning.pytorch.trainer import Trainer\nTrainer(connector=object()).callbacks[0]\n"
    code += "t = Trainer(connector=object())\nt.log = lambda *_: None\nt.fit()\nprint('trained')"
    done = lab.run(code)
    ended_well(done, log="lightning: lightning_watch.py")
    assert done.stdout == "trained\n"


def test_a_watched_trainer_can_be_pickled_and_copied(lab: Lab) -> None:
    fake_frameworks.lightning(lab)
    code = """
import copy, pickle
from lightning.pytorch.trainer import Trainer
trainer = Trainer()
fresh = pickle.loads(pickle.dumps(trainer))
trainer.fit()
copy.deepcopy(trainer).save_checkpoint("copy.ckpt")
pickle.loads(pickle.dumps(trainer)).save_checkpoint("pickled.ckpt")
"""
    done = lab.run(code)
    ended_well(done)
    assert (lab.work / "pickled.ckpt").exists()


@pytest.mark.parametrize("off", ["1", "lightning", "keras, lightning"])
def test_the_entry_point_gives_nothing_when_hooks_are_off(lab: Lab, off: str) -> None:
    fake_frameworks.lightning(lab)
    code = "from lightning.pytorch.trainer import Trainer\nassert Trainer().callbacks == []"
    ended_well(lab.run(code, env={"OG_NO_HOOKS": off}))
    ended_well(lab.run(code, env={"OG_RUN_DIR": ""}))


# -- Keras ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_fit_is_recorded_by_epoch_and_saves_are_noticed(lab: Lab, package: str) -> None:
    (fake_frameworks.keras if package == "keras" else fake_frameworks.tf_keras)(lab)
    code = f"""
import {package} as keras

class Checkpoints(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        self.model.save(filepath="epoch-%d.keras" % epoch)

model = keras.Model()
model.fit([Checkpoints()])
model.save_weights("last.weights.h5")
keras.Model().save("another.keras")
"""
    done = lab.run(code)
    ended_well(done)
    assert done.points() == [(0, {"loss": 1.0}), (1, {"loss": 0.5})]
    assert {row["source"] for row in done.rows()} == {"keras"}
    assert done.config() == {"epochs": 2, "loss": "mse"}
    assert done.events("progress")[-1]["progress"] == {"step": 2, "total": 2, "unit": "epoch"}
    found = [
        (one["path"].rpartition("/")[2], one["step"], one["metrics"]) for one in done.events("checkpoint")
    ]
    assert found == [
        ("epoch-0.keras", 0, {"loss": 1.0}),
        ("epoch-1.keras", 1, {"loss": 0.5}),
        ("last.weights.h5", 1, {"loss": 0.5}),
    ]


def test_a_model_that_the_script_drops_is_gone(lab: Lab) -> None:
    fake_frameworks.keras(lab)
    code = """
import gc, weakref, keras
model = keras.Model()
model.fit()
seen = weakref.ref(model)
del model
gc.collect()
assert seen() is None
"""
    ended_well(lab.run(code))


def test_the_keras_callback_of_the_script_is_the_only_one(lab: Lab) -> None:
    fake_frameworks.keras(lab)
    code = """
import keras
from opengraphs.integrations.keras import OpenGraphsCallback
called = keras.Model().fit([OpenGraphsCallback()])
assert len(called.callbacks) == 1
"""
    done = lab.run(code)
    ended_well(done)
    assert done.writers() == ["a0-r0"]


# -- accelerate -------------------------------------------------------------------------------------

ACCELERATOR = "from accelerate.accelerator import Accelerator\n"
LOGS = "a.init_trackers('p', {'lr': 1})\na.log({'loss': 0.5})\na.log({'loss': 0.25, 'x': 'y'}, step=7)\na.save_state('s')\n"


def test_accelerate_is_recorded_without_any_tracker(lab: Lab) -> None:
    fake_frameworks.accelerate(lab)
    done = lab.run(ACCELERATOR + "a = Accelerator()\n" + LOGS)
    ended_well(done)
    assert done.points() == [(0, {"loss": 0.5}), (7, {"loss": 0.25})]
    assert {row["source"] for row in done.rows()} == {"accelerate"}
    assert done.config() == {"lr": 1}
    (checkpoint,) = done.events("checkpoint")
    assert (checkpoint["step"], checkpoint["metrics"]) == (7, {"loss": 0.25})


def test_accelerate_has_our_tracker_by_name_and_then_it_alone_records(lab: Lab) -> None:
    fake_frameworks.accelerate(lab)
    done = lab.run(ACCELERATOR + "a = Accelerator(['opengraphs'])\n" + LOGS)
    ended_well(done)
    assert done.points("a0-r0") == [(0, {"loss": 0.5}), (7, {"loss": 0.25})]
    assert done.rows() == []
    assert len(done.events("checkpoint")) == 1


def test_other_processes_of_accelerate_record_nothing(lab: Lab) -> None:
    fake_frameworks.accelerate(lab)
    done = lab.run(ACCELERATOR + "a = Accelerator(is_main=False)\n" + LOGS)
    ended_well(done)
    assert done.writers() == []
