"""A WAV file from samples, with the standard library alone."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List


def write(path: str, samples: Any, rate: int) -> None:
    """Write 16-bit sound.

    Args:
        samples: floats from -1 to 1, or 16-bit ints: a sequence, or one row a moment with a
            value a channel.
    """
    import array
    import sys
    import wave

    for method in ("detach", "cpu"):
        convert = getattr(samples, method, None)
        samples = convert() if callable(convert) else samples
    rows: List[Any] = list(samples.tolist() if hasattr(samples, "tolist") else samples)
    channels = len(rows[0]) if rows and isinstance(rows[0], (list, tuple)) else 1
    flat = [value for row in rows for value in row] if channels > 1 else [_first(row) for row in rows]
    scale = 32767 if any(isinstance(value, float) for value in flat) else 1
    sound = array.array("h", (max(-32768, min(32767, round(value * scale))) for value in flat))
    if sys.byteorder == "big":
        sound.byteswap()
    with wave.open(path, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(int(rate))
        file.writeframes(sound.tobytes())


def _first(row: Any) -> Any:
    return row[0] if isinstance(row, (list, tuple)) else row
