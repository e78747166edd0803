"""Records of journals in Trackio's words, and the ids by which a replay changes nothing."""

from __future__ import annotations

import pytest

from opengraphs.daemon.forward.rows import Who, alert_row, metric_row, row_id, system_figure, system_row

WHO = Who("digits", "wide", "20261122-093012-k7f3")


def test_a_metric_row_has_what_the_server_asks_for() -> None:
    row = metric_row(
        WHO, {"loss": "NaN", "step": 3, "__x": 1}, step=7, time_s=1763803812.5, row="id", place="p"
    )
    assert row.entry == {
        "project": "digits",
        "run": "wide",
        "run_id": "20261122-093012-k7f3",
        "metrics": {"loss": "NaN", "__step": 3, "____x": 1},
        "step": 7,
        "config": None,
        "timestamp": "2025-11-22T09:30:12.500000+00:00",
        "log_id": "id",
    }


def test_an_id_follows_from_run_place_and_bytes_alone() -> None:
    line = b'{"step":1}'
    same = row_id("run", "metrics/a0-r0#0", 120, line)
    assert same == row_id("run", "metrics/a0-r0#0", 120, line)
    others = {
        row_id("run2", "metrics/a0-r0#0", 120, line),
        row_id("run", "metrics/a0-r1#0", 120, line),
        row_id("run", "metrics/a0-r0#1", 120, line),
        row_id("run", "metrics/a0-r0#0", 121, line),
        row_id("run", "metrics/a0-r0#0", 120, line + b" "),
    }
    assert len(others - {same}) == 5


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("gpu.0.util_percent", 50.0, ("gpu/0/utilization", 50.0)),
        ("gpu.12.mem_used_bytes", float(3 << 30), ("gpu/12/allocated_memory", 3.0)),
        ("gpu.0.temp_c", "NaN", ("gpu/0/temp", "NaN")),
        ("gpu.0.odd", 1, ("gpu/0/odd", 1)),
        ("cpu.percent", 10.0, ("cpu/utilization", 10.0)),
        ("disk.free_bytes", 1.0, ("disk/free_bytes", 1.0)),
    ],
)
def test_system_figures_get_trackios_names_and_units(
    key: str, value: object, named: tuple[str, object]
) -> None:
    assert system_figure(key, value) == named


def test_records_without_figures_make_no_row() -> None:
    assert system_row(WHO, {"time": 1.0, "metrics": {}}, row="r", place="p") is None
    assert system_row(WHO, {"seal": {}}, row="r", place="p") is None


def test_an_alert_is_sent_when_it_fires_and_not_when_it_goes_on() -> None:
    event = {
        "kind": "alert",
        "alert_id": "a1",
        "state": "fired",
        "title": "x",
        "level": "error",
        "step": 3,
        "time": 1.0,
    }
    row = alert_row(WHO, event, place="p")
    assert row is not None
    assert (row.entry["title"], row.entry["level"], row.entry["step"]) == ("x", "error", 3)
    assert row.entry["alert_id"] == alert_row(WHO, {**event, "text": "more"}, place="q").entry["alert_id"]  # type: ignore[union-attr]
    assert alert_row(WHO, {**event, "state": "resolved"}, place="p") is None
    odd = alert_row(WHO, {"kind": "alert", "level": "loud", "title": 3}, place="p")
    assert odd is not None
    assert (odd.entry["title"], odd.entry["level"], odd.entry["step"]) == ("3", "warn", None)
