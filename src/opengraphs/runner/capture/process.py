"""The capture process: started by the runner as `…/runner/__main__.py capture OPTIONS COMMAND…`.

OPTIONS is a JSON object: `run_dir`, `cwd`, `import_paths`. The process's own environment
is the user's, and is what gets recorded. It works at low priority, cheap and certain
things first; what cannot be found is left out.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any


def tell(**findings: Any) -> None:
    """One line for the runner, which merges it into run.json. A runner that is gone changes nothing."""
    try:
        os.write(1, json.dumps(findings).encode() + b"\n")
    except OSError:
        pass


def capture(options: dict[str, Any], command: list[str]) -> None:
    """Fill the bundle, and tell the runner what belongs into run.json.

    Raises:
        OSError: the bundle cannot be written.
    """
    from opengraphs.runner.capture import environment, files, git, python
    from opengraphs.runner.system import host_facts
    from opengraphs.sdk.jsonfile import write_json

    cwd, env = options["cwd"], dict(os.environ)
    bundle = os.path.join(options["run_dir"], "bundle")
    write_json(f"{bundle}/command.json", environment.command_facts(command, cwd, env))
    write_json(f"{bundle}/environment.json", environment.kept(env))
    files.copy_scripts(command, cwd, f"{bundle}/files")
    facts = git.capture(cwd, env, f"{bundle}/diff.patch")
    if facts:
        write_json(f"{bundle}/git.json", facts)
        tell(git={name: facts[name] for name in ("commit", "branch", "dirty", "remote") if name in facts})
    interpreter = python.capture(command, cwd, env, bundle)
    if interpreter and not interpreter["guessed"]:
        tell(python=interpreter["version"])
    sys.path.extend(options["import_paths"])
    write_json(f"{bundle}/machine.json", host_facts())


def run(arguments: list[str]) -> None:
    """Capture at low priority. A full or lost disk is told to the runner, and the run does without."""
    os.nice(10)
    try:
        capture(json.loads(arguments[0]), arguments[1:])
    except OSError as error:
        tell(problem=f"bundle: {error}")
