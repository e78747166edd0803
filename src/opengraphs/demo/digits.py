"""Handwritten digits: real images, a small network, and stochastic gradient descent by hand.

The data set is the one inside scikit-learn: 1797 images of 8×8 pixels, written by 43
people (UCI ML hand-written digits), so nothing is downloaded. Everything is numpy, so
that the whole training can be read here: forward pass, gradients, momentum, warm-up
and cosine decay.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

EXIT_MISSING = 6
"""Exit code when scikit-learn is not installed."""

try:
    import numpy as np
    from sklearn.datasets import load_digits
except ImportError:
    print("this training needs scikit-learn: pip install 'opengraphs[demo]'", file=sys.stderr)
    raise SystemExit(EXIT_MISSING) from None

Array = np.ndarray[Any, np.dtype[np.float64]]
Labels = np.ndarray[Any, np.dtype[np.int64]]

CLASSES = 10
PIXELS = 64
_MOMENTUM = 0.8


class Digits(NamedTuple):
    """Images as rows of 64 values in 0…1; labels 0…9. The test part is never trained on."""

    train_images: Array
    train_labels: Labels
    test_images: Array
    test_labels: Labels


class Batch(NamedTuple):
    """What one step of training gave. `grad_norm` is taken before the step."""

    loss: float
    accuracy: float
    grad_norm: float


class Guess(NamedTuple):
    """One test image and what the network makes of it; `confidence` in 0…1."""

    image: str
    expected: int
    predicted: int
    confidence: float


def load(*, test_images: int = 360) -> Digits:
    """The data set, shuffled the same way every time, the last `test_images` kept for testing."""
    raw = load_digits()
    order = np.random.default_rng(7).permutation(len(raw.data))
    images: Array = raw.data[order] / 16.0
    labels: Labels = raw.target[order].astype(np.int64)
    return Digits(images[:-test_images], labels[:-test_images], images[-test_images:], labels[-test_images:])


class Network:
    """64 pixels → `hidden` rectified units → 10 classes, softmax and cross-entropy."""

    def __init__(self, hidden: int, rng: np.random.Generator) -> None:
        self.weights: list[Array] = [
            rng.normal(0.0, math.sqrt(2.0 / PIXELS), (PIXELS, hidden)),
            np.zeros(hidden),
            rng.normal(0.0, math.sqrt(1.0 / hidden), (hidden, CLASSES)),
            np.zeros(CLASSES),
        ]

    def forward(self, images: Array) -> tuple[Array, Array]:
        """(hidden activations (n, hidden), class probabilities (n, 10)) of images (n, 64)."""
        first, first_bias, second, second_bias = self.weights
        hidden = np.maximum(images @ first + first_bias, 0.0)
        scores = hidden @ second + second_bias
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        return hidden, scores / scores.sum(axis=1, keepdims=True)

    def gradients(self, images: Array, labels: Labels) -> tuple[list[Array], float, float]:
        """(gradient of each weight, mean loss, accuracy) of one batch."""
        hidden, probabilities = self.forward(images)
        loss, accuracy = score(probabilities, labels)
        error = probabilities.copy()
        error[np.arange(len(labels)), labels] -= 1.0
        error /= len(labels)
        back = (error @ self.weights[2].T) * (hidden > 0.0)
        return [images.T @ back, back.sum(axis=0), hidden.T @ error, error.sum(axis=0)], loss, accuracy


def score(probabilities: Array, labels: Labels) -> tuple[float, float]:
    """(mean cross-entropy, share of right answers)."""
    chosen = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(chosen + 1e-12).mean()), float((probabilities.argmax(axis=1) == labels).mean())


def learning_rate(step: int, *, steps: int, peak: float, warmup: float = 0.1) -> float:
    """Linear warm-up over the first tenth of the steps, then a half cosine down to a hundredth of the peak."""
    warmup_steps = max(1, round(steps * warmup))
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    done = (step - warmup_steps) / max(1, steps - warmup_steps)
    return peak * (0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * min(1.0, done))))


class Trainer:
    """A network, its data and its optimiser. One process may see only its `share` of the data."""

    def __init__(
        self, *, seed: int, batch_size: int, hidden: int = 48, noise: float = 0.3, share: slice = slice(None)
    ) -> None:
        """Prepare.

        Args:
            noise: what is added to every pixel in training, so that no image is seen twice.
            share: the part of the training images that this process uses.
        """
        self.digits = load()
        self.network = Network(hidden, np.random.default_rng(seed))
        self._images = self.digits.train_images[share]
        self._labels = self.digits.train_labels[share]
        self._velocity: list[Array] = [np.zeros_like(weight) for weight in self.network.weights]
        self._noise = noise
        self._rng = np.random.default_rng([seed, share.start or 0])
        self._batches = self._shuffled(batch_size)

    def _shuffled(self, batch_size: int) -> Iterator[Labels]:
        while True:
            order = self._rng.permutation(len(self._images))
            yield from np.array_split(order, math.ceil(len(order) / batch_size))

    def gradients(self) -> tuple[list[Array], Batch]:
        """The gradients on the next batch, and what they say."""
        chosen = next(self._batches)
        images = self._images[chosen] + self._rng.normal(0.0, self._noise, (len(chosen), PIXELS))
        gradients, loss, accuracy = self.network.gradients(images, self._labels[chosen])
        return gradients, Batch(loss, accuracy, math.sqrt(sum(float((part**2).sum()) for part in gradients)))

    def apply(self, gradients: list[Array], rate: float) -> None:
        """One step of gradient descent with momentum."""
        for weight, velocity, gradient in zip(self.network.weights, self._velocity, gradients, strict=True):
            velocity[...] = _MOMENTUM * velocity - rate * gradient
            np.add(weight, velocity, out=weight)

    def step(self, rate: float) -> Batch:
        """Train on the next batch."""
        gradients, batch = self.gradients()
        self.apply(gradients, rate)
        return batch

    def evaluate(self) -> tuple[float, float]:
        """(loss, accuracy) on the images that are never trained on."""
        _, probabilities = self.network.forward(self.digits.test_images)
        return score(probabilities, self.digits.test_labels)

    def guesses(self, count: int) -> list[Guess]:
        """The network's answers for the first test images, the images drawn as text."""
        images, labels = self.digits.test_images[:count], self.digits.test_labels[:count]
        _, probabilities = self.network.forward(images)
        return [
            Guess(drawn(image), int(label), int(row.argmax()), float(row.max()))
            for image, label, row in zip(images, labels, probabilities, strict=True)
        ]

    def save(self, path: str) -> None:
        """The weights as an `.npz` file."""
        first, first_bias, second, second_bias = self.network.weights
        np.savez(path, first=first, first_bias=first_bias, second=second, second_bias=second_bias)


