"""Keras 3: `model.fit(..., callbacks=[OpenGraphsCallback(), ...])`.

Put it before `ModelCheckpoint`, so that a checkpoint is registered with the metrics of its epoch.
"""

from __future__ import annotations

import keras

from .keras_watch import BatchWatch, notice_saves


class OpenGraphsCallback(BatchWatch, keras.callbacks.Callback):
    """Records what Keras reports of each epoch (`loss`, `val_loss`, …) at the epoch's number from 0.

    The settings of the fit and the optimizer are the run's config, epochs are the progress
    total, and whatever the model saves is registered as a checkpoint.
    """


notice_saves(keras.Model)
