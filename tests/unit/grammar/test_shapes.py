"""Every shape of line that trainings print, with what it means exactly."""

from __future__ import annotations

import math

import pytest

from opengraphs.grammar.parser import LineParser


def read(text: str, before: str = "") -> list[tuple[int, dict[str, float]]]:
    parser = LineParser()
    if before:
        parser.feed(before.encode() + b"\n")
    records = [*parser.feed(text.encode() + b"\n"), *parser.flush()]
    return [(record.step, record.metrics) for record in records]


SHAPES = [
    (
        "transformers 5",
        "{'loss': '1.43', 'grad_norm': '1.622', 'learning_rate': '4e-05', 'epoch': '0.625'}",
        1,
        {"train/loss": 1.43, "train/grad_norm": 1.622, "train/learning_rate": 4e-05, "train/epoch": 0.625},
    ),
    (
        "transformers 4",
        "{'loss': 0.6931, 'learning_rate': 4.9e-05, 'epoch': 0.1}",
        1,
        {"train/loss": 0.6931, "train/learning_rate": 4.9e-05, "train/epoch": 0.1},
    ),
    (
        "transformers, evaluation",
        "{'eval_loss': '0.28', 'eval_runtime': '0.0014', 'epoch': '1.5'}",
        1,
        {"eval/loss": 0.28, "eval/runtime": 0.0014, "train/epoch": 1.5},
    ),
    (
        "transformers, end",
        "{'train_runtime': '0.05', 'train_samples_per_second': '3398', 'train_loss': '0.5', 'epoch': '3'}",
        3,
        {
            "train/train_runtime": 0.05,
            "train/train_samples_per_second": 3398.0,
            "train/train_loss": 0.5,
            "train/epoch": 3.0,
        },
    ),
    (
        "tqdm",
        "Epoch 1/3:  40%|####      | 2/5 [00:00<00:00,  6.63it/s, loss=0.5, lr=1e-4]",
        2,
        {"loss": 0.5, "lr": 1e-4},
    ),
    (
        "tqdm in the third epoch",
        "Epoch 3/3:  40%|████      | 2/5 [01:00:00<?, ?it/s, loss=nan]",
        12,
        {"loss": math.nan},
    ),
    (
        "Lightning, v_num is no metric",
        "Epoch 0:  50%|#####     | 4/8 [00:00<00:00, 120it/s, v_num=0, train_loss=1.65]",
        4,
        {"train_loss": 1.65},
    ),
    (
        "Keras, verbose 1",
        "12/30 ━━━━━━ 0s 5ms/step - accuracy: 0.8123 - loss: 0.4512",
        12,
        {"accuracy": 0.8123, "loss": 0.4512},
    ),
    (
        "Keras with escapes and backspaces",
        "\x1b[1m12/30\x1b[0m \x1b[32m━━━━\x1b[0m\x1b[37m━━\x1b[0m \x1b[1m0s\x1b[0m 5ms/step - loss: 0.4512"
        + "\b" * 60,
        12,
        {"loss": 0.4512},
    ),
    (
        "Keras, verbose 2",
        "30/30 - 1s - 21ms/step - loss: 0.3120 - val_loss: 0.3555",
        30,
        {"loss": 0.312, "val_loss": 0.3555},
    ),
    (
        "nanoGPT",
        "iter 250: loss 3.2145, time 512.33ms, mfu 38.21%",
        250,
        {"loss": 3.2145, "time": 512.33, "mfu": 38.21},
    ),
    (
        "nanoGPT, the first pair",
        "step 500: train loss 2.9012, val loss 3.0144",
        500,
        {"train_loss": 2.9012, "val_loss": 3.0144},
    ),
    (
        "llm.c",
        "step   42/19560 | loss 7.123456 (+0.12z)| norm 1.2345 (-0.33z)| lr 3.60e-05 | 512.44 ms | 41.2% bf16 MFU | 1023456 tok/s",
        42,
        {
            "loss": 7.123456,
            "norm": 1.2345,
            "lr": 3.6e-05,
            "time_ms": 512.44,
            "bf16_mfu": 41.2,
            "tok/s": 1023456.0,
        },
    ),
    (
        "llm.c main.log",
        "s:42 trl:7.1235 lr:0.000036 norm:1.23",
        42,
        {"trl": 7.1235, "lr": 0.000036, "norm": 1.23},
    ),
    ("llm.c main.log, evaluation", "s:250 tel:6.1", 250, {"tel": 6.1}),
    (
        "nanochat",
        "step 00042/21400 (0.20%) | loss: 5.123456 | lrm: 1.00 | dt: 512.33ms | tok/sec: 1,023,456 | bf16_mfu: 45.12"
        " | epoch: 1 | total time: 0.36m",
        42,
        {
            "loss": 5.123456,
            "lrm": 1.0,
            "dt": 512.33,
            "tok/sec": 1023456.0,
            "bf16_mfu": 45.12,
            "epoch": 1.0,
            "total_time": 0.36,
        },
    ),
    ("nanochat, validation", "Step 00250 | Validation bpb: 1.1021", 250, {"validation_bpb": 1.1021}),
    (
        "modded-nanogpt",
        "step:125/1750 val_loss:4.1234 train_time:11234ms step_avg:89.87ms",
        125,
        {"val_loss": 4.1234, "train_time": 11234.0, "step_avg": 89.87},
    ),
    (
        "Megatron-LM, iterations that are NaN are a count",
        " [2026-03-01 12:00:00.123456] iteration      100/  500000 | consumed samples:        25600 |"
        " elapsed time per iteration (ms): 1234.5 | learning rate: 1.500000E-06 | lm loss: 9.123456E+00 |"
        " grad norm: 1.234 | number of nan iterations:   0 |",
        100,
        {
            "consumed_samples": 25600.0,
            "elapsed_time_per_iteration_ms": 1234.5,
            "learning_rate": 1.5e-06,
            "lm_loss": 9.123456,
            "grad_norm": 1.234,
            "number_of_nan_iterations": 0.0,
        },
    ),
    (
        "torchtune",
        "Step 12 | loss:1.2345 lr:2e-05 tokens_per_second_per_gpu:1523.4",
        12,
        {"loss": 1.2345, "lr": 2e-05, "tokens_per_second_per_gpu": 1523.4},
    ),
    (
        "torchtune, bar",
        "1|12|Loss: 1.2345:  10%|█         | 12/120 [00:10<01:30,  1.2it/s]",
        12,
        {"loss": 1.2345},
    ),
    (
        "torchtitan",
        "[titan] 2026-03-01 12:00:00,123 - root - INFO - \x1b[31mstep: 10  \x1b[32mloss:  8.12345  \x1b[33mgrad_norm:"
        "  1.2345  \x1b[34mmemory: 30.11GiB(38.02%)  \x1b[35mtps: 5,123  tflops: 312.11  mfu: 31.56%\x1b[39m",
        10,
        {
            "loss": 8.12345,
            "grad_norm": 1.2345,
            "memory": 30.11,
            "tps": 5123.0,
            "tflops": 312.11,
            "mfu": 31.56,
        },
    ),
    (
        "verl",
        "step:3 - actor/pg_loss:0.0123 - critic/rewards/mean:0.412 - timing_s/step:41.2",
        3,
        {"actor/pg_loss": 0.0123, "critic/rewards/mean": 0.412, "timing_s/step": 41.2},
    ),
    (
        "verl in a Ray actor",
        "\x1b[36m(TaskRunner pid=4711)\x1b[0m step:3 - actor/pg_loss:-0.0123 - critic/score/max:1.0",
        3,
        {"actor/pg_loss": -0.0123, "critic/score/max": 1.0},
    ),
    (
        "LLaMA-Factory",
        "{'loss': 0.4213, 'learning_rate': 4.9990e-05, 'epoch': 0.12, 'throughput': 5123.11}",
        1,
        {
            "train/loss": 0.4213,
            "train/learning_rate": 4.999e-05,
            "train/epoch": 0.12,
            "train/throughput": 5123.11,
        },
    ),
    (
        "fairseq",
        '2026-03-01 12:00:00 | INFO | train_inner | {"epoch": 1, "loss": "12.1", "ppl": "4390", "num_updates": "100"}',
        100,
        {"epoch": 1.0, "loss": 12.1, "ppl": 4390.0},
    ),
    ("XGBoost", "[10]\tvalidation_0-rmse:0.51234", 10, {"validation_0-rmse": 0.51234}),
    (
        "LightGBM",
        "[10]\tvalid_0's l2: 0.241\tvalid_0's l1: 0.4",
        10,
        {"valid_0/l2": 0.241, "valid_0/l1": 0.4},
    ),
    ("JSON", '{"step": 10, "loss": 1.2}', 10, {"loss": 1.2}),
    (
        "JSON, nested",
        '{"global_step": 7, "train": {"loss": 1.5, "acc": {"top1": 0.5}}, "note": "ok", "done": false}',
        7,
        {"train/loss": 1.5, "train/acc/top1": 0.5},
    ),
    ("JSON in a wrapper", '{"step": 7, "data": {"actor/loss": 1.5}}', 7, {"actor/loss": 1.5}),
    ("tutorial", "Epoch [3/10], Step [100/600], Loss: 0.5312", 1300, {"loss": 0.5312}),
    ("tutorial, tuple", "[2,  2000] loss: 2.173", 2000, {"loss": 2.173}),
    ("MNIST example", "Train Epoch: 2 [640/60000 (1%)]\tLoss: 2.301", 60640, {"loss": 2.301}),
    (
        "ImageNet example",
        "Epoch: [0][  10/5005]\tTime  0.412 ( 0.512)\tLoss 6.9312e+00 (6.9513e+00)\tAcc@1   0.39 (  0.55)",
        10,
        {"time": 0.412, "loss": 6.9312, "acc@1": 0.39},
    ),
    (
        "CatBoost",
        "10:\tlearn: 0.6912\ttest: 0.6911\tbest: 0.6911 (10)",
        10,
        {"learn": 0.6912, "test": 0.6911, "best": 0.6911},
    ),
    ("one line an epoch", "Epoch 3 | train_loss 0.5 | val_loss 0.6", 3, {"train_loss": 0.5, "val_loss": 0.6}),
    (
        "NaN and infinity",
        "step 5: loss nan, grad inf, gap -inf",
        5,
        {"loss": math.nan, "grad": math.inf, "gap": -math.inf},
    ),
    ("NaN in a dict", "step 5: {'loss': nan, 'acc': -inf}", 5, {"loss": math.nan, "acc": -math.inf}),
    (
        "numpy and torch in a dict",
        "{'step': 4, 'loss': np.float32(0.5), 'acc': tensor(0.25, device='cuda:0'), 'ok': True, 'x': None}",
        4,
        {"loss": 0.5, "acc": 0.25},
    ),
    (
        "equals signs",
        "global_step=7 loss=-0.5 acc=12.5% it/s=3.1",
        7,
        {"loss": -0.5, "acc": 12.5, "it/s": 3.1},
    ),
    ("blanks only", "iter 250 loss 3.2 acc 0.5", 250, {"loss": 3.2, "acc": 0.5}),
    (
        "counts with a suffix",
        "step 3 | tokens: 1.5M | rate: 12k | params 3B",
        3,
        {"tokens": 1.5e6, "rate": 12e3, "params": 3e9},
    ),
    (
        "log of loguru",
        "2026-01-01 10:00:00.123 | INFO     | __main__:train:42 - step 10 loss 0.5",
        10,
        {"loss": 0.5},
    ),
    (
        "a bar and a dict on one line",
        " 40%|████      | 2/5 [00:00<00:00, 6it/s]{'loss': 0.5, 'acc': 0.25}",
        2,
        {"loss": 0.5, "acc": 0.25},
    ),
]


