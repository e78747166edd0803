"""`python -m bench [log|engine|live|tui …] [--quick]`: run the recipes and print their tables."""

from __future__ import annotations

import subprocess
import sys

RECIPES = ("log", "engine", "live", "tui")


def main() -> int:
    names = [name for name in sys.argv[1:] if not name.startswith("-")] or list(RECIPES)
    flags = [flag for flag in sys.argv[1:] if flag.startswith("-")]
    unknown = [name for name in names if name not in RECIPES]
    if unknown:
        print(f"bench: no recipe {unknown[0]!r}; there are {', '.join(RECIPES)}", file=sys.stderr)
        return 2
    codes = [
        subprocess.run([sys.executable, "-m", f"bench.{name}", *flags], check=False).returncode
        for name in names
    ]
    return max(codes)


if __name__ == "__main__":
    raise SystemExit(main())
