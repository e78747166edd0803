"""Bring the new lines of a block that was found to the file's indentation and signs, or refuse to guess."""

from __future__ import annotations

from collections.abc import Sequence

from opengraphs.guard.patch.match import Hit, indent, is_typographic, plain

Steps = Sequence[tuple[int, int, int, int]]
"""What a block changes: search[i:j] becomes replace[k:m]."""
_USUAL = "—"
"""Models write it in comments, and nobody's keyboard has it: it is no slip."""


class Refused(Exception):  # noqa: N818 - it never leaves this package
    """Why a block that was found cannot be applied."""


class Fit:
    """One block in its place."""

    def __init__(
        self, hit: Hit, search: Sequence[str], replace: Sequence[str], own: Sequence[str], steps: Steps
    ) -> None:
        """Args:
        own: the file's lines where `search` was found.

        Raises:
            Refused: what the new lines should be in this file is not certain.
        """
        self.shift, self.deeper = hit.shift, hit.deeper
        self.strips = hit.rung != "exact" and _spaces_added(search, own)
        self.signs = _signs(search, replace, own, steps)
        if self.shift and _disagree(search, replace, steps):
            raise Refused(
                "SEARCH is indented otherwise than the file, and REPLACE otherwise than SEARCH: write both as the file has it"
            )

    def line(self, line: str) -> str:
        """A new line as the file would have it."""
        line = line.rstrip() if self.strips else line
        line = line.translate(self.signs) if self.signs else line
        if not line.strip() or not self.shift:
            return line
        if self.deeper:
            return self.shift + line
        if not line.startswith(self.shift):
            raise Refused("a line of REPLACE is indented less than SEARCH: write both as the file has it")
        return line[len(self.shift) :]


def _spaces_added(search: Sequence[str], own: Sequence[str]) -> bool:
    """Whether the block has spaces at the end of a line where the file has none."""
    return any(
        len(theirs) > len(theirs.rstrip()) and mine.rstrip("\r") == mine.rstrip()
        for mine, theirs in zip(own, search, strict=True)
    )


def _signs(search: Sequence[str], replace: Sequence[str], own: Sequence[str], steps: Steps) -> dict[int, str]:
    """Which sign of the model stands for which of the file, from the lines that were found."""
    changed = {at for i, j, _, _ in steps for at in range(i, j)}
    signs: dict[int, str] = {}
    known = {_USUAL}
    for at, (mine, theirs) in enumerate(zip(own, search, strict=True)):
        for here, there in zip(mine.strip(), theirs.strip(), strict=False):
            if here == there:
                known |= {here} if is_typographic(here) else set()
            elif is_typographic(there) and not is_typographic(here):
                signs[ord(there)] = here
            elif at in changed:
                raise Refused(f"the file has {here!r} where SEARCH has {there!r}: copy the line as it is")
    new = {sign for _, _, k, m in steps for line in replace[k:m] for sign in line if is_typographic(sign)}
    unsure = sorted(sign for sign in new if (ord(sign) in signs) == (sign in known))
    if unsure:
        raise Refused(
            f"REPLACE has {' '.join(map(repr, unsure))}: use the quotes, dashes and spaces of the file"
        )
    return signs


def _disagree(search: Sequence[str], replace: Sequence[str], steps: Steps) -> bool:
    """Whether REPLACE may be indented by another rule than SEARCH, so that shifting both would be wrong for one."""
    moved = {line.strip() for i, j, _, _ in steps for line in search[i:j] if line.strip()}
    again = any(line.strip() in moved for _, _, k, m in steps for line in replace[k:m])
    return again or _shallowest(search) != _shallowest(replace)


def _shallowest(lines: Sequence[str]) -> str:
    return min((indent(plain(line)) for line in lines if line.strip()), key=len, default="")
