"""The demo's training: gradients are right, it learns, and it is the same every time."""

from __future__ import annotations

import numpy as np
import pytest

from opengraphs.demo import digits


def test_gradients_agree_with_finite_differences() -> None:
    rng = np.random.default_rng(0)
    network = digits.Network(5, rng)
    images, labels = rng.random((4, digits.PIXELS)), np.array([0, 3, 3, 9])
    gradients, _, _ = network.gradients(images, labels)
    for weight, gradient in zip(network.weights, gradients, strict=True):
        at = tuple(rng.integers(0, size) for size in weight.shape)
        weight[at] += 1e-6
        above = digits.score(network.forward(images)[1], labels)[0]
        weight[at] -= 2e-6
        below = digits.score(network.forward(images)[1], labels)[0]
        weight[at] += 1e-6
        assert gradient[at] == pytest.approx((above - below) / 2e-6, abs=1e-5)


def trained(steps: int, *, seed: int = 0) -> tuple[digits.Trainer, list[digits.Batch]]:
    trainer = digits.Trainer(seed=seed, batch_size=32)
    rates = [digits.learning_rate(step, steps=steps, peak=0.05) for step in range(steps)]
    return trainer, [trainer.step(rate) for rate in rates]


def test_it_learns() -> None:
    trainer, batches = trained(200)
    assert batches[0].loss > 2.0
    loss, accuracy = trainer.evaluate()
    assert loss < 0.7
    assert accuracy > 0.85


def test_same_seed_same_training() -> None:
    assert trained(5)[1] == trained(5)[1]
    assert trained(5)[1] != trained(5, seed=1)[1]


def test_shares_of_the_data_do_not_overlap_and_start_alike() -> None:
    first, second = (digits.Trainer(seed=0, batch_size=8, share=slice(rank, None, 2)) for rank in range(2))
    assert all((a == b).all() for a, b in zip(first.network.weights, second.network.weights, strict=True))
    assert len(first._images) + len(second._images) == len(first.digits.train_images)


def test_learning_rate_warms_up_and_decays() -> None:
    rates = [digits.learning_rate(step, steps=100, peak=1.0) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[9] == pytest.approx(1.0)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert 0.009 < rates[-1] < 0.02


def test_short_trainings_have_a_rate_too() -> None:
    assert digits.learning_rate(0, steps=1, peak=1.0) == 1.0


def test_image_drawn_as_text() -> None:
    lines = digits.drawn(digits.load().test_images[0]).splitlines()
    assert [len(line) for line in lines] == [8] * 8
    assert set("".join(lines)) <= set(" .:-=+*#%@")


def test_full_speed_does_not_wait() -> None:
    assert list(digits.paced(3, per_second=0)) == [0, 1, 2]
