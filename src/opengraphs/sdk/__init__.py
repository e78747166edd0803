"""What runs inside training: `Run`, the journal writer, and what they need.

Stdlib only, Python 3.8-safe, and a folder that works alone on `sys.path`. Nothing is
imported here, so that the runner and the command line can take single modules;
`opengraphs` itself re-exports the public names of `opengraphs.sdk.api`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """`wandb.sdk.wandb_run.Run` and its like, which stand in annotations of scripts."""
        if name not in ("wandb_run", "wandb_config", "wandb_summary", "wandb_settings", "data_types"):
            raise AttributeError("module 'opengraphs.sdk' has no attribute %r" % name)
        from . import spaces

        return getattr(spaces, name)
