"""The training of `og demo`: a small network learns handwritten digits, and logs to og."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

import opengraphs as og
from opengraphs.demo import digits

EVALUATE_EVERY = 20
KEEP_EVERY = 100
SAMPLES = 6


def main(argv: list[str] | None = None) -> int:
    """Train as the command line says; 0, or 6 when scikit-learn is missing."""
    options = digits.options(__doc__ or "", argv)
    with og.init(project="demo", config=vars(options), progress_total=options.steps) as run:
        train(run, options)
    return 0


def train(run: og.Run, options: Namespace) -> None:
    """The loop: one batch, its figures, and now and then a test, a checkpoint and some samples."""
    trainer = digits.Trainer(seed=options.seed, batch_size=options.batch_size)
    clock = digits.Clock()
    for step in digits.paced(options.steps, per_second=options.steps_per_s):
        rate = digits.learning_rate(step, steps=options.steps, peak=options.lr)
        batch = trainer.step(rate)
        metrics = {
            "train/loss": batch.loss,
            "train/acc": batch.accuracy,
            "lr": rate,
            "grad_norm": batch.grad_norm,
            "samples_per_s": clock.per_second(options.batch_size),
        }
        is_last = step == options.steps - 1
        if step % EVALUATE_EVERY == 0 or is_last:
            metrics["eval/loss"], metrics["eval/acc"] = trainer.evaluate()
            print(f"step {step:5d}  loss {batch.loss:.4f}  eval/acc {metrics['eval/acc']:.4f}  lr {rate:.5f}")
        run.log(metrics, step=step)
        if (step and step % KEEP_EVERY == 0) or is_last:
            _keep(run, trainer, step)


def _keep(run: og.Run, trainer: digits.Trainer, step: int) -> None:
    """A checkpoint inside the run's folder, and what the network makes of a few test images."""
    if run.dir is None:
        return
    path = Path(run.dir) / "checkpoints" / f"step-{step:06d}.npz"
    path.parent.mkdir(exist_ok=True)
    trainer.save(str(path))
    run.checkpoint(path, step=step)
    for guess in trainer.guesses(SAMPLES):
        run.sample(
            {**guess._asdict(), "score": float(guess.expected == guess.predicted)}, name="digits", step=step
        )


if __name__ == "__main__":
    sys.exit(main())