def drawn(image: Array) -> str:
    """An image as eight lines of text, darker characters for darker ink."""
    shades = " .:-=+*#%@"
    rows = image.reshape(8, 8)
    return "\n".join("".join(shades[min(9, int(value * 10))] for value in row) for row in rows)


def paced(steps: int, *, per_second: float) -> Iterator[int]:
    """Step numbers 0…`steps`-1, at most so many a second, so that a quick training can be watched; 0 is unbounded."""
    start = time.monotonic()
    for step in range(steps):
        if per_second > 0:
            time.sleep(max(0.0, start + step / per_second - time.monotonic()))
        yield step


class Clock:
    """Throughput as a training reports it."""

    def __init__(self) -> None:
        self._time = time.perf_counter()

    def per_second(self, amount: int) -> float:
        """`amount` divided by the time since the previous call."""
        before, self._time = self._time, time.perf_counter()
        return amount / max(1e-9, self._time - before)


def options(description: str, argv: list[str] | None = None) -> argparse.Namespace:
    """The command line that all the digit trainings share."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--steps", type=int, default=1000, help="mini-batches to train on (%(default)s)")
    parser.add_argument("--steps-per-s", type=float, default=16.0, help="pace; 0 is full speed (%(default)s)")
    parser.add_argument("--lr", type=float, default=0.03, help="peak learning rate (%(default)s)")
    parser.add_argument("--batch-size", type=int, default=32, help="images a step (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of weights and batches (%(default)s)")
    return parser.parse_args(argv)