def same(a: dict[str, float], b: dict[str, float]) -> bool:
    return a.keys() == b.keys() and all(
        a[key] == b[key] or (a[key] != a[key] and b[key] != b[key]) for key in a
    )


@pytest.mark.parametrize(
    ("line", "step", "metrics"), [shape[1:] for shape in SHAPES], ids=[shape[0] for shape in SHAPES]
)
def test_shape_means_this_step_and_these_metrics(line: str, step: int, metrics: dict[str, float]) -> None:
    found = read(line)
    assert len(found) == 1, found
    assert found[0][0] == step
    assert same(found[0][1], metrics), found[0][1]


def test_ultralytics_header_names_the_columns_of_rows() -> None:
    header = "      Epoch    GPU_mem   box_loss   cls_loss   dfl_loss  Instances       Size"
    row = "       2/100      2.15G      1.234      2.345        1.1         12        640: 100%|███| 8/8 [00:01<00:00, 4.2it/s]"
    assert read(row, before=header) == [
        (2, {"gpu_mem": 2.15, "box_loss": 1.234, "cls_loss": 2.345, "dfl_loss": 1.1})
    ]
    assert read(row) == []


TRAPS = [
    '  File "/home/me/train.py", line 42, in step',
    "batch_size: 32",
    "learning_rate: 0.001",
    "max_steps: 5000, batch_size: 32",
    "Namespace(lr=0.001, batch_size=32, epochs=10)",
    "{'batch_size': 32, 'lr': 0.001, 'epochs': 10}",
    "{'loss': 0.5}",
    "Using 4 GPUs, seed 42, version 1.2.3",
    "2026-03-01 12:00:00,123 INFO worker 3: fetched shard 7",
    "torch 2.13.0+cpu, python 3.11.7, numpy 1.26.4",
    "listening on 10.0.0.1:8080",
    "saved /data/run_3/ckpt-200/model.safetensors at step 200",
    "step 10 took 12 seconds",
    "Epoch 3/10",
    "Downloading: 100%|██████████| 5/5 [00:00<00:00, 6.63it/s]",
    " 40%|████      | 2/5 [00:00<00:00, 6.63it/s]",
    "100%|██████████| 5/5 [00:00<00:00, 6.63it/s]",
    "Number of parameters: 124,439,808",
    "number of nan iterations: 3",
    "RuntimeError: CUDA out of memory. Tried to allocate 2.00 GiB (GPU 0; 79.15 GiB total capacity)",
    "│ 0 │ l    │ Linear │      5 │ train │     0 │",
    "GPU 0: 45C, 120W / 300W, 8123MiB / 81559MiB",
    "--- step 3 ---",
    "step 5",
    "loss nan",
    "",
    "{",
    "{'",
    "}{",
    "{'a': }",
    "nan inf infinity",
]


