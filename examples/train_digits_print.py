"""The same training without a word of og: it only prints its lines.

    og run python examples/train_digits_print.py

og reads the curves from the printed lines. (The network comes from opengraphs.demo for
brevity; this script would look the same with a network of your own.)
"""

from opengraphs.demo import digits


def main() -> None:
    options = digits.options("Train a small network on handwritten digits; print only.")
    trainer = digits.Trainer(seed=options.seed, batch_size=options.batch_size)

    for step in digits.paced(options.steps, per_second=options.steps_per_s):
        lr = digits.learning_rate(step, steps=options.steps, peak=options.lr)
        batch = trainer.step(lr)
        print(
            f"step {step}/{options.steps} train/loss: {batch.loss:.4f} train/acc: {batch.accuracy:.4f}"
            f" grad_norm: {batch.grad_norm:.4f} lr: {lr:.6f}"
        )
        if step % 20 == 0:
            loss, accuracy = trainer.evaluate()
            print(f"step {step}/{options.steps} eval/loss: {loss:.4f} eval/acc: {accuracy:.4f}")


if __name__ == "__main__":
    main()
