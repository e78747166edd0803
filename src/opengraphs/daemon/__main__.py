"""`python -I -m opengraphs.daemon`: startup, main loop, shutdown.

    --socket PATH    where to listen; default: `paths.daemon_socket()`
    --ready-fd N     say "ready", "busy" or an error there, once
    --detach         go on in the background

It listens before it loads the engine, so that the first reply comes early.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NamedTuple


class Options(NamedTuple):
    socket: Path | None
    ready_fd: int | None
    detach: bool


def main(argv: list[str]) -> int:
    """Run one daemon to its end; the exit code."""
    options = parse(argv)
    # Before numpy is loaded: sums of some thousand numbers are not worth waiting for a second
    # core that training keeps busy (measured: 12 ms instead of 0.02 ms).
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if options.detach and os.fork():
        os._exit(0)  # the starter waits for this; the child belongs to nobody
    from opengraphs import paths
    from opengraphs.daemon.logfile import open_log
    from opengraphs.daemon.startup import Busy, claim, release
    from opengraphs.errors import OgError

    try:
        claimed = claim(options.socket or paths.daemon_socket())
    except Busy:
        tell(options, "busy")
        return 0
    except OgError as error:
        tell(options, str(error))
        return error.exit_code
    try:
        log_trouble = open_log(paths.daemon_log())
        from opengraphs.daemon.serve import serve

        serve(claimed, log_trouble=log_trouble, ready=lambda: tell(options, "ready"))
    finally:
        release(claimed)
    return 0


def parse(argv: list[str]) -> Options:
    """By hand: argparse costs a tenth of the start-up."""
    words = iter(argv)
    socket, ready_fd, detach = None, None, False
    for word in words:
        if word == "--socket":
            socket = Path(next(words, ""))
        elif word == "--ready-fd":
            ready_fd = int(next(words, "2"))
        elif word == "--detach":
            detach = True
        else:
            sys.exit(f"ogd: unknown option {word}; use `og daemon`")
    return Options(socket, ready_fd, detach)


def tell(options: Options, word: str) -> None:
    """One word to whoever started us; to stderr when nobody listens for it."""
    if options.ready_fd is None:
        if word != "ready":
            os.write(2, f"ogd: {word}\n".encode())
        return
    try:
        os.write(options.ready_fd, word.encode())
        os.close(options.ready_fd)
    except OSError:
        pass  # the starter gave up waiting


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
