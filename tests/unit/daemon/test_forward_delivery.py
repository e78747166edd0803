"""Batches against servers that refuse, fail and lie: what is stored, what is skipped, what is tried again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from opengraphs.daemon.forward.delivery import FAULTS_BEFORE_SPLIT, MAX_SKIPS_IN_A_ROW, Delivery
from opengraphs.daemon.forward.rows import ALERTS, METRICS, SYSTEM, Row
from opengraphs.daemon.forward.transport import RefusedError, UnavailableError

Entries = list[dict[str, Any]]


class Server:
    """Stores entries unless `judge`, which sees them first, raises."""

    def __init__(self, judge: Callable[[Entries], None] = lambda _entries: None) -> None:
        self.judge = judge
        self.stored: list[Any] = []
        self.calls = 0

    def __call__(self, name: str, kwargs: dict[str, object]) -> None:
        entries: Any = kwargs["alerts" if name == ALERTS else "logs"]
        self.calls += 1
        self.judge(entries)
        self.stored += [(name, entry["id"]) for entry in entries]


def rows(count: int, endpoint: str = METRICS) -> list[Row]:
    return [Row(endpoint, {"id": number}, f"byte {number}", 10) for number in range(count)]


def refuse(*ids: int) -> Callable[[Entries], None]:
    def judge(entries: Entries) -> None:
        if any(entry["id"] in ids for entry in entries):
            raise RefusedError("bad value")

    return judge


def ids(server: Server) -> list[int]:
    return sorted(number for _, number in server.stored)


def test_each_kind_goes_to_its_own_endpoint() -> None:
    server = Server()
    assert Delivery(server).deliver([*rows(1, ALERTS), *rows(2), *rows(1, SYSTEM)]) == []
    assert [name for name, _ in server.stored] == [METRICS, METRICS, SYSTEM, ALERTS]


def test_one_poison_row_is_found_skipped_and_named_and_all_others_are_stored() -> None:
    server = Server(refuse(337))
    (skip,) = Delivery(server).deliver(rows(500))
    assert (skip.place, skip.reason) == ("byte 337", "bad value")
    assert ids(server) == [number for number in range(500) if number != 337]
    assert server.calls < 25


def test_several_poison_rows_are_each_found() -> None:
    server = Server(refuse(0, 1, 77, 99))
    assert [skip.place for skip in Delivery(server).deliver(rows(100))] == [
        "byte 0", "byte 1", "byte 77", "byte 99",
    ]  # fmt: skip
    assert len(server.stored) == 96


def test_a_batch_that_is_too_large_goes_in_smaller_ones() -> None:
    def judge(entries: Entries) -> None:
        if len(entries) > 7:
            raise RefusedError("status 413")

    server = Server(judge)
    assert Delivery(server).deliver(rows(100)) == []
    assert ids(server) == list(range(100))


def test_a_server_that_refuses_even_nothing_is_no_reason_to_skip_a_row() -> None:
    def judge(_entries: Entries) -> None:
        raise RefusedError("A write_token is required")

    server = Server(judge)
    with pytest.raises(UnavailableError, match="refuses everything: A write_token"):
        Delivery(server).deliver(rows(4))


def test_a_server_that_refuses_each_row_of_a_run_is_not_believed() -> None:
    def judge(entries: Entries) -> None:
        if entries:
            raise RefusedError("no such project")

    delivery = Delivery(Server(judge))
    with pytest.raises(RefusedError, match="every row of this run: no such project"):
        delivery.deliver(rows(MAX_SKIPS_IN_A_ROW + 5))


def test_a_refused_config_costs_the_config_and_not_the_row() -> None:
    def judge(entries: Entries) -> None:
        if any(entry.get("config") for entry in entries):
            raise RefusedError("config")

    server = Server(judge)
    first, *others = rows(8)
    skips = Delivery(server).deliver([first._replace(entry={"id": 0, "config": {"lr": 1}}), *others])
    assert [skip.place for skip in skips] == ["config"]
    assert ids(server) == list(range(8))


def test_a_row_that_always_makes_the_server_fail_is_found_after_some_tries() -> None:
    def judge(entries: Entries) -> None:
        if any(entry["id"] == 5 for entry in entries):
            raise UnavailableError("status 500", status=500)

    server = Server(judge)
    delivery = Delivery(server)
    for _ in range(FAULTS_BEFORE_SPLIT):
        with pytest.raises(UnavailableError):
            delivery.deliver(rows(16))
    assert [skip.place for skip in delivery.deliver(rows(16))] == ["byte 5"]
    assert ids(server) == [number for number in range(16) if number != 5]


@pytest.mark.parametrize("status", [None, 429, 502, 503])
def test_an_unavailable_server_is_never_a_reason_to_divide(status: int | None) -> None:
    def judge(_entries: Entries) -> None:
        raise UnavailableError("away", status=status)

    server = Server(judge)
    delivery = Delivery(server)
    for _ in range(10):
        with pytest.raises(UnavailableError):
            delivery.deliver(rows(16))
    assert server.calls == 10
