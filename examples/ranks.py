"""Data-parallel training with two processes and no GPU, every rank logging to the same run.

    og run python examples/ranks.py
    og run python examples/ranks.py --steps 300 --steps-per-s 0

What torchrun does is done here by hand: every process gets RANK, WORLD_SIZE and the
MASTER_ variables, trains on its own half of the images, and averages its gradients with
the others', here through pipes instead of NCCL. og reads the rank from the environment.
"""

import argparse
import multiprocessing
import os
from multiprocessing.connection import Connection

import numpy as np

import opengraphs as og
from opengraphs.demo import digits

WORLD_SIZE = 2


def all_reduce(values: list[np.ndarray], rank: int, peers: list[Connection]) -> list[np.ndarray]:
    """The mean over all ranks: the others send theirs to rank 0, which sends the mean back."""
    if rank > 0:
        peers[0].send(values)
        return peers[0].recv()
    gathered = [values, *(peer.recv() for peer in peers)]
    mean = [np.mean(parts, axis=0) for parts in zip(*gathered, strict=True)]
    for peer in peers:
        peer.send(mean)
    return mean


def train(rank: int, peers: list[Connection], options: argparse.Namespace) -> None:
    """One rank. Equal seeds give equal weights, and equal mean gradients keep them so."""
    os.environ.update(
        RANK=str(rank),
        LOCAL_RANK=str(rank),
        WORLD_SIZE=str(WORLD_SIZE),
        MASTER_ADDR="127.0.0.1",
        MASTER_PORT="29500",
    )
    trainer = digits.Trainer(
        seed=options.seed, batch_size=options.batch_size, share=slice(rank, None, WORLD_SIZE)
    )
    clock = digits.Clock()
    og.init(config=options, progress_total=options.steps)

    for step in digits.paced(options.steps, per_second=options.steps_per_s):
        lr = digits.learning_rate(step, steps=options.steps, peak=options.lr)
        gradients, batch = trainer.gradients()
        trainer.apply(all_reduce(gradients, rank, peers), lr)
        og.log(
            {
                "train/loss": batch.loss,
                "train/acc": batch.accuracy,
                "grad_norm": batch.grad_norm,
                "samples_per_s": clock.per_second(options.batch_size),
            },
            step=step,
        )
        if step % 20 == 0 and rank == 0:
            loss, accuracy = trainer.evaluate()
            og.log({"eval/loss": loss, "eval/acc": accuracy, "lr": lr}, step=step)
            print(f"step {step:5d}/{options.steps}  loss {batch.loss:.4f}  eval/acc {accuracy:.4f}")

    og.finish()


def main() -> None:
    options = digits.options("Train on handwritten digits with two processes.")
    context = multiprocessing.get_context("spawn")
    pipes = [context.Pipe() for _ in range(WORLD_SIZE - 1)]
    ends = [[first for first, _ in pipes], *([second] for _, second in pipes)]
    processes = [
        context.Process(target=train, args=(rank, ends[rank], options)) for rank in range(WORLD_SIZE)
    ]
    for process in processes:
        process.start()
    for first, second in pipes:  # so that a rank whose peer died sees it, instead of waiting for it
        first.close()
        second.close()
    for process in processes:
        process.join()
    raise SystemExit(max(abs(process.exitcode or 0) for process in processes))


if __name__ == "__main__":
    main()
