"""How fast printed lines are read as metrics, beside `json.loads` of a line of the same numbers.

    python -m bench.grammar [--quick]

One core, the median of five rounds; a line without metrics is what most of a log is.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable

from bench.log import print_table
from opengraphs.grammar.parser import LineParser

METRICS_BUDGET_US, TEXT_BUDGET_US = 15.0, 3.0
PIECE_BYTES = 64 << 10
ROUNDS = 5

LINES: dict[str, Callable[[int], str]] = {
    "nanoGPT": lambda n: f"iter {n}: loss {3 + n % 7 / 9:.4f}, time {500 + n % 9:.2f}ms, mfu 38.2{n % 3}%\n",
    "transformers": lambda n: (
        f"{{'loss': '1.4{n % 9}', 'grad_norm': '1.6', 'learning_rate': '4e-05', 'epoch': '{n / 1e3}'}}\n"
    ),
    "JSON": lambda n: f'{{"step": {n}, "loss": 1.2{n % 10}, "lr": 0.001, "acc": 0.5}}\n',
    "llm.c": lambda n: (
        f"step {n:4d}/19560 | loss {7 + n % 9 / 10:.6f} (+0.12z)| norm 1.2 (-0.33z)| lr 3e-05 | 512.44 ms"
        f" | 41.2% bf16 MFU | {1023456 + n} tok/s\n"
    ),
    "Megatron-LM": lambda n: (
        f" [2026-03-01 12:00:{n % 60:02d}.123456] iteration {n:8d}/  500000 | consumed samples: {n * 256:12d} |"
        " elapsed time per iteration (ms): 1234.5 | learning rate: 1.5E-06 | lm loss: 9.123456E+00 |"
        " grad norm: 1.234 | number of nan iterations:   0 |\n"
    ),
    "tqdm": lambda n: (
        f"\rEpoch 1/3:  40%|####      | {n}/20000 [00:00<00:00,  6.63it/s, loss={n / 7:.3f}, lr=1e-4]"
    ),
    "text": lambda _: "Loading the tokenizer and preparing the model for training now, please wait\n",
    "text with numbers": lambda n: (
        f"2026-03-01 12:00:{n % 60:02d},123 INFO worker {n % 8}: fetched shard {n} of data in {n % 5} seconds\n"
    ),
}


def us_a_line(data: bytes, lines: int) -> tuple[float, int]:
    """Median microseconds a line, and the records that came out."""
    samples: list[float] = []
    records = 0
    for _ in range(ROUNDS):
        parser = LineParser()
        begin, records = time.perf_counter(), 0
        for at in range(0, len(data), PIECE_BYTES):
            records += len(parser.feed(data[at : at + PIECE_BYTES]))
        samples.append((time.perf_counter() - begin) / lines * 1e6)
    return statistics.median(samples), records


def floor_us(lines: int) -> float:
    """Microseconds that `json.loads` takes for four numbers."""
    texts = [LINES["JSON"](n) for n in range(lines)]
    samples = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        for text in texts:
            json.loads(text)
        samples.append((time.perf_counter() - begin) / lines * 1e6)
    return statistics.median(samples)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="a tenth of the lines")
    lines = 2_000 if options.parse_args().quick else 20_000
    floor = floor_us(lines)
    rows = []
    for name, make in LINES.items():
        us, records = us_a_line("".join(map(make, range(lines))).encode(), lines)
        budget = METRICS_BUDGET_US if records else TEXT_BUDGET_US
        rows.append([name, f"{us:.1f}", f"{us / floor:.1f}x", f"{1e3 / us:.0f}k", f"{budget:.0f}"])
    print_table(
        f"printed lines as metrics (json.loads of one: {floor:.1f} us)",
        ["line", "us", "beside json.loads", "lines/s", "budget us"],
        rows,
    )


if __name__ == "__main__":
    main()
