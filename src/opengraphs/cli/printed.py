"""What is read off a training's output: the user's patterns, checked before anything starts."""

from __future__ import annotations

from collections.abc import Sequence

from opengraphs.errors import UsageError


def patterns(given: Sequence[str]) -> list[str]:
    """The patterns of the command line, else those of the settings.

    Raises:
        UsageError: one is no regular expression, or names no metric.
    """
    from opengraphs.tui import settings

    loaded = settings.load(flags={"run.patterns": tuple(given) or None})
    texts = loaded.texts("run.patterns")
    if texts:
        from opengraphs.grammar.patterns import Pattern, PatternError

        for text in texts:
            try:
                Pattern(text)
            except PatternError as error:
                raise UsageError(str(error), hint="docs/stdout-metrics.md shows patterns") from None
    return list(texts)


def is_wanted(*, switched_off: bool) -> bool:
    """Whether metrics are looked for in the output at all.

    Raises:
        UsageError: a settings file is wrong.
    """
    from opengraphs.tui import settings

    return not switched_off and settings.load().flag("run.stdout_metrics")