@pytest.mark.parametrize("line", TRAPS)
def test_line_without_metrics_stays_text(line: str) -> None:
    assert read(line) == []


def test_timestamps_versions_and_addresses_are_no_metrics_of_a_line_that_counts() -> None:
    line = "2026-03-01T12:00:00Z step 3 loss 0.5 host: 10.0.0.1:29500 torch: 2.13.0 ckpt: /runs/3/4 date: 2026-03-01"
    assert read(line) == [(3, {"loss": 0.5})]


def test_set_of_names_that_counted_counts_again_without_a_step() -> None:
    parser = LineParser()
    assert parser.feed(b"loss: 0.9, acc: 0.1\n") == []
    parser.feed(b"step 7 | loss: 0.5, acc: 0.2\n")
    (record,) = parser.feed(b"loss: 0.4, acc: 0.3\n")
    assert (record.step, record.metrics) == (7, {"loss": 0.4, "acc": 0.3})
    assert parser.feed(b"batch_size: 32, seed: 3\n") == []


def test_unit_that_changes_is_told_in_the_one_that_was_printed_first() -> None:
    parser = LineParser()
    times = [
        parser.feed(line)[0].metrics["time"]
        for line in (b"step 1 | time: 950ms\n", b"step 2 | time: 1.2s\n", b"step 3 | time: 2m\n")
    ]
    assert times == [950.0, 1200.0, 120_000.0]
    memory = [
        parser.feed(line)[0].metrics["mem"] for line in (b"step 4 | mem: 2GiB\n", b"step 5 | mem: 512MiB\n")
    ]
    assert memory == [2.0, 0.5]


