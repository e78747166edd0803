"""Training frameworks of a few lines each, with the shapes that og's callbacks rely on."""

from __future__ import annotations

from hook_kit import Lab

TRAINER_CALLBACK = """
    class TrainerCallback:
        def on_init_end(self, args, state, control, **kwargs): pass
        def on_train_begin(self, args, state, control, **kwargs): pass
        def on_epoch_begin(self, args, state, control, **kwargs): pass
        def on_step_end(self, args, state, control, **kwargs): pass
        def on_log(self, args, state, control, **kwargs): pass
        def on_save(self, args, state, control, **kwargs): pass
        def on_predict(self, args, state, control, metrics, **kwargs): pass
"""
TRAINER = """
    import os
    from types import SimpleNamespace
    from transformers.integrations.integration_utils import INTEGRATION_TO_CALLBACK

    DEFAULT_CALLBACKS = []

    class Arguments:
        def __init__(self, report_to=(), broken=False):
            self.report_to, self.broken, self.output_dir = report_to, broken, "out"

        def to_dict(self):
            if self.broken:
                raise RuntimeError("cannot be told")
            return {"learning_rate": 0.5, "output_dir": self.output_dir}

    class Trainer:
        def __init__(self, args=None, callbacks=(), model=None, is_first=True):
            self.args, self.model = args or Arguments(), model or SimpleNamespace(config={"width": 8})
            self.state = SimpleNamespace(is_world_process_zero=is_first, global_step=0, max_steps=4)
            self.control = SimpleNamespace()
            reported = [INTEGRATION_TO_CALLBACK[name] for name in self.args.report_to]
            given = [*DEFAULT_CALLBACKS, *reported, *callbacks]
            self.callbacks = [one() if isinstance(one, type) else one for one in given]
            self.call("on_init_end")

        def call(self, name, **kwargs):
            for one in self.callbacks:
                assert getattr(one, name)(self.args, self.state, self.control, model=self.model, **kwargs) is None

        def train(self):
            self.call("on_train_begin")
            self.call("on_epoch_begin")
            for step in (1, 2, 3, 4):
                self.state.global_step = step
                self.call("on_step_end")
                self.call("on_log", logs={"loss": 1 / step, "eval_loss": 2 / step, "text": "no number"})
            os.makedirs("out/checkpoint-4", exist_ok=True)
            open("out/checkpoint-4/model.safetensors", "w").close()
            self.call("on_save")
            self.call("on_log", logs={"train_runtime": 1.5})
"""
LIGHTNING_LOGGER = """
    from abc import ABC, abstractmethod

    class Logger(ABC):
        @property
        @abstractmethod
        def name(self): ...
        @property
        @abstractmethod
        def version(self): ...
        @abstractmethod
        def log_metrics(self, metrics, step=None): ...
        @abstractmethod
        def log_hyperparams(self, params): ...
"""
LIGHTNING = """
    from importlib.metadata import entry_points
    from types import SimpleNamespace

    class Connector:
        def log_metrics(self, metrics, step=None):
            pass

    class Module:
        _log_hyperparams = True
        hparams_initial = {"lr": 0.1, "_class_path": "x"}

    class Trainer:
        GROUP = "PACKAGE.callbacks_factory"

        def __init__(self, loggers=(), callbacks=(), is_first=True, connector=None):
            self.loggers, self.is_global_zero, self.datamodule = list(loggers), is_first, None
            groups = entry_points()
            found = groups.select(group=self.GROUP) if hasattr(groups, "select") else groups.get(self.GROUP, ())
            self.callbacks = [*callbacks]
            for entry in found:
                self.callbacks.extend(entry.load()())
            self._logger_connector = connector or Connector()
            self.fit_loop = SimpleNamespace(epoch_loop=SimpleNamespace(_batches_that_stepped=0))
            self.max_steps, self.max_epochs, self.num_training_batches = -1, 2, 3
            self.accumulate_grad_batches, self.current_epoch, self.global_step = 2, 0, 0

        def save_checkpoint(self, filepath, weights_only=False):
            open(filepath, "w").write("saved")

        def log(self, metrics, step=None):
            if not self.loggers:
                return self._logger_connector.log_metrics(metrics, step)
            for logger in self.loggers:
                logger.log_metrics(metrics=metrics, step=step)

        def fit(self):
            for one in self.callbacks:
                one.setup(self, Module(), stage="fit")
            for one in self.callbacks:
                one.on_train_start(self, Module())
            for step in range(3):
                self.fit_loop.epoch_loop._batches_that_stepped = self.global_step = step
                self.log({"loss": 1 / (step + 1)})
                for one in self.callbacks:
                    one.on_train_batch_end(self, Module(), None, None, step)
            self.save_checkpoint("last.ckpt")
"""
LIGHTNING_CALLBACK = """
    class Callback:
        def setup(self, trainer, pl_module, stage): pass
        def on_train_start(self, trainer, pl_module): pass
        def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx): pass
"""
KERAS_CALLBACKS = """
    class Callback:
        params = None

        def set_params(self, params):
            self.params = params

        def set_model(self, model):
            self._model = model

        @property
        def model(self):
            return self._model

        def on_train_begin(self, logs=None): pass
        def on_epoch_begin(self, epoch, logs=None): pass
        def on_epoch_end(self, epoch, logs=None): pass

    class CallbackList(Callback):
        def __init__(self, callbacks=None, add_history=False, model=None, **params):
            self.callbacks = list(callbacks or ())
            self.set_model(model)
            self.set_params(params)
            for one in self.callbacks:
                one.set_model(model)
                one.set_params(params)

        def call(self, name, *args):
            for one in self.callbacks:
                getattr(one, name)(*args)
"""
KERAS = """
    class Model:
        optimizer = None
        loss = "mse"
        built = False

        def save(self, filepath):
            open(filepath, "w").write("saved")

        def save_weights(self, filepath, overwrite=True):
            open(filepath, "w").write("saved")

        def fit(self, callbacks=(), epochs=2):
            from PACKAGE.src.callbacksLIST import CallbackList
            called = CallbackList(callbacks, model=self, epochs=epochs)
            called.call("on_train_begin")
            for epoch in range(epochs):
                called.call("on_epoch_begin", epoch)
                called.call("on_epoch_end", epoch, {"loss": 1 / (epoch + 1)})
            return called
"""
ACCELERATE_TRACKING = """
    LOGGER_TYPE_TO_CLASS = {}

    def on_main_process(function):
        return function

    def register_tracker_class(cls):
        LOGGER_TYPE_TO_CLASS[cls.name] = cls

    class GeneralTracker:
        main_process_only = True

        def __init__(self, _blank=False):
            if not _blank and not (hasattr(self, "name") and hasattr(self, "requires_logging_directory")):
                raise NotImplementedError("incomplete")
"""
ACCELERATOR = """
    from accelerate.tracking import LOGGER_TYPE_TO_CLASS

    class Accelerator:
        def __init__(self, log_with=(), is_main=True):
            self.log_with, self.trackers, self.is_main_process = log_with, [], is_main

        def init_trackers(self, project_name, config=None, init_kwargs=None):
            for name in self.log_with:
                self.trackers.append(LOGGER_TYPE_TO_CLASS[name](project_name))
            for tracker in self.trackers:
                tracker.store_init_configuration(config)

        def log(self, values, step=None, log_kwargs=None):
            for tracker in self.trackers:
                tracker.log(values, step=step)

        def save_state(self, output_dir=None):
            open(output_dir, "w").write("saved")
            return output_dir
"""


