"""Where errors become messages and exit codes."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from opengraphs import errors
from opengraphs.cli import border


def raising(error: BaseException) -> int:
    raise error


TREE = [
    (errors.OgError("m"), 1),
    (errors.UsageError("m"), 2),
    (errors.NotFoundError("m"), 3),
    (errors.AmbiguousError("m"), 3),
    (errors.StoreError("m"), 4),
    (errors.DiskFullError("m"), 4),
    (errors.DaemonError("m"), 5),
    (errors.VersionError("m"), 5),
    (errors.ProcessError("m"), 6),
    (errors.UserInterruptError("m"), 130),
    (KeyboardInterrupt(), 130),
    (OSError(errno.ENOSPC, "No space left on device"), 4),
    (PermissionError(errno.EACCES, "Permission denied", "/x"), 4),
]


@pytest.mark.parametrize(("error", "code"), TREE, ids=lambda value: type(value).__name__)
def test_each_error_has_its_exit_code(error: BaseException, code: int) -> None:
    assert border.guard(lambda: raising(error)) == code


def test_code_of_the_work_is_the_exit_code() -> None:
    assert border.guard(lambda: 7) == 7


def test_message_names_the_path_and_hints_stand_below(capsys: pytest.CaptureFixture[str]) -> None:
    border.guard(
        lambda: raising(
            errors.NotFoundError("script not found", hint="did you mean a.py?\nor b.py?", path="x.py")
        )
    )
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "og: script not found: x.py\n  did you mean a.py?\n  or b.py?\n"


def test_json_error_is_one_object_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    border.guard(lambda: raising(errors.NotFoundError("no run", hint="h", path="p")), as_json=True)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert json.loads(captured.err) == {
        "error": {"code": "not_found", "message": "no run", "hint": "h", "path": "p"}
    }


def test_unknown_os_error_is_a_defect_and_passes_through() -> None:
    with pytest.raises(OSError, match="odd"):
        border.guard(lambda: raising(OSError(errno.EBADF, "odd")))


def crash(capsys: pytest.CaptureFixture[str]) -> str:
    try:
        raise ValueError("a secret path")
    except ValueError as error:
        border.report_crash(ValueError, error, error.__traceback__)
    return capsys.readouterr().err


def test_crash_is_one_line_and_a_report_on_disk(og_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = crash(capsys)
    assert "this is a defect of og: ValueError: a secret path" in said
    assert "Traceback" not in said
    (report,) = (og_home / "state" / "opengraphs" / "crashes").iterdir()
    assert str(report) in said
    assert "Traceback" in report.read_text()


def test_crash_shows_its_traceback_on_demand(
    og_home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OG_DEBUG", "1")
    assert "Traceback" in crash(capsys)


def test_crash_without_a_writable_state_folder_still_says_what_to_do(
    og_home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", os.devnull)
    assert "OG_DEBUG=1" in crash(capsys)
