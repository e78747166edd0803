"""Did you mean: the names closest to one that does not exist."""

from __future__ import annotations

from collections.abc import Iterable

from opengraphs.errors import NotFoundError

_NAMED = 8


def nearest(word: str, names: Iterable[str], *, limit: int = 3) -> list[str]:
    """Up to `limit` of `names` that look like `word`, the closest first.

    A name that begins with `word` is near whatever its length; the rest is difflib's
    ratio, without regard to case.
    """
    import difflib

    pool = sorted(set(names))
    lower = {name.lower(): name for name in pool}
    begin = [name for name in pool if word and name.lower().startswith(word.lower())]
    alike = [lower[match] for match in difflib.get_close_matches(word.lower(), lower, n=limit, cutoff=0.6)]
    return list(dict.fromkeys(begin[:limit] + alike))[:limit]


def did_you_mean(word: str, names: Iterable[str]) -> str:
    """`did you mean list or tail?`; empty when nothing is near."""
    found = nearest(word, names)
    return f"did you mean {' or '.join(found)}?" if found else ""


def no_metric(word: str, known: Iterable[str]) -> NotFoundError:
    """What to raise where no run has such a metric; the same words as the daemon's."""
    names = list(known)
    near = nearest(word, names) or names[:_NAMED]
    return NotFoundError(
        f"no metric {word!r}", hint=f"nearest: {', '.join(near)}" if near else "no metrics yet"
    )
