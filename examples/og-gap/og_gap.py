"""How far evaluation is behind training."""

import math


class Gap:
    title = "generalisation gap"
    metrics = ("train/loss", "eval/loss")

    def paint(self, data, width, height):
        series = data["series"]
        if len(series) < 2:
            return [("waiting for both losses", "dim")]
        gap = series["eval/loss"]["last"] - series["train/loss"]["last"]
        if not math.isfinite(gap):
            return [("a loss is not a number", "bold error")]
        style = "bold warn" if gap > 0.5 else "ok"
        bar = "=" * max(1, min(width - 2, round(abs(gap) * width)))
        return [[" eval - train ", (f"{gap:+.4f}", style)], (f" {bar}", style)]
