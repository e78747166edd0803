"""Trainings with Keras, compared with the history that `fit` returns."""

from __future__ import annotations

from frameworks_kit import dumped, hook_trouble, plain_python, saved, sources
from og_user import OgUser
from real_kit import Ran, need, og_run

TINY = """
import json, keras, numpy as np
keras.utils.set_random_seed(0)
x, y = np.random.rand(16, 4), np.random.rand(16, 1)
model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(1)])
model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse", metrics=["mae"])

def fit(**more):
    history = model.fit(x, y, batch_size=4, epochs=3, validation_split=0.25, verbose=0, **more)
    json.dump(history.history, open("history.json", "w"))
"""


def check_history(user: OgUser, ran: Ran) -> None:
    history: dict[str, list[float]] = dumped(user, "history.json")
    expected = {key: list(enumerate(values)) for key, values in history.items()}
    assert {"loss", "mae", "val_loss", "val_mae"} == set(expected)
    assert {key: ran.curves.get(key) for key in expected} == expected


def test_the_history_of_a_fit_is_captured_exactly_with_its_checkpoints(user: OgUser) -> None:
    need("keras", "torch")
    script = """
fit(callbacks=[keras.callbacks.ModelCheckpoint("best-{epoch}.keras", monitor="loss", save_best_only=True)])
model.evaluate(x, y, verbose=0)
model.predict(x, verbose=0)
model.save_weights("last.weights.h5")
"""
    ran = og_run(user, TINY + script)
    assert ran.done.returncode == 0, ran.done.stderr
    assert hook_trouble(ran) == ""
    check_history(user, ran)
    assert set(ran.curves) == {"loss", "mae", "val_loss", "val_mae"}
    assert sources(ran) == {"keras"}
    assert ran.facts["config"]["epochs"] == 3
    assert ran.facts["config"]["optimizer"]["name"] == "sgd"
    assert ran.facts["progress"]["total"] == 3
    assert ran.facts["progress"]["unit"] == "epoch"
    assert saved(ran)[0] == ("best-1.keras", 0)
    assert saved(ran)[-1] == ("last.weights.h5", 2)
    assert ran.facts["checkpoints"][0]["metrics"]["loss"] == ran.curves["loss"][0][1]
    assert ran.facts["checkpoints"][0]["complete"]


def test_the_callback_that_a_script_names_records_batches_too(user: OgUser) -> None:
    need("keras", "torch")
    script = """
from opengraphs.integrations.keras import OpenGraphsCallback
seen = []

class Seen(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        seen.append(logs["loss"])

fit(callbacks=[OpenGraphsCallback(project="tiny", log_every=2), Seen()])
model.save("last.keras")
json.dump(seen, open("seen.json", "w"))
"""
    for ran in (og_run(user, TINY + script), plain_python(user, TINY + script)):
        assert ran.done.returncode == 0, ran.done.stderr
        check_history(user, ran)
        assert sources(ran) == {"sdk"}
        seen = dumped(user, "seen.json")
        assert ran.curves["batch/loss"] == [(number, seen[number - 1]) for number in (2, 4, 6, 8)]
        assert saved(ran) == [("last.keras", 2)]
