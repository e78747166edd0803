"""Several runs at once: compare, group, diff. Long ones go in slices, others get turns between."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from opengraphs.daemon.encode import encode

if TYPE_CHECKING:
    from opengraphs.daemon.app import Call
    from opengraphs.engine import EngineStore
    from opengraphs.engine.sliced import Sliced

SLICE_S = 0.02
"""One turn of a long question in the engine's thread; a single run may take longer."""


async def compare(call: Call) -> bytes:
    """`POST /compare`."""
    return await _in_slices(call, lambda engine: engine.compare_sliced(call.body))


async def group(call: Call) -> bytes:
    """`POST /group`."""
    return await _in_slices(call, lambda engine: engine.group_sliced(call.body))


async def diff(call: Call) -> bytes:
    """`POST /diff`."""
    return await _in_slices(call, lambda engine: engine.diff_sliced(call.body))


async def _in_slices(call: Call, begin: Callable[[EngineStore], Sliced]) -> bytes:
    store = await call.store()
    runs = _references(call.body.get("run_ids"))
    question, reply = await store.ask(lambda engine: _first(begin(engine)), scan=True, runs=runs)
    while reply is None:
        reply = await store.ask(lambda engine: _advance(question), runs=())
    return reply


def _first(question: Sliced) -> tuple[Sliced, bytes | None]:
    return question, _advance(question)


def _advance(question: Sliced) -> bytes | None:
    """In the engine's thread, encoding included."""
    answer: dict[str, Any] | None = question.advance(SLICE_S)
    return None if answer is None else encode(answer)


def _references(value: object) -> Sequence[str]:
    """The runs of a request, as far as they are any; the engine says what is wrong with the rest."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else ()
