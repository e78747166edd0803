"""The training of the pictures: digits again, with all that og has a screen for.

Samples to read, checkpoints, a warning in the log, and, with `FAULT_AT=STEP`, half of the labels wrong from there on.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import opengraphs as og
from opengraphs.demo import digits

EVALUATE_EVERY = 20
KEEP_EVERY = 200
SAMPLES = 8
STEEP = 2.5
"""A gradient norm that is worth a line, once the warm-up is over."""
FAULT_AT = int(os.environ.get("FAULT_AT", "0"))


def main() -> None:
    options = digits.options("Train on the digits for pictures of og's screens.")
    trainer = digits.Trainer(seed=options.seed, batch_size=options.batch_size)
    clock = digits.Clock()
    with og.init(config=vars(options), progress_total=options.steps) as run:
        is_warned = False
        print(
            f"{len(trainer.digits.train_images)} images to train on, {len(trainer.digits.test_images)} to test"
        )
        for step in digits.paced(options.steps, per_second=options.steps_per_s):
            if FAULT_AT and step == FAULT_AT:
                trainer.digits.train_labels[::2] = (trainer.digits.train_labels[::2] + 3) % 10
            lr = digits.learning_rate(step, steps=options.steps, peak=options.lr)
            batch = trainer.step(lr)
            figures = {"train/loss": batch.loss, "train/acc": batch.accuracy, "lr": lr}
            figures |= {"grad_norm": batch.grad_norm, "samples_per_s": clock.per_second(options.batch_size)}
            if step % EVALUATE_EVERY == 0:
                figures["eval/loss"], figures["eval/acc"] = trainer.evaluate()
                print(
                    f"step {step:5d}/{options.steps}  loss {batch.loss:.4f}  eval/acc {figures['eval/acc']:.4f}"
                )
            run.log(figures, step=step)
            if batch.grad_norm > STEEP and step > options.steps // 10 and not is_warned:
                is_warned = True
                print(f"warning: gradient norm {batch.grad_norm:.1f} at step {step}", file=sys.stderr)
            if step and step % KEEP_EVERY == 0:
                keep(run, trainer, step)
        keep(run, trainer, options.steps - 1)


def keep(run: og.Run, trainer: digits.Trainer, step: int) -> None:
    """A checkpoint, and what the network reads in some test images."""
    path = Path(run.dir or ".") / "checkpoints" / f"step-{step:06d}.npz"
    path.parent.mkdir(exist_ok=True)
    trainer.save(str(path))
    run.checkpoint(path, step=step)
    for guess in trainer.guesses(SAMPLES):
        is_right = guess.predicted == guess.expected
        run.sample(
            prompt=f"Which digit is this?\n\n{guess.image}",
            completion=str(guess.predicted),
            expected=str(guess.expected),
            score=guess.confidence if is_right else 1.0 - guess.confidence,
            step=step,
        )


if __name__ == "__main__":
    main()
