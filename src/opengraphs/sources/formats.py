"""The table of foreign formats, in the order in which a place is offered to them."""

from __future__ import annotations

from opengraphs.sources import (
    csvfile,
    jsonl,
    mlflow_files,
    mlflow_sqlite,
    tensorboard,
    textlog,
    trackio,
    trainer_state,
    wandb,
)
from opengraphs.sources.base import Format

FORMATS: tuple[Format, ...] = (
    wandb.FORMAT,
    tensorboard.FORMAT,
    trackio.FORMAT,
    mlflow_sqlite.FORMAT,
    mlflow_files.FORMAT,
    trainer_state.FORMAT,
    csvfile.FORMAT,
    jsonl.FORMAT,
    textlog.FORMAT,
    csvfile.ANY,
    jsonl.ANY,
    textlog.ANY,
)
