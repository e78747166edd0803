"""What the screen does when an alert fires: a word, a bell, a notification of the terminal, a mark at the tab."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from opengraphs.tui.questions import Source

SLOT = "alarm"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f;]+")
MOST_CHARS = 120
KINDS = {"error": "error", "warn": "warn"}


class AlarmQuestion(NamedTuple):
    """How many alerts fire, and the gravest of them."""

    slot: str = SLOT

    async def ask(self, source: Source) -> dict[str, Any]:
        return await source.get("/alerts", status="firing", sort="-level", limit=1)


class Alarm:
    """What fires now, as far as one knows.

    Attributes:
        level: of the gravest, "" while nothing above `info` fires.
        unheard: what is to be rung for, once.
    """

    def __init__(self) -> None:
        self.level = ""
        self.unheard = ""

    def take(self, reply: Mapping[str, Any]) -> None:
        """An answer to AlarmQuestion."""
        alerts = reply.get("alerts") or [{}]
        self.level = KINDS.get(str(alerts[0].get("level")), "")

    def hear(self, alerts: Iterable[Mapping[str, Any]], about: Mapping[str, Any]) -> tuple[str, str] | None:
        """Alerts that were just written: the word for the user and its kind; None where none fires."""
        firing = [alert for alert in alerts if alert.get("state") == "firing"]
        if not firing:
            return None
        worst = max(firing, key=lambda alert: ("info", "warn", "error").index(alert.get("level", "info")))
        more = f" (and {len(firing) - 1} more)" if len(firing) > 1 else ""
        text = f"{about.get('name') or 'run'}: {worst.get('title') or worst.get('detector')}{more}"
        if worst.get("page"):
            self.unheard = text
        return text, KINDS.get(str(worst.get("level")), "info")


def notification(text: str, *, term: str) -> str:
    """The bell, and what terminals show as a notification (OSC 9, OSC 777); a bare console gets the bell alone."""
    said = _CONTROL.sub(" ", text)[:MOST_CHARS]
    if term in ("linux", "dumb", ""):
        return "\a"
    return f"\a\x1b]9;og: {said}\x1b\\\x1b]777;notify;og;{said}\x1b\\"
