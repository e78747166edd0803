"""Lists: order, pages and cursors, against the slow and obvious way."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from opengraphs.engine import listing
from opengraphs.engine.catalog import Entry
from opengraphs.errors import UsageError
from opengraphs.store.folder import RunFolder


def entry(run_id: str, **facts: Any) -> Entry:
    made = Entry(RunFolder(Path("/nowhere") / run_id))
    made.set_facts({"run_id": run_id, **facts})  # type: ignore[typeddict-item]
    return made


def page(
    entries: list[Entry], sort: str, *, limit: int = 10, cursor: str | None = None, where: str = ""
) -> listing.Page:
    newest_first = sorted(entries, key=lambda one: one.run_id, reverse=True)
    return listing.page(
        newest_first, where=where, project=None, status=None, sort=sort, limit=limit, cursor=cursor
    )


def ids(found: listing.Page) -> list[str]:
    return [one.run_id for one in found.entries]


@pytest.fixture
def many() -> list[Entry]:
    draw = random.Random(3)
    values = [1, 2, 2, 0.5, -1, float("nan"), "a", "B", "b", True, None, ["x"], []]
    return [
        entry(f"r{n:04}", config={"v": draw.choice(values)}, tags=[f"lr={n % 5}"] if n % 2 else [])
        for n in draw.sample(range(500), 500)
    ]


def expected(entries: list[Entry], *, descending: bool) -> list[str]:
    """Numbers before text, each by value, equal ones newest first; the whole turned round downwards; nothing last."""

    def rank(one: Entry) -> tuple[int, Any] | None:
        value: Any = one.facts["config"]["v"]
        if isinstance(value, str) or (isinstance(value, list) and value):
            return 1, (value if isinstance(value, str) else value[0]).lower()
        return None if value is None or value != value or value == [] else (0, value)  # noqa: PLR0124

    newest_first = sorted(entries, key=lambda one: one.run_id, reverse=True)
    known = sorted(
        [one for one in newest_first if rank(one)], key=lambda one: rank(one) or (), reverse=descending
    )
    return [one.run_id for one in known + [one for one in newest_first if not rank(one)]]


@pytest.mark.parametrize("sort", ["config.v", "-config.v"])
@pytest.mark.parametrize("limit", [1, 7, 60, 499, 500, 2000])
def test_pages_of_any_size_are_the_whole_order(many: list[Entry], sort: str, limit: int) -> None:
    found, cursor = [], None
    while True:
        got = page(many, sort, limit=limit, cursor=cursor)
        found += ids(got)
        cursor = got.next
        if cursor is None:
            break
    assert found == expected(many, descending=sort.startswith("-"))


def test_row_cursor_begins_at_that_row_and_behind_the_end_is_nothing(many: list[Entry]) -> None:
    whole = ids(page(many, "run_id", limit=2000))
    assert ids(page(many, "run_id", cursor="5:", limit=3)) == whole[5:8]
    assert ids(page(many, "run_id", cursor="0:")) == whole[:10]
    behind = page(many, "run_id", cursor="9999:")
    assert (ids(behind), behind.total, behind.next) == ([], 500, None)
    for wrong in ("x:", "-1:", "1e3:", "²:"):
        with pytest.raises(UsageError, match="no cursor"):
            page(many, "run_id", cursor=wrong)


def test_page_goes_on_behind_a_run_that_moved() -> None:
    entries = [entry(f"r{n}", config={"v": n}) for n in range(9)]
    first = page(entries, "config.v", limit=3)
    assert (ids(first), first.next) == (["r0", "r1", "r2"], "3:r2")
    entries += [entry("new", config={"v": -1})]
    assert ids(page(entries, "config.v", limit=3, cursor=first.next)) == ["r3", "r4", "r5"]
    entries[2].set_facts({"run_id": "r2", "config": {"v": 5.5}})
    assert ids(page(entries, "config.v", limit=3, cursor=first.next)) == ["r6", "r7", "r8"]
    left = [one for one in entries if one.run_id != "r2"]
    assert ids(page(left, "config.v", limit=2, cursor=first.next)) == ["r3", "r4"]


def test_tags_durations_and_last_values_sort_as_numbers() -> None:
    times = ("2026-11-22T10:00:00Z", "2026-11-22T10:00:30Z", "2026-11-22T12:00:00Z")
    runs = [
        entry("a", tags=["lr=10"], status="finished", started_at=times[0], ended_at=times[2]),
        entry("b", tags=["lr=9", "x"], status="finished", started_at=times[0], ended_at=times[1]),
        entry("c", status="finished"),
    ]
    runs[0].digest, runs[1].digest = {"last": {"train/loss": 2.0}}, {"last": {"train/loss": "NaN"}}
    assert ids(page(runs, "tag.lr")) == ["b", "a", "c"]
    assert ids(page(runs, "-duration")) == ["a", "b", "c"]
    assert ids(page(runs, "last.train/loss"))[0] == "a"
    assert ids(page(runs, "-summary.train.loss"))[-1] == "c"


def test_archived_runs_come_only_when_they_are_spoken_of() -> None:
    runs = [entry("a"), entry("b", archived=True)]
    assert ids(page(runs, "run_id")) == ["a"]
    assert ids(page(runs, "run_id", where="archived:any")) == ["a", "b"]
    assert ids(page(runs, "run_id", where="id:b")) == ["b"]
    assert page(runs, "run_id").total == 1


@pytest.mark.parametrize(
    ("sort", "meant"), [("creatd_at", "created_at"), ("durations", "duration"), ("foo.bar", "")]
)
def test_unknown_sort_key_names_the_nearest(sort: str, meant: str) -> None:
    with pytest.raises(UsageError, match="cannot sort by") as caught:
        page([entry("a")], sort)
    assert f"did you mean {meant}" in caught.value.hint if meant else "known" in caught.value.hint


@pytest.mark.parametrize(
    ("as_in_filters", "key"),
    [("created", "created_at"), ("-started", "-started_at"), ("id", "run_id"), ("tag", "tags")],
)
def test_words_of_the_filter_language_sort_too(as_in_filters: str, key: str) -> None:
    runs = [
        entry("a", created_at="2026-03", started_at="2026-05", tags=["y"]),
        entry("b", created_at="2026-02", started_at="2026-06", tags=["z"]),
        entry("c", created_at="2026-04", started_at="2026-04", tags=["x"]),
    ]
    assert ids(page(runs, as_in_filters)) == ids(page(runs, key))


def tree(
    entries: list[Entry], parents: dict[str, str], *folded: str, sort: str = "-created_at"
) -> list[tuple[str, int, int, bool]]:
    newest_first = sorted(entries, key=lambda one: one.run_id, reverse=True)
    found = listing.page(
        newest_first,
        where="",
        project=None,
        status=None,
        sort=sort,
        limit=10,
        cursor=None,
        parents=parents,
        folded=folded,
    )
    assert found.places is not None
    assert found.total == len(found.entries)
    return [(run_id, *found.places[run_id]) for run_id in ids(found)]


def test_a_family_stands_together_where_its_first_member_would() -> None:
    made = [entry(name, created_at=name) for name in ("a", "b", "c", "d", "e")]
    parents = {"b": "a", "d": "b", "e": "a"}
    assert tree(made, parents) == [
        ("a", 0, 3, False),
        ("b", 1, 1, False),
        ("d", 2, 0, False),
        ("e", 1, 0, False),
        ("c", 0, 0, False),
    ]
    assert tree(made, parents, sort="created_at")[-1][0] == "c"


def test_folded_runs_hide_what_came_from_them() -> None:
    made = [entry(name, created_at=name) for name in ("a", "b", "c", "d")]
    parents = {"b": "a", "d": "b"}
    assert tree(made, parents, "a", "c") == [("a", 0, 2, True), ("c", 0, 0, False)]
    assert tree(made, parents, "b") == [("a", 0, 2, False), ("b", 1, 1, True), ("c", 0, 0, False)]


def test_a_run_hangs_below_its_nearest_listed_ancestor_and_circles_end() -> None:
    made = [entry(name, created_at=name) for name in ("a", "c", "x", "y")]
    parents = {"b": "a", "c": "b", "x": "y", "y": "x"}
    assert tree(made, parents) == [
        ("x", 0, 1, False),
        ("y", 1, 0, False),
        ("a", 0, 1, False),
        ("c", 1, 0, False),
    ]


def test_lists_sort_by_the_ends_of_a_metric() -> None:
    made = [entry("a"), entry("b"), entry("c")]
    for one, ends in zip(made, ((1.0, 5.0), (3.0, 4.0), None), strict=True):
        one.digest = {"ends": {"loss": ends}} if ends else {}
    assert ids(page(made, "min.loss")) == ["a", "b", "c"]
    assert ids(page(made, "max.loss")) == ["b", "a", "c"]
    assert ids(page(made, "-best.loss")) == ["b", "a", "c"]
