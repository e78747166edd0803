"""Which end of a metric counts as better, told by its name.

A name is read as English compounds are: the last word that says something decides.
`val_loss` is a loss, `loss_weight` is a weight; `Loss/val` says nothing in its last part, so
the part before it speaks. Words that only qualify (`val`, `mean`, `top5`) are passed over.

    min   losses, errors, perplexity, durations
    max   accuracies, rewards, scores, throughput
    None  what is set and not reached (`lr`, `epoch`, `grad_norm`), and words nobody knows

The rules guess; every request that depends on them can say otherwise.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import Literal, TypeAlias

Direction: TypeAlias = Literal["min", "max"]
Verdict: TypeAlias = Literal["better", "worse", "same", "unknown"]

DIRECTIONS: tuple[Direction, ...] = ("min", "max")

_LOW = """
    loss losses error errors err cost regret perplexity ppl nll nlls mse mae rmse rmsle mape smape nrmse msle
    rms wer cer ter eer der fid kid fvd lpips bce ce xent crossentropy logloss brier ece bpb bpc bpd fpr
    fnr latency latencies time times duration durations ms us ns seconds failure failures mispredictions
"""
_HIGH = """
    accuracy accuracies acc reward rewards rew return returns f f1 fscore fbeta auc auroc auprc roc ap map
    bleu sacrebleu rouge meteor chrf cider spice score scores success successes precision recall specificity
    sensitivity iou miou dice jaccard mcc kappa ndcg mrr hits pass match em psnr ssim snr sdr sisdr pesq stoi
    mos r2 pearson spearman correlation corr likelihood loglikelihood logprob logprobs elbo win wins winrate
    elo throughput goodput fps tps speed mfu hfu correct
"""
_NEITHER = """
    lr step steps timestep timesteps timestamp epoch epochs iteration iterations iter iters norm norms
    gradnorm weight weights coef coefs coefficient coeff scale scaler scaling alpha beta gamma lambda temperature
    momentum decay threshold std stdev stddev var variance entropy kl kld ratio fraction gap delta diff change
    improvement count counts total length len size num number index id seed elapsed runtime uptime walltime
    rejected penalty bonus schedule clip
"""
_PAIRS: dict[tuple[str, str], Direction | None] = {
    ("learning", "rate"): None,
    ("wall", "time"): None,
    ("total", "time"): None,
    ("cross", "entropy"): "min",
    ("explained", "variance"): "max",
    ("log", "prob"): "max",
    ("log", "probs"): "max",
    ("false", "positive"): "min",
    ("false", "positives"): "min",
    ("false", "negative"): "min",
    ("false", "negatives"): "min",
    ("bits", "byte"): "min",
    ("bits", "char"): "min",
    ("bits", "dim"): "min",
    ("bits", "token"): "min",
}
_NEGATIONS = frozenset(("neg", "negative", "minus"))
_TIME_UNITS = frozenset(("s", "sec", "secs", "second", "seconds", "ms", "us", "ns", "msec", "usec"))
_DURATIONS = _TIME_UNITS | {"time"}
_PER_SECOND = frozenset(("s", "sec", "secs", "second", "seconds"))
_PER_TIME = _PER_SECOND | {"min", "minute", "h", "hour", "day"}
_MEANINGS: dict[str, Direction | None] = {
    **dict.fromkeys(_LOW.split(), "min"),
    **dict.fromkeys(_HIGH.split(), "max"),
    **dict.fromkeys(_NEITHER.split(), None),
}
_PARTS = re.compile(r"[/.:\\]+")
_WORDS = re.compile(r"[^0-9A-Za-z]+")
_CAMEL = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")


@lru_cache(maxsize=4096)
def direction(key: str) -> Direction | None:
    """The end of a metric that counts as better, by the words of its name.

    Args:
        key: a metric, such as `eval/loss`, `val_acc`, `top5-accuracy`, `tokens_per_s`.

    Returns:
        `min` or `max`; None where neither end is better, or the name does not tell.
    """
    parts = [words for part in _PARTS.split(key) if (words := _words_of(part))]
    if len(parts) > 1 and len(parts[-1]) == 1 and parts[-1][0] in _PER_SECOND:  # tokens/s
        return "min" if parts[-2][-1] in _DURATIONS else "max"
    for words in reversed(parts):
        told, better = _judge(words)
        if told:
            return better
    return None


def _words_of(part: str) -> list[str]:
    """Lower-case words of one part of a key; numbers are left out, `mAP50` and `top5` lose theirs."""
    words: list[str] = []
    for word in filter(None, _WORDS.split(part)):
        plain = word.lower()
        bare = plain.rstrip("0123456789")
        known = next((form for form in (plain, bare) if form in _MEANINGS), None)
        words += [known] if known else [bit.lower() for bit in _CAMEL.findall(word) if not bit.isdigit()]
    return words


def _judge(words: list[str]) -> tuple[bool, Direction | None]:
    """Whether these words tell anything, and what."""
    rate = _rate(words)
    if rate is not None:
        return True, rate
    if len(words) > 1 and words[-1] in _TIME_UNITS and words[-2] not in _MEANINGS:  # forward_s
        return True, "min"
    for place in range(len(words) - 1, -1, -1):
        found = _meaning(words, place)
        if found is not None:
            is_negated = not _NEGATIONS.isdisjoint(words[:place])
            return True, _other(found[0]) if is_negated else found[0]
    return False, None


def _rate(words: list[str]) -> Direction | None:
    """`tokens_per_s` is a speed, `s_per_token` a duration."""
    for before, per, after in zip(words, words[1:], words[2:], strict=False):
        if per == "per" and before in _DURATIONS:
            return "min"
        if per == "per" and after in _PER_TIME:
            return "max"
    return None


def _meaning(words: list[str], place: int) -> tuple[Direction | None] | None:
    """What one word says, with the one it leans on (`learning_rate`, `bits_per_byte`); None: nothing."""
    word = words[place]
    for reach in (1, 2):
        if place >= reach and (reach == 1 or words[place - 1] == "per"):
            pair = (words[place - reach], word)
            if pair in _PAIRS:
                return (_PAIRS[pair],)
    return (_MEANINGS[word],) if word in _MEANINGS else None


def _other(better: Direction | None) -> Direction | None:
    if better is None:
        return None
    return "max" if better == "min" else "min"


def verdict(better: Direction | None, delta: float | None) -> Verdict:
    """What a change of this size means.

    Args:
        better: the end that counts; None is `unknown` unless nothing changed.
        delta: the later value minus the earlier one; None or NaN cannot be judged.
    """
    if delta is None or math.isnan(delta):
        return "unknown"
    if delta == 0:
        return "same"
    if better is None:
        return "unknown"
    return "better" if (delta < 0) == (better == "min") else "worse"
