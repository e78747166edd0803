"""The training of the pictures: digits again, with all that og has a screen for.

Postcodes to read, checkpoints, colours and warnings in the log, and, with `FAULT=KIND:STEP`, trouble from there on:
half of the labels wrong (`labels`), a learning rate that is far too high (`rate`), or a file that is not there (`file`).
"""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path

import opengraphs as og
from opengraphs.demo import digits

EVALUATE_EVERY = 20
KEEP_EVERY = 250
POSTCODES, LONG = 8, 5
STEEP = 2.5
"""A gradient norm that is worth a line, once the warm-up is over."""
POOR = 0.3
"""An accuracy that is worth an alert, once it was above 0.9."""

GREEN, YELLOW, GREY, PLAIN = "\x1b[32m", "\x1b[33m", "\x1b[90m", "\x1b[0m"


class Training:
    """One run of it."""

    def __init__(self, run: og.Run, steps: int, batch_size: int, seed: int) -> None:
        self._run, self._steps, self._batch_size = run, steps, batch_size
        self._trainer = digits.Trainer(seed=seed, batch_size=batch_size)
        self._clock = digits.Clock()
        self._best = 0.0
        self._told = set[str]()
        kind, _, at = os.environ.get("FAULT", "").partition(":")
        self._fault = (kind, int(at or -1))
        data = self._trainer.digits
        print(f"{len(data.train_images)} images to train on, {len(data.test_images)} to test")

    def step(self, step: int, lr: float) -> None:
        lr = self._troubled(step, lr)
        batch = self._trainer.step(lr)
        figures = {"train/loss": batch.loss, "train/acc": batch.accuracy, "train/grad_norm": batch.grad_norm}
        figures["lr"] = lr
        weights = self._trainer.network.weights
        figures["weight_norm"] = math.sqrt(sum(float((part**2).sum()) for part in weights))
        if step % EVALUATE_EVERY == 0:
            figures |= self._evaluated(step, batch.loss)
            rate = self._clock.per_second(self._batch_size * EVALUATE_EVERY)
            figures |= {"samples_per_s": rate} if step else {}
        self._run.log(figures, step=step)
        if batch.grad_norm > STEEP and step > self._steps // 10:
            self._warn(
                "steep", f"gradient norm {batch.grad_norm:.1f} at step {step}, {STEEP} is usual at most"
            )
        if step and step % KEEP_EVERY == 0:
            self.keep(step)

    def _troubled(self, step: int, lr: float) -> float:
        kind, at = self._fault
        if kind == "labels" and step == at:
            labels = self._trainer.digits.train_labels
            labels[::2] = (labels[::2] + 3) % digits.CLASSES
        if kind == "file" and step == at:
            Path("augmented.npz").read_bytes()
        return lr * 200 if kind == "rate" and step >= at else lr

    def _evaluated(self, step: int, loss: float) -> dict[str, float]:
        eval_loss, accuracy = self._trainer.evaluate()
        _, probabilities = self._trainer.network.forward(self._trainer.digits.test_images)
        mark = f"  {GREEN}best so far{PLAIN}" if accuracy > self._best else ""
        print(
            f"step {step:5d}/{self._steps}  loss {loss:.4f}  eval/loss {eval_loss:.4f}  acc {accuracy:.4f}{mark}"
        )
        if accuracy < POOR and self._best > 0.9 and "poor" not in self._told:
            self._told.add("poor")
            self._run.alert(
                "reads worse", f"{accuracy:.0%} of the test images, {self._best:.0%} before", "warn"
            )
        self._best = max(self._best, accuracy)
        confidence = float(probabilities.max(axis=1).mean())
        return {"eval/loss": eval_loss, "eval/acc": accuracy, "eval/confidence": confidence}

    def _warn(self, kind: str, words: str) -> None:
        if kind not in self._told:
            self._told.add(kind)
            print(f"{YELLOW}warning: {words}{PLAIN}", file=sys.stderr)

    def keep(self, step: int) -> None:
        """A checkpoint, and what the network reads in some rows of test images."""
        path = Path(self._run.dir or ".") / "checkpoints" / f"step-{step:06d}.npz"
        path.parent.mkdir(exist_ok=True)
        self._trainer.save(str(path))
        self._run.checkpoint(path, step=step)
        print(f"{GREY}kept {path.name}, {path.stat().st_size / 1000:.0f} kB{PLAIN}")
        guesses = self._trainer.guesses(POSTCODES * LONG)
        for number in range(POSTCODES):
            self._sample(number + 1, guesses[number * LONG :][:LONG], step)

    def _sample(self, number: int, row: list[digits.Guess], step: int) -> None:
        lines = zip(*(guess.image.splitlines() for guess in row), strict=True)
        unsure = min(row, key=lambda guess: guess.confidence)
        self._run.sample(
            prompt=f"Read postcode {number}.\n\n" + "\n".join("  ".join(line).rstrip() for line in lines),
            completion="".join(str(guess.predicted) for guess in row),
            expected="".join(str(guess.expected) for guess in row),
            score=math.prod(guess.confidence for guess in row),
            least_sure=f"digit {row.index(unsure) + 1}: {unsure.predicted}, {unsure.confidence:.0%}",
            step=step,
        )


def main() -> None:
    options = digits.options("Train on the digits for pictures of og's screens.")
    with og.init(config=vars(options), progress_total=options.steps) as run:
        training = Training(run, options.steps, options.batch_size, options.seed)
        for step in digits.paced(options.steps, per_second=options.steps_per_s):
            training.step(step, digits.learning_rate(step, steps=options.steps, peak=options.lr))
        training.keep(options.steps - 1)


if __name__ == "__main__":
    main()
