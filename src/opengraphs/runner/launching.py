"""The process behind `successor`: `…/runner/__main__.py launch`, the order on its standard input.

It makes the new run as `og run` would have made it in the same shell, and prints one JSON line.
"""

from __future__ import annotations

import json
import marshal
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import environ, launch
from .address import run_socket


def run() -> None:
    """Launch what was ordered; whatever goes wrong is said on standard output."""
    asked = marshal.loads(sys.stdin.buffer.read())
    try:
        reply = _launch(asked["base"], asked["order"])
    except launch.LaunchError as error:
        where = f": {error.path}" if error.path else ""
        reply = {"ok": False, "error": f"{error.message}{where}"}
    except OSError as error:
        reply = {"ok": False, "error": f"the store cannot be written ({error.strerror}): {error.filename}"}
    os.write(1, json.dumps(reply).encode() + b"\n")


def _launch(base: Mapping[str, Any], order: Mapping[str, Any]) -> dict[str, Any]:
    contract, own = environ.split(order.get("env") or {})
    sockets = os.path.dirname(base["control_socket"])
    facts = {name: order[name] for name in environ.INHERITED if order.get(name)}
    spec = launch.create_run(
        order["command"],
        control_socket=lambda run_dir: Path(sockets, run_socket(str(run_dir))),
        store=base["store"],
        project=order.get("project"),
        name=order.get("name"),
        parent=order.get("parent"),
        cwd=order.get("cwd") or base["cwd"],
        env={**environ.without_ingest(base["env"]), **own},
        contract=contract,
        restart=order.get("restart"),
        use_pty=base["use_pty"],
        window=base["window"],
        hooks=base["hooks"],
        stdout_metrics=base["stdout_metrics"],
        patterns=base["patterns"],
        heartbeat_s=base["heartbeat_s"],
        **facts,
    )
    spec["import_paths"] = base["import_paths"]
    launched = launch.launch(spec)
    return {
        "ok": True,
        "run_id": launched.run_id,
        "run_dir": launched.run_dir,
        "name": spec["facts"]["name"],
        "pid": launched.pid,
        "control_socket": launched.control_socket,
    }
