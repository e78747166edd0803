"""Which words say what a setting or a function is about."""

from __future__ import annotations

import re


def words(text: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(text.split())


_EVALUATION = re.compile(
    r"(?:^|[_./\-])(?:eval|evals|evaluate|evaluation|valid|validate|validation|val|test|metrics?|accuracy|score|greater_is_better)(?:$|[_./\-])"
)
_SEEDING = re.compile(r"seed|random_state|deterministic|prngkey|rng(?:$|_)", re.IGNORECASE)
_REACH = re.compile(
    r"(?:^|[_./\-])(?:url|uri|path|paths|dir|file|files|command|cmd|script|entrypoint|hook|hooks|target|trust_remote_code|host|endpoint|module|token|password|secret)(?:$|[_./\-])"
)
_RESUME = re.compile(r"resume|load_from|init_from|ckpt_path|(?:^|_)OG_")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
HYPERPARAMETERS = words(
    "lr learning_rate rate max_lr min_lr peak peak_lr weight_decay momentum betas beta1 beta2 eps epsilon warmup warmup_steps "
    "warmup_ratio max_grad_norm max_norm clip clip_norm grad_clip clip_grad dropout batch_size "
    "gradient_accumulation_steps accumulate step steps epochs decay gamma"
)
"""Settings of the training, not of its measure: a fix may reach a loss through them."""


def about(name: str) -> str:
    """The rule that a name falls under: evaluation, seeding, resume, reach, or "" for none."""
    snake = _CAMEL.sub("_", name).lower()
    if _RESUME.search(name) or _RESUME.search(snake):
        return "resume"
    if _SEEDING.search(snake):
        return "seeding"
    if _EVALUATION.search(snake):
        return "evaluation"
    return "reach" if _REACH.search(snake) else ""
