"""The ranks of a distributed run in few words: how many, and which of them lag, are silent or missing."""

from __future__ import annotations

from opengraphs.tui.painters import numbers
from opengraphs.tui.painters.cells import row_width
from opengraphs.tui.painters.text import pad

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from opengraphs.protocol.runs import RankSeen
    from opengraphs.tui.glyphs import Glyphs
    from opengraphs.tui.painters.cells import Row

TROUBLE = ("missing", "silent", "lagging")
"""States worth a word, worst first."""

_ROLES = {"missing": "error", "silent": "error", "lagging": "warn"}


def by_rank(seen: Iterable[RankSeen]) -> list[RankSeen]:
    """One entry a rank, in order: its newest attempt, of several journals the one that was written last.

    Where a single rank logs, as most scripts have it, those that never did are no news and are left out.
    """
    found: dict[int, RankSeen] = {}
    for one in seen:
        known = found.get(one["rank"])
        if known is None or _newness(one) >= _newness(known):
            found[one["rank"]] = one
    logging = [rank for rank, one in found.items() if one["writer"]]
    return [found[rank] for rank in sorted(found if len(logging) > 1 else logging)]


def _newness(one: RankSeen) -> tuple[int, float]:
    return one["attempt"], one["last_time"] or 0.0


def troubled(ranks: Sequence[RankSeen]) -> list[RankSeen]:
    """Those that are not as they should be, worst first."""
    bad = [one for one in ranks if one.get("state") in TROUBLE]
    return sorted(
        bad, key=lambda one: (TROUBLE.index(one["state"]), -(one.get("lag_steps") or 0), one["rank"])
    )


def why(one: RankSeen) -> str:
    """`120 steps behind`, `silent 4m12s`, `missing`; empty for a rank that is as it should be."""
    state, lag, silent_s = one.get("state"), one.get("lag_steps"), one.get("silent_s")
    if state == "lagging" and lag:
        return f"{numbers.count(lag)} steps behind"
    if state == "silent" and silent_s is not None:
        return f"silent {numbers.duration(silent_s)}"
    return str(state) if state in TROUBLE else ""


def rows(seen: Sequence[RankSeen], inner: int, glyphs: Glyphs, *, most: int) -> list[Row]:
    """What the statistics panel says of the ranks: a line of summary, then the worst of them; none for one rank.

    inner: cells of a line. most: lines there is room for.
    """
    ranks = by_rank(seen)
    if len(ranks) < 2 or most < 1:
        return []
    bad = troubled(ranks)
    head = f"{len(ranks)} ranks"
    told, role = _summary(ranks, bad, inner - len(head) - 3)
    out = [_line(head, "text", told, role, inner, glyphs)]
    fitting = bad if len(bad) < most else bad[: max(0, most - 2)]
    for one in fitting:
        mark = f"{glyphs.marks['warn']} rank {one['rank']}"
        out.append(_line(mark, _ROLES[one["state"]], why(one), "dim", inner, glyphs))
    if len(fitting) < len(bad) and len(out) < most:
        out.append(_line("", "dim", f"{len(bad) - len(fitting)} more", "dim", inner, glyphs))
    return out


def _summary(ranks: Sequence[RankSeen], bad: Sequence[RankSeen], room: int) -> tuple[str, str]:
    """How they are, in at most `room` cells, and its role."""
    if not bad:
        ended = all(one.get("state") == "ended" for one in ranks)
        return ("all ended", "dim") if ended else ("all in step", "ok")
    counts = [(state, sum(one["state"] == state for one in bad)) for state in TROUBLE]
    text = ", ".join(f"{count} {state}" for state, count in counts if count)
    return text if len(text) <= room else f"{len(bad)} in trouble", _ROLES[bad[0]["state"]]


def _line(left: str, left_role: str, right: str, right_role: str, inner: int, glyphs: Glyphs) -> Row:
    row: Row = [(f" {left}", left_role)]
    room = max(0, inner - 1 - row_width(row))
    return [*row, (pad(right, room, align="right", ellipsis=glyphs.ellipsis), right_role), (" ", "text")]
