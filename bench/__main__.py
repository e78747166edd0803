"""`python -m bench [RECIPE…] [FLAG…]`: run recipes and print their tables.

Without a recipe: log, hooks, grammar, alert_rules, sources, engine, live and tui, one after the other. What follows the first
flag goes to the recipes as it is, such as `engine --quick --json FILE`.
"""

from __future__ import annotations

import importlib.util
import signal
import subprocess
import sys
from itertools import takewhile

RECIPES = ("log", "hooks", "grammar", "alert_rules", "sources", "engine", "live", "tui")
LONG = ("soak", "slow_line", "alerts", "verify")
"""Only when asked for by name: these run for as long as they are told."""


def main() -> int:
    arguments = sys.argv[1:]
    names = list(takewhile(lambda word: not word.startswith("-"), arguments))
    flags = arguments[len(names) :]
    known = (*RECIPES, *(name for name in LONG if importlib.util.find_spec(f"bench.{name}")))
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"bench: no recipe {unknown[0]!r}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    return max(run(name, flags) for name in names or RECIPES)


def run(name: str, flags: list[str]) -> int:
    """One recipe's exit code; TERM goes on to it, so that it ends what it started."""
    with subprocess.Popen([sys.executable, "-m", f"bench.{name}", *flags]) as recipe:
        signal.signal(signal.SIGTERM, lambda *_: recipe.terminate())
        return recipe.wait()


if __name__ == "__main__":
    raise SystemExit(main())
