"""Where a value lies, without reading it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def on_device(value: Any) -> bool:
    """Whether reading this value would wait for an accelerator."""
    device = getattr(value, "device", None)
    if device is None or isinstance(value, (int, float)):
        return False
    kind = getattr(device, "type", None) or getattr(device, "platform", None) or str(device)
    return str(kind).partition(":")[0].lower() not in ("cpu", "meta")
