"""What a metric is, guessed from its name: a detector watches roles, not names.

Names are those of Transformers, TRL, Lightning, Keras, nanoGPT, llm.c, Megatron, fairseq,
Stable-Baselines3 and CleanRL. `og.define` and a rules file say it where a guess would be wrong.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Literal, get_args

Role = Literal[
    "loss", "eval_loss", "value_loss", "reward", "grad_norm", "lr", "throughput", "step_time",
    "entropy", "kl", "zero_std", "clip_ratio", "other",
]  # fmt: skip
ROLES: tuple[Role, ...] = get_args(Role)

_SPLIT = re.compile(r"[/.\-: ]+")
_EVAL = re.compile(r"(?:^|[/_.\-])(?:eval|evaluation|val|valid|validation|test|dev|holdout)(?:$|[/_.\-])")
_PATTERNS: tuple[tuple[Role, str], ...] = (
    ("lr", r"(?:^|[/_.\-])(?:lr|learning_?rate)(?:$|[/_.\-\d])"),
    ("grad_norm", r"grad(?:ient)?s?_?(?:2|l2|global|total)?_?norm|(?:^|/)gnorm$|norm/grad|total_norm$"),
    ("zero_std", r"zero_std|zero_variance|frac_zero|degenerate_groups?"),
    (
        "clip_ratio",
        r"clipped_ratio|clip(?:ped)?_?(?:len|completion)|completions?/clipped|truncated_(?:frac|ratio)",
    ),
    ("entropy", r"(?:^|[/_.\-])entropy$|policy_entropy|mean_entropy"),
    ("kl", r"(?:^|[/_.\-])(?:approx_?)?kl(?:_?(?:div|divergence|loss|mean|avg|penalty))?$|ppo_kl|kl_to_ref"),
    ("value_loss", r"value_?(?:function_?)?loss|vf_loss|critic_loss|q_?loss|qf\d?_loss|critic/.*loss"),
    (
        "reward",
        r"(?:^|[/_.\-])(?:rewards?|returns?|ep_rew|episodic_return|episode_return|score)(?:_?(?:mean|avg|ema|sum|total))?$"
        r"|ep_rew_mean|rewards?/mean|mean_reward|reward_mean|episode_reward|episodic_return",
    ),
    (
        "throughput",
        r"(?:tokens?|samples?|examples?|images?|frames?|steps?|it|iters?|sequences?|episodes?)_?(?:per|/)_?(?:s|sec|second)(?:ond)?s?(?:$|[/_.\-])"
        r"|(?:^|[/_.\-])(?:tps|sps|fps|throughput|it/s)$|tok/s",
    ),
    (
        "step_time",
        r"(?:step|iter(?:ation)?|batch)_?(?:time|ms|duration|seconds|secs?)(?:_?(?:s|ms|avg))?$|(?:^|/)(?:dt|dt_ms|ms_per_step|s_per_step|sec_per_step|s/it)$|step_avg_ms|time_per_(?:step|iter)",
    ),
)
_RULES = tuple((role, re.compile(pattern)) for role, pattern in _PATTERNS)
_LOSS = re.compile(
    r"(?:^|[/_.\-])(?:loss|losses|nll|nll_loss|ce|cross_?entropy|perplexity|ppl|mse|mae|rmse|bpb|bpc|objective)(?:$|[/_.\-])"
)
_NOT_LOSS = re.compile(
    r"loss_?scale|scale/loss|loss_?weight|loss_?coef|policy_?(?:gradient_?)?loss|pg_?loss|actor_?loss|entropy_?loss|aux|regular|explained"
)
_PART_OF_REWARD = re.compile(
    r"(?:std|var|min|max|margin|accurac|zero|count|len|clip|scale|coef|weight|gamma|discount)"
)


def guess(metric: str) -> Role:
    """The role that a metric's name speaks of; `other` where it says nothing that we know."""
    name = metric.lower()
    for role, pattern in _RULES:
        if pattern.search(name) and not (role == "reward" and _PART_OF_REWARD.search(name)):
            return role
    if _LOSS.search(name) and not _NOT_LOSS.search(name):
        return "eval_loss" if _EVAL.search(name) else "loss"
    return "other"


def role_of(metric: str, said: Mapping[str, Role]) -> Role:
    """The role of a metric; `said` maps names and globs to what a person said, the first that fits counts."""
    if metric in said:
        return said[metric]
    for glob, role in said.items():
        if fnmatchcase(metric, glob):
            return role
    return guess(metric)