def test_steps_that_begin_anew_each_epoch_go_on() -> None:
    parser = LineParser()
    lines = [
        f"Epoch {epoch}, step {step}, loss {epoch + step / 10}" for epoch in (0, 1) for step in (10, 20, 30)
    ]
    records = parser.feed("\n".join([*lines, ""]).encode())
    assert [record.step for record in records] == [10, 20, 30, 40, 50, 60]


def test_bar_that_begins_anew_goes_on() -> None:
    parser = LineParser()
    frames = [
        f"\r {n * 20}%|##   | {n}/5 [00:00<00:00, 6it/s, loss={leg}.{n}]"
        for leg in range(2)
        for n in range(1, 6)
    ]
    records = [*parser.feed("".join(frames).encode()), *parser.flush()]
    assert [(record.step, record.metrics["loss"]) for record in records] == [
        (5 * leg + n, leg + n / 10) for leg in range(2) for n in range(1, 6)
    ]


def test_evaluation_bar_has_its_own_names_at_the_trainings_step() -> None:
    parser = LineParser()
    parser.feed(b"\rtrain:  40%|####      | 2/5 [00:00<00:00, 6it/s, loss=0.5]\n")
    (record,) = parser.feed(b"\rval: 100%|####| 9/9 [00:00<00:00, 6it/s, loss=0.7]\n")
    assert (record.step, record.metrics) == (2, {"val/loss": 0.7})


def test_each_record_says_where_its_line_ends() -> None:
    parser = LineParser(position=1000)
    records = parser.feed(b"hello\nstep 1: loss 0.5\n\xff\xfe\nstep 2: loss 0.4\n")
    assert [record.end for record in records] == [1023, 1043]


PAIRS = "loss: 0.9 acc=0.1"


def test_bare_pairs_count_when_they_come_again_with_other_numbers() -> None:
    again = [(1, {"loss": 0.9, "acc": 0.1}), (2, {"loss": 0.8, "acc": 0.2}), (3, {"loss": 0.7, "acc": 0.2})]
    assert read(f"{PAIRS}\nloss: 0.8 acc=0.2\nloss: 0.7 acc=0.2") == again
    assert read(f"lr: 0.1 batch_size: 32\n{PAIRS}\n{PAIRS}") == []
    assert read("world of 2 ranks, rank: 0, port: 29500\nworld of 2 ranks, rank: 1, port: 29500") == []


def test_bare_pairs_belong_to_the_place_of_the_bar() -> None:
    text = "".join(
        f"\r {done}%|#    | {done}/100 [00:01<00:09,  6.63it/s]\nloss: 0.{done}\n" for done in (10, 20, 30)
    )
    assert read(text) == [(10, {"loss": 0.10}), (20, {"loss": 0.20}), (30, {"loss": 0.30})]
    assert read("loss: 0.9\nloss: 0.8\nloss: 0.7") == []
