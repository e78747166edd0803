"""What the Samples screen asks: a window of the list, one sample whole, the other answers to its prompt."""

from __future__ import annotations

from typing import Any, NamedTuple

from opengraphs.client.wire import run_path
from opengraphs.tui.questions import Source

LIST_CHARS = 400
"""Of each text of a sample in the list."""

WHOLE_CHARS = 200_000
SIBLINGS = 100
LOOKS = 100
"""Each looks through twenty thousand samples."""

MOST_RUNS = 7


class SamplesQuestion(NamedTuple):
    """The samples `start` … of a run, texts shortened; a negative `start` counts from the end."""

    run: str
    start: int
    limit: int
    filter: str
    sort: str
    slot: str = "samples"

    async def ask(self, source: Source) -> dict[str, Any]:
        return await source.get(
            run_path(self.run, "samples"),
            **{"from": self.start},
            limit=self.limit,
            filter=self.filter or None,
            sort=None if self.sort == "time" else self.sort,
            cut=LIST_CHARS,
        )


class SampleQuestion(NamedTuple):
    """One sample with its whole texts."""

    run: str
    sample: str
    slot: str = "samples.whole"

    async def ask(self, source: Source) -> dict[str, Any]:
        return await source.get(run_path(self.run, "samples"), id=self.sample, cut=WHOLE_CHARS)


class SiblingsQuestion(NamedTuple):
    """Every answer to the prompt of a sample: of its run, and of `others`, (run id, name)."""

    run: str
    sample: str
    others: tuple[tuple[str, str], ...]
    slot: str = "samples.like"

    async def ask(self, source: Source) -> dict[str, Any]:
        found = []
        for run, name in ((self.run, ""), *self.others[:MOST_RUNS]):
            found += [(name, sample) for sample in await self._like(source, run)]
        return {"siblings": found}

    async def _like(self, source: Source, run: str) -> list[dict[str, Any]]:
        """The answers in one run, once the daemon has looked through all its samples."""
        for _ in range(LOOKS):
            reply = await source.get(
                run_path(run, "samples"),
                like=self.sample,
                like_run=self.run,
                limit=SIBLINGS,
                cut=WHOLE_CHARS // 10,
            )
            if not reply["unread"]:
                break
        samples: list[dict[str, Any]] = reply["samples"]
        return samples
