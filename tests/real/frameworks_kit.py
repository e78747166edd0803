"""What the tests of framework hooks ask of a run."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from og_user import ROOT, OgUser
from real_kit import QUIET, Ran, curves, real_python


def hook_trouble(ran: Ran) -> str:
    """What the hooks complained about; "" is what it should be."""
    log = ran.folder / "hooks.log"
    return log.read_text() if log.exists() else ""


def sources(ran: Ran) -> set[str]:
    """Who wrote the points of a run: `sdk`, or the `source` of a mirror's records."""
    lines = [line for path in (ran.folder / "metrics").iterdir() for line in path.read_text().splitlines()]
    records = [json.loads(line) for line in lines if line]
    return {record.get("source", "sdk") for record in records if "metrics" in record}


def saved(ran: Ran) -> list[tuple[str, int]]:
    """File name and step of each checkpoint of a run."""
    return [(Path(one["path"]).name, one["step"]) for one in ran.facts["checkpoints"]]


def plain_python(user: OgUser, script: str, **env: str) -> Ran:
    """Run a script without `og run`, as somebody does who has installed og and names its callback."""
    path = user.work / "train.py"
    path.write_text(script)
    done = subprocess.run(
        [real_python(), str(path)],
        cwd=user.work,
        env={**user.env, **QUIET, "PYTHONPATH": str(ROOT / "src"), **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    run_id = user.runs()[0]["run_id"]
    return Ran(user.store / "runs" / run_id, user.json("show", run_id), curves(user, run_id), done)


def dumped(user: OgUser, name: str) -> Any:
    """What the script wrote to a JSON file in its working folder."""
    return json.loads((user.work / name).read_text())


def last_of_each_step(points: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """A curve as og keeps it: one value a step, the one logged last."""
    return sorted(dict(points).items())


TORCHRUN = (
    "import sys; from torch.distributed.run import main; "
    "sys.argv = ['torchrun', '--standalone', '--nproc-per-node', '2', *sys.argv[1:]]; main()"
)
"""`python -c` of this is torchrun with two processes."""
