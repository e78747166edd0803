"""Start of a runner: `python -I -S …/runner/__main__.py RUN_FOLDER`, spawned by `launch.launch`.

With `capture` as its first argument it is the capture process instead (`capture.process`), with
`launch` the one that launches the run that goes on from this one (`launching`).
`-I -S` skips the user's Python settings and the site packages, which halves the start;
so this file finds the package by its own place. The spec comes on standard input, the
answer goes to standard output, and both are let go of then.
"""

from __future__ import annotations

import os
import sys


def find_package() -> None:
    """Make `opengraphs` importable from where this file lies: after the standard library, which it must not shadow."""
    sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))


def supervise() -> int:
    """The whole life of one runner; 1 when the training could not be started."""
    from opengraphs.runner import startup

    startup.detach()
    startup.close_inherited()
    spec = startup.read_spec()
    startup.log_crashes(spec["run_dir"])
    from opengraphs.runner.child import StartError
    from opengraphs.runner.supervise import Runner

    launcher = startup.Launcher()
    try:
        runner = Runner(spec, startup.hold_lock(spec["run_dir"]), launcher)
    except (StartError, startup.LockTakenError, OSError) as error:
        launcher.tell(startup.refusal(error))
        return 1
    runner.announce()
    runner.run()
    return 0


def main(arguments: list[str]) -> int:
    """Dispatch; returns the exit status."""
    if arguments[:1] == ["capture"]:
        from opengraphs.runner.capture import process

        process.run(arguments[1:])
    elif arguments == ["launch"]:
        from opengraphs.runner import launching

        launching.run()
    else:
        return supervise()
    return 0


if __name__ == "__main__":
    find_package()
    os._exit(main(sys.argv[1:]))  # a sampler stuck in a driver call must not hold the end up
