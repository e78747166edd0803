"""The server that `og run` names for Trackio clients without hooks, in a process that has them."""

from __future__ import annotations

import pytest
from hook_kit import Lab

OURS = {
    "OG_INGEST_URL": "http://127.0.0.1:7860",
    "TRACKIO_SERVER_URL": "http://127.0.0.1:7860",
    "TRACKIO_WRITE_TOKEN": "ogrun.x.y",
}
USERS = {"TRACKIO_SERVER_URL": "http://box:7860", "TRACKIO_WRITE_TOKEN": "mine"}
TELL = (
    "import os, trackio; print(sorted(name for name in os.environ if 'TRACKIO' in name or 'INGEST' in name))"
)


@pytest.mark.parametrize(
    ("env", "left"),
    [
        (OURS, []),
        (USERS, ["TRACKIO_SERVER_URL", "TRACKIO_WRITE_TOKEN"]),
        ({**OURS, **USERS}, ["TRACKIO_SERVER_URL", "TRACKIO_WRITE_TOKEN"]),
    ],
    ids=["ours", "the user's", "changed by the script"],
)
def test_only_what_og_set_is_taken_away_before_trackio_looks(
    lab: Lab, env: dict[str, str], left: list[str]
) -> None:
    lab.library("trackio.run", "class Run: pass")
    assert lab.run(TELL, env=env).stdout.strip() == str(left)


def test_without_the_hook_the_server_stays(lab: Lab) -> None:
    lab.library("trackio.run", "class Run: pass")
    assert lab.run(TELL, env={"OG_NO_HOOKS": "trackio", **OURS}).stdout.strip() == str(sorted(OURS))
