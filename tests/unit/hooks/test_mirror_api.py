"""The words that hook modules have for a run."""

from __future__ import annotations

from typing import Any

import pytest
from hook_kit import Hooked, Lab


def told(lab: Lab, code: str, **env: str) -> Hooked:
    return lab.run("from og_hooks.mirror import mirror\nm = mirror('keras')\n" + code, env=env)


def test_steps_that_are_not_given_go_on_from_the_last_of_that_source(lab: Lab) -> None:
    done = told(
        lab,
        "m.log({'a': 1.0})\nm.log({'a': 2.0}, 10)\nm.log({'a': 3.0})\nm.log({'a': 4.0}, 'x')\n"
        "mirror('lightning').log({'a': 5.0})\nm.log({'b': 6}, 20.0)\nprint(m.step, mirror('wandb').step)",
    )
    assert done.points() == [
        (0, {"a": 1.0}),
        (10, {"a": 2.0}),
        (11, {"a": 3.0}),
        (12, {"a": 4.0}),
        (0, {"a": 5.0}),
        (20, {"b": 6}),
    ]
    assert done.stdout == "20 0\n"


@pytest.mark.parametrize("metrics", ["{}", "{'text': 'x'}", "None", "[1]", "5"])
def test_what_holds_no_number_is_no_record(lab: Lab, metrics: str) -> None:
    done = told(lab, f"m.log({metrics}, 0)\nm.log({{'a': 1}}, 1)")
    assert done.points() == [(1, {"a": 1})]
    assert done.stderr == ""


def test_checkpoint_is_registered_with_the_step_and_its_numbers(lab: Lab) -> None:
    done = told(
        lab,
        "open('model.safetensors', 'wb').write(b'x' * 100)\nm.log({'a': 1.0}, 7)\n"
        "m.checkpoint('model.safetensors', metrics={'loss': 0.5, 'text': 'x'})\nm.checkpoint('gone', 9)",
    )
    first, second = done.events("checkpoint")
    assert (first["step"], first["bytes"], first["metrics"]) == (7, 100, {"loss": 0.5})
    assert first["path"] == str(lab.work / "model.safetensors")
    assert (second["step"], second["complete"]) == (9, False)
    assert first["checkpoint_id"] != second["checkpoint_id"]


def test_progress_is_written_at_its_start_and_at_its_end(lab: Lab) -> None:
    done = told(
        lab, "m.progress(0, 100)\n[m.progress(n) for n in range(1, 51)]\nm.progress(None, None, 'epoch')"
    )
    first, *_, last = (event["progress"] for event in done.events("progress"))
    assert first == {"step": 0, "total": 100, "unit": "step"}
    assert last == {"step": None, "total": 100, "unit": "epoch"}
    assert len(done.events("progress")) < 10


def test_words_of_every_kind(lab: Lab) -> None:
    done = told(
        lab,
        "m.tags('a', 'b')\nm.name('better')\nm.note('why', 3)\nm.summary({'best': 0.1})\nm.config({'x': [1, {'y': object}]})\n"
        "m.alert('t', 'x', 'ERROR', 5)\nm.alert('u', level='odd')\nm.system({'watts': 5})",
    )
    kinds = ("rank", "tag", "name", "note", "summary", "config", "alert")
    assert [len(done.events(kind)) for kind in kinds] == [1, 1, 1, 1, 1, 1, 2]
    assert [event["level"] for event in done.events("alert")] == ["error", "info"]
    assert (done.stderr, done.log) == ("", "")


def test_calls_with_nonsense_raise_nothing(lab: Lab) -> None:
    done = told(
        lab,
        "m.config(5)\nm.summary('x')\nm.checkpoint(None)\nm.progress('x', 'y')\nm.system(5)\nm.tags(5)\nm.note(None)\nprint('on')",
    )
    assert (done.stdout, done.stderr) == ("on\n", "")


def test_strict_mode_of_the_sdk_does_not_reach_the_hooks(lab: Lab) -> None:
    done = told(lab, "m.log({'a': 'text', 'b': 1}, 0)\nprint('on')", OG_STRICT="1")
    assert (done.stdout, done.points()) == ("on\n", [(0, {"b": 1})])


def test_numbers_of_other_libraries_are_taken_as_the_sdk_takes_them(lab: Lab) -> None:
    done = told(
        lab,
        "import decimal, fractions, numpy as np\n"
        "m.log({'d': decimal.Decimal('1.5'), 'f': fractions.Fraction(1, 4), 'n': np.float32(0.1), 'a': np.array([2]), 'big': 2**80, 't': True}, np.int64(4))",
    )
    values: dict[str, Any] = {
        "d": 1.5,
        "f": 0.25,
        "n": 0.10000000149011612,
        "a": 2,
        "big": float(2**80),
        "t": 1,
    }
    assert done.points() == [(4, values)]
