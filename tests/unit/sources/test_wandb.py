"""What the W&B reader makes of a file that wandb wrote, and of records that other versions write."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from sink_kit import RecordingSink, read_all, read_once, reopened
from wire_kit import (
    WandbLog,
    field,
    timestamp,
    wandb_exit,
    wandb_output,
    wandb_row,
    wandb_run,
    wandb_stats,
    wandb_summary,
)

from opengraphs.sources.wandb import WandbReader, accepts

FIXTURES = Path(__file__).parents[2] / "fixtures" / "sources"
REAL = next((FIXTURES / "wandb" / "wandb").iterdir())


def _file(folder: Path, *records: bytes) -> Path:
    log = WandbLog()
    for record in records:
        log.add(record)
    path = folder / "offline-run-20231114_221320-abc" / "run-abc.wandb"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(log.data)
    return path


def _read(folder: Path, *records: bytes) -> RecordingSink:
    sink, reader = read_once(WandbReader, _file(folder, *records))
    assert reader.troubles() == []
    assert reader.left() == 0.0
    return sink


# -- a file of the real library -------------------------------------------------------------------


@pytest.fixture(name="real")
def _real() -> RecordingSink:
    path = accepts(REAL)
    assert path is not None
    sink, reader = read_once(WandbReader, path)
    assert reader.troubles() == []
    return sink


def test_rows_are_what_was_logged_and_media_is_left_out(real: RecordingSink) -> None:
    curves = real.curves()

    odd = curves.pop("odd")
    steps = range(20)
    assert curves == {
        "loss": {step: 1 / (step + 1) for step in steps},
        "nest.a": {step: float(step) for step in steps},
        "nest.b.c": {step: step / 3 for step in steps},
        "flag": {step: float(step % 2 == 0) for step in steps},
        "x.y": {step: step * 2.0 for step in steps},
    }
    assert math.isnan(odd[30])
    assert (odd[31], odd[32]) == (-math.inf, math.inf)


def test_facts_are_what_the_run_was_given(real: RecordingSink) -> None:
    facts = real.facts[""]

    assert facts["config"] == {"lr": 0.001, "model": {"dim": 64, "layers": [1, 2]}, "name": "x", "late": 5}
    assert facts["summary"] == {"best": 3}
    told = {key: facts[key] for key in ("project", "name", "group", "job_type", "tags", "notes", "host")}
    assert told == {
        "project": "fixtures",
        "name": "a run",
        "group": "grp",
        "job_type": "train",
        "tags": ["base", "k=v"],
        "notes": "two words",
        "host": "box",
    }
    assert (facts["status"], facts["exit_code"]) == ("failed", 3)
    assert facts["created_at"] < facts["ended_at"]


def test_output_and_alerts_are_there(real: RecordingSink) -> None:
    assert real.logs[""].decode() == (REAL / "files" / "output.log").read_text()
    ((_time, kind, alert),) = real.events[""]
    assert kind == "alert"
    assert (alert["title"], alert["text"], alert["level"]) == ("Watch out", "it rose", "warn")


# -- which places ---------------------------------------------------------------------------------


def test_a_file_its_folder_and_a_link_to_it_are_one_place(tmp_path: Path) -> None:
    path = _file(tmp_path, wandb_run())
    (tmp_path / "latest-run").symlink_to(path.parent)

    assert accepts(path) == path.resolve()
    assert accepts(path.parent) == path.resolve()
    assert accepts(tmp_path / "latest-run") == path.resolve()
    assert accepts(tmp_path / "latest-run" / path.name) == path.resolve()
    assert accepts(tmp_path) is None


def test_other_files_of_the_name_are_not_accepted(tmp_path: Path) -> None:
    (tmp_path / "x.wandb").write_text("something else")
    assert accepts(tmp_path / "x.wandb") is None
    assert accepts(tmp_path) is None
    (tmp_path / "x.wandb").write_bytes(b":W")  # its writer has just begun
    assert accepts(tmp_path) == (tmp_path / "x.wandb").resolve()


# -- rows -----------------------------------------------------------------------------------------


def _raw_row(*items: tuple[bytes, bytes], step: int | None = None) -> bytes:
    """A row with values as they are, keys in the older field; a step only where one is given."""
    fields = b"".join(field(1, field(1, key) + field(16, value)) for key, value in items)
    return field(1, 5) + field(2, fields + (field(2, field(1, step)) if step is not None else b""))


def test_rows_of_older_clients_are_read_too(tmp_path: Path) -> None:
    sink = _read(
        tmp_path,
        wandb_run(),
        _raw_row((b"_step", b"4"), (b"_timestamp", b"1700000009.5"), (b"a", b"1e3"), (b"b", b'"NaN"')),
        _raw_row(
            (b"d", b'{"e": 1, "f": {"g": 2.5, "t": true}, "m": {"_type": "image-file", "size": 3}}'), step=6
        ),
        _raw_row((b"a", b"2")),
        _raw_row(
            (b"t", b'"-Infinity"'), (b"u", b'"12"'), (b"v", b"null"), (b"w", b"[1, 2]"), (b"x", b"{broken")
        ),
    )

    curves = sink.curves()
    assert math.isnan(curves.pop("b")[4])
    assert curves == {
        "a": {4: 1000.0, 7: 2.0},
        "d.e": {6: 1.0},
        "d.f.g": {6: 2.5},
        "d.f.t": {6: 1.0},
        "t": {8: -math.inf},
    }
    assert sink.points[""]["a"][0] == (4, 1700000009.5, 1000.0)


def test_long_keys_long_rows_and_nested_media(tmp_path: Path) -> None:
    values: dict[str, Any] = {f"metric/{'k' * 120}{number}": number / 3 for number in range(300)}
    media = {"m___type": "table-file", "m__nrows": 4, "m__deep__x": 1, "n__ok": 1}
    sink = _read(
        tmp_path,
        wandb_run(),
        wandb_row(0, **values),
        wandb_row(1, **media),
        wandb_row(2, **{"k" * 5000: 1, "ok": 2}),
    )

    assert sink.curves() == {
        **{key: {0: value} for key, value in values.items()},
        "n.ok": {1: 1.0},
        "ok": {2: 2.0},
    }


def test_the_counter_that_a_framework_defined_is_the_step(tmp_path: Path) -> None:
    define = field(12, field(2, b"*") + field(4, b"train/global_step"))
    sink = _read(
        tmp_path,
        wandb_run(),
        define,
        wandb_row(0, **{"train/global_step": 50, "loss": 1.0}),
        wandb_row(1, **{"train/global_step": 100, "loss": 0.5}),
        wandb_row(2, loss=0.25),
    )

    assert sink.curves()["loss"] == {50: 1.0, 100: 0.5, 2: 0.25}


def test_an_axis_of_epochs_is_a_metric_and_no_step(tmp_path: Path) -> None:
    define = field(12, field(1, b"*") + field(4, b"epoch"))
    sink = _read(tmp_path, wandb_run(), define, wandb_row(7, epoch=1, loss=1.0))

    assert sink.curves() == {"epoch": {7: 1.0}, "loss": {7: 1.0}}


# -- facts ----------------------------------------------------------------------------------------


def test_config_is_unwrapped_updated_and_removed_from(tmp_path: Path) -> None:
    update = field(1, field(1, b"lr") + field(16, b'{"value": 2, "desc": null}'))
    nested = field(1, field(2, b"model") + field(2, b"dim") + field(16, b"128"))
    remove = field(2, field(1, b"seed"))
    sink = _read(
        tmp_path,
        wandb_run(
            lr={"value": 1},
            model={"dim": 64, "heads": 2},
            seed=3,
            _wandb={"x": 1},
            kept={"value": 1, "unit": "s"},
        ),
        field(5, update + nested + remove),
    )

    assert sink.facts[""]["config"] == {
        "lr": 2,
        "model": {"dim": 128, "heads": 2},
        "kept": {"value": 1, "unit": "s"},
    }


def test_the_summary_is_what_the_script_set_and_not_last_values(tmp_path: Path) -> None:
    sink = _read(
        tmp_path,
        wandb_run(),
        wandb_summary(_runtime=1),
        wandb_summary(loss=1.0),
        wandb_row(0, loss=1.0),
        wandb_summary(best=0.5, note="good", loss=0.25),
        wandb_summary(loss=2.0),
        wandb_row(1, loss=2.0),
        wandb_exit(),
    )

    assert sink.facts[""]["summary"] == {"best": 0.5, "note": "good", "loss": 0.25}
    assert sink.facts[""]["status"] == "finished"


def test_a_name_that_changes_is_told_again(tmp_path: Path) -> None:
    sink = _read(tmp_path, wandb_run("first"), wandb_row(0, a=1), wandb_run("second"))
    assert sink.facts[""]["name"] == "second"


def test_a_run_without_a_name_has_its_id(tmp_path: Path) -> None:
    assert _read(tmp_path, wandb_run("")).facts[""]["name"] == "abc"


def test_a_run_whose_record_is_lost_is_named_and_dated_by_its_folder(tmp_path: Path) -> None:
    sink = _read(tmp_path, wandb_row(0, 1_700_000_777.0, a=1))

    facts = sink.facts[""]
    assert facts["name"] == "offline-run-20231114_221320-abc"
    assert facts["created_at"].startswith("2023-11-1")
    assert sink.curves() == {"a": {0: 1.0}}


def test_environment_and_git_become_facts(tmp_path: Path) -> None:
    texts = {
        2: b"CPython 3.11",
        6: b"/home/u/train.py",
        11: b"/home/u",
        12: b"node7",
        13: b"u",
        14: b"/usr/bin/python",
    }
    environment = b"".join(field(number, value) for number, value in texts.items())
    environment += (
        field(5, b"--lr") + field(5, b"0.1") + field(9, field(1, b"git@host:r.git") + field(2, b"c0ffee"))
    )
    sink = _read(tmp_path, wandb_run(), field(26, environment))

    facts = sink.facts[""]
    assert facts["command"] == ["/usr/bin/python", "/home/u/train.py", "--lr", "0.1"]
    assert (facts["python"], facts["host"], facts["user"], facts["cwd"]) == (
        "CPython 3.11",
        "node7",
        "u",
        "/home/u",
    )
    assert facts["git"] == {"remote": "git@host:r.git", "commit": "c0ffee"}


def test_metadata_beside_the_file_fills_what_the_file_lacks(tmp_path: Path) -> None:
    path = _file(tmp_path, wandb_run(), wandb_row(0, a=1))
    (path.parent / "files").mkdir()
    metadata = {
        "host": "h",
        "username": "me",
        "python": "3.9",
        "program": "t.py",
        "args": ["-x", 3],
        "git": {"commit": "abc"},
    }
    (path.parent / "files" / "wandb-metadata.json").write_text(json.dumps(metadata))
    sink, _reader = read_once(WandbReader, path)

    facts = sink.facts[""]
    assert (facts["host"], facts["user"], facts["command"]) == ("h", "me", ["python", "t.py", "-x", "3"])
    assert facts["git"] == {"commit": "abc"}
    assert facts["name"] == "a run"


@pytest.mark.parametrize(
    "content", ["[1]", "{", '{"args": 3, "program": "x", "git": 4, "host": 5}', "[" * 9999]
)
def test_metadata_that_is_none_is_left_alone(tmp_path: Path, content: str) -> None:
    path = _file(tmp_path, wandb_run())
    (path.parent / "files").mkdir()
    (path.parent / "files" / "wandb-metadata.json").write_text(content)
    sink, _reader = read_once(WandbReader, path)
    assert sink.facts[""]["name"] == "a run"


def test_control_characters_in_names_become_spaces(tmp_path: Path) -> None:
    sink = _read(tmp_path, wandb_run("\x1b[31mred\x07"), wandb_row(0, **{"a\x1b]0;t\x07": 1}))

    assert sink.facts[""]["name"].isprintable()
    assert all(name.isprintable() for name in sink.curves())


# -- machine, output, end -------------------------------------------------------------------------


def test_figures_of_the_machine_bear_ogs_names(tmp_path: Path) -> None:
    figures = {
        "gpu.0.gpu": 97.0,
        "gpu.0.memoryAllocatedBytes": 1024.0,
        "gpu.0.memoryAllocated": 3.5,
        "gpu.1.temp": 61.0,
        "gpu.1.powerWatts": 250.0,
        "gpu.process.0.gpu": 50.0,
        "cpu": 12.5,
        "cpu.3.cpu_percent": 99.0,
        "memory_percent": 40.0,
        "proc.memory.rssMB": 2.0,
        "disk./.usagePercent": 24.0,
    }
    sink = _read(tmp_path, wandb_run(), wandb_stats(1_700_000_020.25, **figures))

    assert sink.systems[""] == [
        (
            1_700_000_020.25,
            {
                "gpu.0.util_percent": 97.0,
                "gpu.0.mem_used_bytes": 1024.0,
                "gpu.0.memoryAllocated": 3.5,
                "gpu.1.temp_c": 61.0,
                "gpu.1.power_watts": 250.0,
                "gpu.process.0.gpu": 50.0,
                "cpu.percent": 12.5,
                "cpu.3.percent": 99.0,
                "ram.percent": 40.0,
                "proc.rss_bytes": 2.0 * 1024 * 1024,
                "disk./.usagePercent": 24.0,
            },
        )
    ]


def test_output_of_the_file_is_taken_and_the_log_beside_it_is_not(tmp_path: Path) -> None:
    path = _file(tmp_path, wandb_run(), wandb_output(b"one"), wandb_output(b" line\n"), wandb_exit())
    (path.parent / "files").mkdir()
    (path.parent / "files" / "output.log").write_bytes(b"one line\n")
    sink, _reader = read_once(WandbReader, path)
    assert sink.logs == {"": b"one line\n"}


def test_the_log_beside_the_file_is_taken_where_the_file_has_no_output(tmp_path: Path) -> None:
    path = _file(tmp_path, wandb_run(), wandb_exit())
    (path.parent / "files").mkdir()
    (path.parent / "files" / "output.log").write_bytes(b"one line\n")
    sink, reader = read_once(WandbReader, path)
    assert sink.logs == {"": b"one line\n"}

    again = reopened(WandbReader, path, reader)
    read_all(again, sink)
    assert sink.logs == {"": b"one line\n"}


@pytest.mark.parametrize(("code", "status"), [(0, "finished"), (1, "failed"), (255, "failed")])
def test_the_exit_ends_the_run(tmp_path: Path, code: int, status: str) -> None:
    sink = _read(tmp_path, wandb_run(), wandb_row(0, 1_700_000_003.0, a=1), wandb_exit(code, runtime=60))

    facts = sink.facts[""]
    assert (facts["status"], facts["exit_code"]) == (status, code)
    assert facts["ended_at"] == "2023-11-14T22:14:20.000000Z"


def test_a_run_that_goes_on_has_no_status(tmp_path: Path) -> None:
    assert "status" not in _read(tmp_path, wandb_run(), wandb_row(0, a=1)).facts[""]


def test_times_that_are_none_are_not_believed(tmp_path: Path) -> None:
    sink = _read(
        tmp_path,
        wandb_run(),
        wandb_row(0, 1e300, a=1),
        field(7, field(2, timestamp(-5)) + field(3, field(1, b"x") + field(16, b"1"))),
    )
    assert sink.points[""]["a"] == [(0, 1_700_000_000.0, 1.0)]
    assert sink.systems[""] == [(1_700_000_000.0, {"x": 1.0})]
