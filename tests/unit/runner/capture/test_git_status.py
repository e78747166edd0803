"""Reading `git status --porcelain=v2 --branch -z`."""

from __future__ import annotations

import pytest

from opengraphs.runner.capture.git import Status, parse_status

OID = "259dd3e7c152c5ff27a00e1140c19982a0c3e048"


def z(*entries: str) -> str:
    return "".join(entry + "\0" for entry in entries)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (z(f"# branch.oid {OID}", "# branch.head main"), Status(OID, "main", False, [])),
        (z(f"# branch.oid {OID}", "# branch.head (detached)"), Status(OID, "", False, [])),
        (
            z("# branch.oid (initial)", "# branch.head main", "? a b.py"),
            Status("", "main", False, ["a b.py"]),
        ),
        (z("1 .M N... 100644 100644 100644 aa bb train.py"), Status("", "", True, [])),
        (
            z("2 R. N... 100644 100644 100644 aa bb R100 new.py", "? old.py", "? free.py"),
            Status("", "", True, ["free.py"]),
        ),
        (z("u UU N... 1 2 3 4 aa bb cc both.py"), Status("", "", True, [])),
        ("", Status("", "", False, [])),
    ],
)
def test_parse_status(text: str, status: Status) -> None:
    assert parse_status(text) == status
