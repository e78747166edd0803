"""Trainings with transformers and what builds on it, compared with what the Trainer itself remembers."""

from __future__ import annotations

from frameworks_kit import TORCHRUN, dumped, hook_trouble, last_of_each_step, plain_python, saved, sources
from og_user import OgUser
from real_kit import QUIET, curves, need, og_run, real_python

TINY = """
import json, os, torch
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments

torch.manual_seed(0)
model = GPT2LMHeadModel(GPT2Config(n_layer=1, n_head=2, n_embd=8, vocab_size=32, n_positions=16))
data = [{"input_ids": row, "labels": row} for row in torch.randint(0, 32, (24, 8))]

def arguments(**more):
    given = dict(output_dir="out", max_steps=6, per_device_train_batch_size=2, logging_steps=1, use_cpu=True,
                 report_to="none", disable_tqdm=True, save_strategy="no", eval_strategy="no")
    return TrainingArguments(**{**given, **more})

def dump(trainer):
    if trainer.is_world_process_zero():
        json.dump(trainer.state.log_history, open("history.json", "w"))
"""


def history(user: OgUser) -> dict[str, list[tuple[int, float]]]:
    """The Trainer's own log_history as curves, under the names og gives them."""
    found: dict[str, list[tuple[int, float]]] = {}
    for record in dumped(user, "history.json"):
        for key, value in record.items():
            if key == "step":
                continue
            head, _, rest = key.partition("_")
            name = f"{head}/{rest}" if head in ("eval", "test") else f"train/{key}"
            found.setdefault(name, []).append((record["step"], value))
    return {name: last_of_each_step(points) for name, points in found.items()}


def test_every_value_of_a_trainer_is_captured_exactly_though_it_reports_to_none(user: OgUser) -> None:
    need("transformers", "torch", "accelerate")
    script = """
trainer = Trainer(model, arguments(eval_strategy="steps", eval_steps=3, save_strategy="steps", save_steps=3),
                  train_dataset=data, eval_dataset=data[:4])
trainer.train()
dump(trainer)
"""
    ran = og_run(user, TINY + script)
    assert ran.done.returncode == 0, ran.done.stderr
    assert hook_trouble(ran) == ""
    assert ran.curves == history(user)
    assert {"train/loss", "train/learning_rate", "train/grad_norm", "eval/loss"} <= set(ran.curves)
    assert sources(ran) - {"stdout"} == {"transformers"}
    assert ran.facts["config"]["n_embd"] == 8
    assert ran.facts["config"]["per_device_train_batch_size"] == 2
    assert ran.facts["progress"]["step"] == ran.facts["progress"]["total"] == 6
    assert saved(ran) == [("checkpoint-3", 3), ("checkpoint-6", 6)]
    for one in ran.facts["checkpoints"]:
        assert one["complete"]
        assert one["format"] == "hf"
        assert one["bytes"] > 0
        assert one["metrics"]["eval/loss"] == dict(ran.curves["eval/loss"])[one["step"]]


def test_the_callback_that_a_script_names_is_the_only_one_that_records(user: OgUser) -> None:
    need("transformers", "torch", "accelerate")
    script = """
from opengraphs.integrations.transformers import OpenGraphsCallback
trainer = Trainer(model, arguments(save_strategy="steps", save_steps=6), train_dataset=data,
                  callbacks=[OpenGraphsCallback(project="ignored")])
trainer.train()
dump(trainer)
"""
    ran = og_run(user, TINY + script)
    assert ran.done.returncode == 0, ran.done.stderr
    assert hook_trouble(ran) == ""
    assert ran.curves == history(user)
    assert sources(ran) - {"stdout"} == {"sdk"}
    assert saved(ran) == [("checkpoint-6", 6)]


def test_report_to_opengraphs_makes_a_run_without_og_run(user: OgUser) -> None:
    need("transformers", "torch", "accelerate")
    script = """
import opengraphs.integrations.transformers
trainer = Trainer(model, arguments(report_to="opengraphs", save_strategy="steps", save_steps=6), train_dataset=data)
trainer.train()
dump(trainer)
"""
    ran = plain_python(user, TINY + script, OG_PROJECT="tiny")
    assert ran.curves == history(user)
    assert ran.facts["project"] == "tiny"
    assert ran.facts["status"] == "finished"
    assert ran.facts["config"]["n_embd"] == 8
    assert saved(ran) == [("checkpoint-6", 6)]


def test_a_value_that_also_goes_to_three_trackers_counts_once_and_in_full(user: OgUser) -> None:
    need("transformers", "torch", "accelerate", "wandb", "tensorboard", "trackio")
    script = """
trainer = Trainer(model, arguments(report_to=["tensorboard", "wandb", "trackio"], eval_strategy="steps", eval_steps=3),
                  train_dataset=data, eval_dataset=data[:4])
trainer.train()
dump(trainer)
"""
    ran = og_run(user, TINY + script)
    assert ran.done.returncode == 0, ran.done.stderr
    expected = history(user)
    assert {key: ran.curves[key] for key in expected} == expected
    assert {key for key in ran.curves if "loss" in key} == {"train/loss", "eval/loss", "train/train_loss"}
    assert {"transformers", "wandb", "trackio", "summary_writer"} <= sources(ran)


def test_of_two_processes_only_the_first_records(user: OgUser) -> None:
    need("transformers", "torch", "accelerate")
    script = """
trainer = Trainer(model, arguments(ddp_backend="gloo"), train_dataset=data)
trainer.train()
dump(trainer)
"""
    path = user.work / "train.py"
    path.write_text(TINY + script)
    done = user.og("run", "--", real_python(), "-c", TORCHRUN, str(path), timeout_s=110, **QUIET)
    assert done.returncode == 0, done.stderr
    run_id = user.runs()[0]["run_id"]
    assert curves(user, run_id) == history(user)
    writers = {path.name for path in (user.store / "runs" / run_id / "metrics").glob("mirror-*")}
    assert writers == {"mirror-a0-r0.jsonl"}


def test_a_trl_trainer_is_captured_too(user: OgUser) -> None:
    need("trl", "transformers", "torch", "datasets")
    script = """
from datasets import Dataset
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import PreTrainedTokenizerFast
from trl import SFTConfig, SFTTrainer

words = Tokenizer(WordLevel({"<pad>": 0, "<eos>": 1, "a": 2, "b": 3}, unk_token="<pad>"))
words.pre_tokenizer = Whitespace()
tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", eos_token="<eos>")
trainer = SFTTrainer(
    model, SFTConfig("out", max_steps=3, logging_steps=1, use_cpu=True, bf16=False, report_to="none", max_length=8,
                     disable_tqdm=True, save_strategy="no", per_device_train_batch_size=2, dataset_num_proc=None),
    train_dataset=Dataset.from_list([{"text": "a b a b"}] * 8), processing_class=tokenizer)
trainer.train()
dump(trainer)
"""
    ran = og_run(user, TINY + script)
    assert ran.done.returncode == 0, ran.done.stderr
    assert hook_trouble(ran) == ""
    expected = history(user)
    assert "train/mean_token_accuracy" in expected
    assert ran.curves == expected


def test_the_hook_can_be_switched_off(user: OgUser) -> None:
    need("transformers", "torch", "accelerate")
    ran = og_run(
        user,
        TINY + "Trainer(model, arguments(max_steps=1), train_dataset=data).train()\n",
        OG_NO_HOOKS="transformers",
    )
    assert ran.done.returncode == 0, ran.done.stderr
    assert "transformers" not in sources(ran)
