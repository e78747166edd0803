"""The detectors, and which of them watch a metric of a role."""

from __future__ import annotations

from opengraphs.alerts.detectors.base import Around, Detector
from opengraphs.alerts.detectors.finite import GradNotFinite, MaskedLoss, NotFinite, OddNotFinite
from opengraphs.alerts.detectors.gradient import GradExplosion
from opengraphs.alerts.detectors.level import Divergence, LevelUp, TooGood
from opengraphs.alerts.detectors.overfit import Overfit
from opengraphs.alerts.detectors.reward import RewardCollapse
from opengraphs.alerts.detectors.rl import ClippedLength, EntropyCollapse, KlBlowUp, ZeroVariance
from opengraphs.alerts.detectors.speed import Slow
from opengraphs.alerts.detectors.trend import NoLearning, Plateau
from opengraphs.alerts.roles import Role

__all__ = ["Around", "Detector", "detectors_of"]

_OF: dict[Role, tuple[type[Detector], ...]] = {
    "loss": (NotFinite, MaskedLoss, Divergence, LevelUp, TooGood, NoLearning, Plateau),
    "value_loss": (OddNotFinite, LevelUp),
    "eval_loss": (NotFinite, Overfit),
    "grad_norm": (GradNotFinite, GradExplosion),
    "reward": (OddNotFinite, RewardCollapse),
    "entropy": (OddNotFinite, EntropyCollapse),
    "zero_std": (ZeroVariance,),
    "kl": (OddNotFinite, KlBlowUp),
    "clip_ratio": (ClippedLength,),
    "step_time": (Slow,),
    "throughput": (Slow,),
}


def detectors_of(role: Role) -> list[Detector]:
    """Fresh detectors for a series of that role; of unknown ones it is only looked whether they are numbers."""
    return [made() for made in _OF.get(role, (OddNotFinite,))]