def transformers(lab: Lab) -> None:
    lab.library("transformers.trainer_callback", TRAINER_CALLBACK)
    lab.library("transformers.integrations.integration_utils", "INTEGRATION_TO_CALLBACK = {}")
    lab.library("transformers.trainer", TRAINER)


def lightning(lab: Lab, package: str = "lightning.pytorch") -> None:
    lab.library(f"{package}.callbacks", LIGHTNING_CALLBACK)
    lab.library(f"{package}.loggers", LIGHTNING_LOGGER)
    rank_zero = "class rank_zero_only:\n        rank = 0"
    lab.library(f"{package}.utilities.rank_zero", f"\n    {rank_zero}\n")
    lab.library(f"{package}.trainer", LIGHTNING.replace("PACKAGE", package))


def keras(lab: Lab) -> None:
    lab.library("keras.src.callbacks.callback_list", KERAS_CALLBACKS)
    lab.library("keras.callbacks", "from keras.src.callbacks.callback_list import Callback, CallbackList")
    model = lab.library("keras.model", KERAS.replace("PACKAGE", "keras").replace("LIST", ".callback_list"))
    (model.parent / "__init__.py").write_text("from keras import callbacks\nfrom keras.model import Model\n")


def tf_keras(lab: Lab) -> None:
    lab.library("tf_keras.src.callbacks", KERAS_CALLBACKS)
    lab.library("tf_keras.callbacks", "from tf_keras.src.callbacks import Callback, CallbackList")
    model = lab.library("tf_keras.model", KERAS.replace("PACKAGE", "tf_keras").replace("LIST", ""))
    (model.parent / "__init__.py").write_text(
        "from tf_keras import callbacks\nfrom tf_keras.model import Model\n"
    )


def accelerate(lab: Lab) -> None:
    lab.library("accelerate.tracking", ACCELERATE_TRACKING)
    lab.library("accelerate.accelerator", ACCELERATOR)
