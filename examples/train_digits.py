"""Train a small network on handwritten digits and log it with og.

    pip install 'opengraphs[demo]'
    og run python examples/train_digits.py
    og run python examples/train_digits.py --lr 0.1 --seed 1

The network, its data and its gradients are in opengraphs/demo/digits.py, about 200
lines of numpy. What og adds is what this file shows.
"""

from pathlib import Path

import opengraphs as og
from opengraphs.demo import digits


def main() -> None:
    options = digits.options("Train a small network on handwritten digits.")
    trainer = digits.Trainer(seed=options.seed, batch_size=options.batch_size)
    clock = digits.Clock()

    run = og.init(config=options, progress_total=options.steps)

    for step in digits.paced(options.steps, per_second=options.steps_per_s):
        lr = digits.learning_rate(step, steps=options.steps, peak=options.lr)
        batch = trainer.step(lr)
        og.log(
            {
                "train/loss": batch.loss,
                "train/acc": batch.accuracy,
                "grad_norm": batch.grad_norm,
                "lr": lr,
                "samples_per_s": clock.per_second(options.batch_size),
            },
            step=step,
        )

        last = step == options.steps - 1
        if step % 20 == 0 or last:
            loss, accuracy = trainer.evaluate()
            og.log({"eval/loss": loss, "eval/acc": accuracy}, step=step)
            print(
                f"step {step:5d}/{options.steps}  loss {batch.loss:.4f}  eval/acc {accuracy:.4f}  lr {lr:.5f}"
            )

        if (step % 200 == 0 and step > 0) or last:
            path = Path(run.dir or ".") / "checkpoints" / f"step-{step:06d}.npz"
            path.parent.mkdir(exist_ok=True)
            trainer.save(str(path))
            og.checkpoint(path, step=step)
            for guess in trainer.guesses(6):
                og.sample(image=guess.image, expected=guess.expected, completion=guess.predicted, step=step)

    og.finish()


if __name__ == "__main__":
    main()
