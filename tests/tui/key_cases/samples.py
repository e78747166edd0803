"""Keys of the Samples screen."""

from __future__ import annotations

from typing import Any

from tui_fakes import RUN, FakeSource, Session

from key_cases.case import Case

LONG = "\n".join(f"line {n}" for n in range(100))


def store(source: FakeSource) -> None:
    """A hundred samples, five steps of twenty prompts; all but the first ones with long answers."""
    source.add_samples(
        RUN,
        [
            {
                "step": n // 20,
                "prompt": f"question {n % 20}",
                "completion": f"{n} {LONG}",
                "score": (n * 7) % 100,
            }
            for n in range(100)
        ],
    )


def samples(session: Session) -> Any:
    return session.app.views["samples"].state


CASES: dict[str, Case] = {
    "samples.up": Case(lambda s: samples(s).cursor, after=98, store=store),
    "samples.down": Case(lambda s: samples(s).cursor, ("home",), after=1, store=store),
    "samples.left": Case(lambda s: samples(s).panel, ("right",), after="list", store=store),
    "samples.right": Case(lambda s: samples(s).panel, after="detail", store=store),
    "samples.page_up": Case(lambda s: samples(s).cursor, after=65, store=store),
    "samples.page_down": Case(lambda s: samples(s).cursor, ("home",), after=34, store=store),
    "samples.first": Case(lambda s: (samples(s).cursor, samples(s).follow), after=(0, False), store=store),
    "samples.last": Case(
        lambda s: (samples(s).cursor, samples(s).follow), ("home",), after=(99, True), store=store
    ),
    "samples.read": Case(lambda s: samples(s).panel, after="detail", store=store),
    "samples.filter": Case(lambda s: s.app.view.edit is not None, after=True, store=store),
    "samples.next": Case(
        lambda s: samples(s).scroll, ("home", "slash", *"line", "enter"), after=6, store=store
    ),
    "samples.previous": Case(
        lambda s: samples(s).scroll, ("home", "slash", *"line", "enter", "n", "n", "n"), after=7, store=store
    ),
    "samples.sort": Case(lambda s: samples(s).sort, after="step", store=store),
    "samples.reverse": Case(lambda s: samples(s).sort, after="-time", store=store),
    "samples.diff": Case(lambda s: samples(s).view, after="diff", store=store),
    "samples.raw": Case(lambda s: samples(s).view, after="raw", store=store),
}
