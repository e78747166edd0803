"""Which end of a metric counts as better, by its name."""

from __future__ import annotations

import math

import pytest

from opengraphs.engine.better import direction, verdict

LOW = """
    loss train/loss eval/loss Loss/val valLoss val_loss loss_mean weighted_loss actor/pg_loss actor/entropy_loss
    perplexity ppl eval/ppl nll neg_log_likelihood wer test/cer fid eval.mse mae val_rmse error_rate top1_error
    cross_entropy bits_per_byte val_bpb step_time step_time_ms latency_p99_ms forward_s s_per_it ms_per_token
    regret brier_score_loss false_positive_rate ece time/s
"""
HIGH = """
    acc accuracy val_acc train/accuracy top5-accuracy top5_acc Accuracy/test reward rewards/chosen rewards/margins
    critic/rewards/mean critic/rewards/min rollout/ep_rew_mean episode_return f1 F1 f1_macro eval/f1 auc AUROC bleu
    rouge1 rougeL sacrebleu score critic/score/mean success_rate precision recall@5 map mAP50 metrics/mAP50-95(B)
    iou mIoU psnr ssim throughput tokens_per_s train/tok_per_sec tokens/s train_samples_per_second fps time/fps
    exact_match pass@1 win_rate explained_variance neg_mean_squared_error logprobs mfu
"""
NEITHER = """
    lr train/lr learning_rate train/learning_rate lr-AdamW lr/group_0 step global_step epoch train/epoch grad_norm
    train/grad_norm/layer1 loss_weight loss_scale loss_std reward_std accuracy_gap kl actor/kl entropy beta momentum
    ep_len_mean time_step time/total_timesteps wall_time _runtime _timestamp _step rewards/rejected length_penalty
    num_tokens a foo/bar gpu.0.util_percent x
"""


@pytest.mark.parametrize("key", LOW.split())
def test_losses_errors_and_durations_are_better_low(key: str) -> None:
    assert direction(key) == "min"


@pytest.mark.parametrize("key", HIGH.split())
def test_accuracies_rewards_and_speeds_are_better_high(key: str) -> None:
    assert direction(key) == "max"


@pytest.mark.parametrize("key", NEITHER.split())
def test_settings_counters_and_unknown_words_are_neither(key: str) -> None:
    assert direction(key) is None


@pytest.mark.parametrize("key", ["", "/", "___", "@", "1", "🦊/loss/", "s", "a//b", "per", "per/s"])
def test_no_name_is_too_odd(key: str) -> None:
    assert direction(key) in ("min", "max", None)


def test_part_that_says_nothing_leaves_it_to_the_one_before() -> None:
    assert direction("loss/val/mean") == "min"
    assert direction("accuracy/lr") is None


def test_verdict_follows_the_direction() -> None:
    assert verdict("min", -0.1) == verdict("max", 0.1) == "better"
    assert verdict("min", 0.1) == verdict("max", -0.1) == "worse"
    assert verdict("min", 0.0) == verdict(None, 0.0) == "same"
    assert verdict(None, 1.0) == verdict("min", None) == verdict("max", math.nan) == "unknown"
