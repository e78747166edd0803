"""One change made to several runs: which runs, whether it was meant, what became of each."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from opengraphs.cli import output, targets
from opengraphs.cli.format import clean
from opengraphs.client.sync import Client
from opengraphs.errors import DaemonError, OgError, UsageError, UserInterruptError
from opengraphs.protocol.version import SCHEMA

PAGE_RUNS = 2000
MAX_RUNS = 100_000
_NAMED = 5
T = TypeVar("T")


class Chosen(NamedTuple):
    """Runs of one store: as they were named, or the ids that a filter found (`found`).

    names: how a person knows those that a filter found.
    """

    refs: list[str]
    found: bool
    names: list[str]


def store_of(words: Sequence[str], *, store: str | None) -> Path:
    """The store that the runs are in: of a path, its own; else the one in force.

    Raises:
        UsageError: paths lead to different stores.
    """
    stores = {targets.one_run(word, store=store).store for word in words} or {targets.store_of(store)}
    if len(stores) > 1:
        raise UsageError("these runs are of different stores", hint="change the runs of one store at a time")
    return stores.pop()


def chosen(client: Client, words: Sequence[str], filter_: str | None, *, store: str | None) -> Chosen:
    """The runs that were named, or that a filter finds; never both, and never none.

    Raises:
        UsageError: neither or both were given.
    """
    if bool(words) == (filter_ is not None):
        both = "name runs or give a --filter, not both" if words else "which run?"
        raise UsageError(both, hint="RUN is an id, a part of one, or a name; --filter chooses several")
    if filter_ is None:
        return Chosen([targets.one_run(word, store=store).ref for word in words], False, [])
    runs = list(all_runs(client, filter=filter_))
    if not runs and (hint := client.runs(filter=filter_, limit=1).get("hint")):
        output.say(str(hint))
    return Chosen([str(run["run_id"]) for run in runs], True, [called(run) for run in runs])


def all_runs(client: Client, *, limit: int = MAX_RUNS, **query: Any) -> Iterator[dict[str, Any]]:
    """Rows of `GET /runs`, page after page."""
    cursor: str | None = None
    while limit > 0:
        page = client.runs(limit=min(limit, PAGE_RUNS), cursor=cursor, **query)
        yield from page["runs"]  # type: ignore[misc]
        limit, cursor = limit - len(page["runs"]), page["next"]
        if cursor is None:
            return


def confirm(question: str, *, yes: bool, needed: bool, names: Sequence[str] = ()) -> None:
    """Ask a person; silence means no.

    Args:
        yes: it was said already.
        needed: where nobody can be asked, whether that is a no.

    Raises:
        UsageError: nobody is there to ask, and it is needed.
        UserInterruptError: the answer was no.
    """
    if yes:
        return
    if not can_ask():
        if needed:
            raise UsageError(f"{question}? That needs a yes", hint="pass --yes to say it without a terminal")
        return
    for name in names[:_NAMED]:
        output.say(f"  {clean(name)}")
    if len(names) > _NAMED:
        output.say(f"  … and {len(names) - _NAMED} more")
    if not ask(question):
        raise UserInterruptError("nothing was changed")


def ask(question: str) -> bool:
    """What a person says to a question; silence means no."""
    sys.stderr.write(f"{question}? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def can_ask() -> bool:
    """Whether a person is there to answer a question."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def each(refs: Sequence[str], act: Callable[[str], T]) -> tuple[list[T], list[tuple[str, OgError]]]:
    """`act` on every one; what fails is kept, and the others go on.

    Raises:
        OgError: the only one failed, or the daemon is gone.
    """
    done: list[T] = []
    failed: list[tuple[str, OgError]] = []
    for ref in refs:
        try:
            done.append(act(ref))
        except DaemonError:
            raise
        except OgError as error:
            if len(refs) == 1:
                raise
            failed.append((ref, error))
    return done, failed


def conclude(
    done: Sequence[dict[str, Any]],
    failed: Sequence[tuple[str, OgError]],
    *,
    as_json: bool,
    line: Callable[[dict[str, Any]], str],
) -> int:
    """Say what became of each; the exit code of the first that failed, else 0."""
    if as_json:
        errors = [{"run": ref, **error.to_wire()["error"]} for ref, error in failed]
        output.put_json({"schema": SCHEMA, "runs": list(done), "errors": errors})
        return failed[0][1].exit_code if failed else 0
    for item in done:
        output.say(line(item))
    for ref, error in failed:
        output.say(f"og: {clean(ref)}: {error}" + "".join(f"\n  {hint}" for hint in error.hint.splitlines()))
    if not done and not failed:
        output.say("no run fits")
    return failed[0][1].exit_code if failed else 0


def called(item: dict[str, Any]) -> str:
    """`name (id)` of a run in an answer."""
    facts = item.get("run") or item
    return f"{clean(str(facts.get('name') or item['run_id']))} ({item['run_id']})"
