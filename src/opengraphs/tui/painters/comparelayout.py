"""Where the panels of the Compare screen lie: chart, verdicts and diff, or one of them where there is no room."""

from __future__ import annotations

from opengraphs.tui.painters.layout import Rect

BESIDE_FROM = 150
STACKED_FROM = (100, 30)


def panels(width: int, height: int) -> dict[str, Rect]:
    """The body's panels by name; empty where only one at a time fits. The line above the status is left free."""
    body = height - 2
    if width >= BESIDE_FROM and height >= 20:
        left = width * 11 // 20
        verdicts = max(7, min(16, body // 3))
        return {
            "chart": Rect(0, 1, left, body - verdicts),
            "verdicts": Rect(0, 1 + body - verdicts, left, verdicts),
            "diff": Rect(left, 1, width - left, body),
        }
    if width >= STACKED_FROM[0] and height >= STACKED_FROM[1]:
        verdicts, diff = body // 4, body // 3
        chart = body - verdicts - diff
        return {
            "chart": Rect(0, 1, width, chart),
            "verdicts": Rect(0, 1 + chart, width, verdicts),
            "diff": Rect(0, 1 + chart + verdicts, width, diff),
        }
    return {}
