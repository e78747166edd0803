"""What the hooks of training frameworks share: a callback of `opengraphs.integrations` that writes to a mirror."""

from __future__ import annotations

from .guard import trouble
from .mirror import mirror

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .mirror import Mirror


class Hooked:
    """Stands before a `Watch` among the bases of a callback that a hook adds; gives way to one of the script."""

    is_explicit = False
    source = ""

    @property
    def recorder(self) -> Mirror:
        return mirror(self.source)

    def trouble(self, _what: str, error: Exception) -> None:
        trouble(self.source, error)
