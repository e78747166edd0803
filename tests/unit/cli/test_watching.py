"""How a run's end becomes an exit code, and its output plain text."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from opengraphs.cli import watching
from opengraphs.cli.launching import Started
from opengraphs.errors import ProcessError

STARTED = Started(Path("/s"), "/s/runs/20270115-075900-k7f3", "20270115-075900-k7f3", "train", "/x.sock")


@pytest.mark.parametrize(
    ("record", "code", "said"),
    [
        ({"code": 0, "signal": None}, 0, "train finished; look at it again with: og view k7f3"),
        ({"code": 7, "signal": None}, 7, "train failed (exit code 7); its output: og tail k7f3"),
        ({"code": None, "signal": 9}, 137, "train was ended by SIGKILL; its output: og tail k7f3"),
        ({"code": None, "signal": 63}, 191, "train was ended by signal 63; its output: og tail k7f3"),
        (
            {"code": None, "signal": 15, "stopped": True},
            143,
            "train stopped; look at it again with: og view k7f3",
        ),
        (
            {"code": 0, "signal": None, "stopped": True},
            0,
            "train stopped; look at it again with: og view k7f3",
        ),
    ],
)
def test_end_of_a_run_is_the_exit_code(record: dict[str, Any], code: int, said: str) -> None:
    assert watching.exit_code(record, STARTED) == code
    assert watching.ending(record, STARTED) == said


def test_end_that_nobody_saw_is_a_process_error() -> None:
    with pytest.raises(ProcessError) as raised:
        watching.exit_code(None, STARTED)
    assert raised.value.exit_code == 6


@pytest.mark.parametrize("cut", range(1, 24))
def test_colours_go_wherever_the_output_is_cut(cut: int) -> None:
    data = b"a\x1b[1;31mred\x1b[0m\tb\x1b[2Kc\xff\n"
    out = io.BytesIO()
    plain = watching.Uncoloured(out)
    plain.write(data[:cut])
    plain.write(data[cut:])
    plain.finish()
    assert out.getvalue() == b"ared\tb\x1b[2Kc\xff\n"


def test_what_never_became_a_colour_is_text() -> None:
    out = io.BytesIO()
    plain = watching.Uncoloured(out)
    plain.write(b"end\x1b[3")
    plain.finish()
    assert out.getvalue() == b"end\x1b[3"
