"""How long a run will take, read off what it prints."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from opengraphs.engine import logtotal
from opengraphs.engine.logtotal import LogTotal, printed, total_of

TQDM = "  {percent}%|█████▎    | {done}/{total} [00:53<00:46, 10.01it/s]"
TUTORIAL = "Epoch [{epoch}/10], Step [{step}/600], Loss: 0.5124"


def bar(done: int, total: int) -> str:
    return TQDM.format(percent=done * 100 // total, done=done, total=total)


@pytest.mark.parametrize(
    ("text", "last_step", "total"),
    [
        (f"\r{bar(1, 1000)}\r{bar(534, 1000)}", 530, 1000),
        (bar(534, 1000), None, 1000),
        ("step 12/1000 loss 0.31 tokens/s 5000", 12, 1000),
        ("Step [12/1000] loss 0.31", 12, 1000),
        ("iter 1,200 of 50,000: loss 3.1", 1200, 50_000),
        ("global_step=12/1000", 12, 1000),
        ("\x1b[32mstep 12/1000\x1b[0m", 12, 1000),
        (TUTORIAL.format(epoch=1, step=100), 100, 6000),
        (TUTORIAL.format(epoch=3, step=100), 1300, 6000),
        (TUTORIAL.format(epoch=2, step=100), 1300, 6000),  # epochs that count from 0
        (f"Epoch 3/10\n{bar(90, 600)}", 1288, 6000),
        ("Epoch 3/10\n 90/600 ━━━━━╸━━━━ 12s 20ms/step - loss: 0.3", 1290, 6000),
        ("Epoch 3/10\nEpoch 4/10", 3, 10),  # one point an epoch
        ("Epoch 3/10", 40_000, None),
        ("***** Running training *****\n  Total optimization steps = 12,500\n{'loss': 2.1}", 40, 12_500),
        ("max_steps: 5000", None, 5000),
        (f"Evaluating:  10%|█| 5/50 [00:01<00:09]\n{bar(400, 1000)}", 400, 1000),
        ("Evaluating:  10%|█| 5/50 [00:01<00:09, 5it/s]", 5, None),
        ("eval step 5/50", 5, None),
        ("Downloading:  10%|█| 5/50 [00:01<00:09, 5it/s]", 5, None),
        (bar(12, 600), 5000, None),  # a bar over something else
        (bar(12, 10_000), 8000, None),  # further off than buffering explains
        ("saved 3/4 checkpoints", 3, None),
        ("2026/11/26 10:00:00 loss 0.5", 12, None),
        ("step 1001/1000", 1001, None),
        ("", 12, None),
    ],
)
def test_total_is_believed_where_it_agrees_with_the_steps(
    text: str, last_step: int | None, total: int | None
) -> None:
    assert total_of(printed("", text), last_step) == total


def test_newest_bar_of_a_total_counts() -> None:
    text = "\r".join(bar(done, 1000) for done in range(1, 600, 7))
    assert printed("", text).steps == [(596, 1000)]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (bar(534, 1000), (534, 1000, 10.01)),
        (f"Epoch 3/10\n{bar(90, 600)}", (1290, 6000, 10.01)),
        ("Epoch 2/3\n 5/10 ━━━━━╸━━━━ 12s 20ms/step", (15, 30, 50.0)),
        (f"{bar(1, 10)}\n{bar(3, 20)}", None),
        ("Evaluating:  10%|█| 5/50 [00:01<00:09, 5it/s]", None),
        ("", None),
    ],
)
def test_place_by_bars_alone(text: str, place: tuple[int, int, float] | None) -> None:
    assert logtotal.place_of(printed("", text)) == place


def test_no_text_takes_long() -> None:
    hostile = "epoch " * 3000 + "1" * 5000 + "/" * 3000 + "\nstep 1" * 3000
    assert printed(hostile, hostile).declared == []  # a backtracking pattern would take hours


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(logtotal.time, "monotonic", lambda: now[0])
    return now


def test_log_is_read_again_while_it_grows_and_not_at_every_question(
    tmp_path: Path, clock: list[float]
) -> None:
    log = tmp_path / "stdout.log"
    found = LogTotal(log)
    assert found.total(5) is None
    log.write_text("x" * 100_000 + "\n" + bar(6, 600))
    assert found.total(5) == 600
    log.write_text("y" * 200_000 + "\n" + bar(700, 6000))
    assert found.total(650) is None  # longer than 600, and not looked at again yet
    clock[0] += 2.5
    assert found.total(650) == 6000
    clock[0] += 2.5
    log.write_text("z" * 300_000)
    assert found.total(900) == 6000  # what was found stays while it can be true
    assert found.total(6001) is None


def test_log_that_is_no_plain_file_tells_nothing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "stdout.log")  # opening it for reading would wait for a writer
    assert LogTotal(tmp_path / "stdout.log").total(5) is None


def test_log_that_began_anew_is_another_log(tmp_path: Path, clock: list[float]) -> None:
    log = tmp_path / "stdout.log"
    log.write_text("x" * 1000 + bar(6, 600))
    found = LogTotal(log)
    assert found.total(5) == 600
    log.write_text(bar(6, 300))
    clock[0] += 2.5
    assert found.total(5) == 300
