"""Entry point of `og` and `opengraphs`.

In order of cost: a view on a terminal paints its first frame before anything else is
imported; help and version need little; then the command runs inside the error border.
"""

from __future__ import annotations

import sys

from opengraphs.cli import first_frame

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line of this process and leave with its exit code."""
    words = sys.argv[1:] if argv is None else list(argv)
    first_frame.paint_early(words)
    from opengraphs.cli import dispatch

    return dispatch.main(words)
