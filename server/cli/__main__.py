"""`limn`, the program.

Imports nothing before Ctrl+C has a meaning: imports take a second.
"""

from __future__ import annotations

import io
import os
import signal
import sys

from . import INTERRUPTED


def main() -> None:
    """Run one command line; Ctrl+C ends it without a traceback at any time."""
    usual = signal.getsignal(signal.SIGINT)
    heard = usual is signal.default_int_handler  # not in a shell's background job
    if heard:
        signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal of ISO-8859-1 has no arrow, say
        sys.stdout.reconfigure(errors="backslashreplace")
    if sys.argv[1:2] == ["read"]:
        from .read import main as read

        sys.exit(read(sys.argv[2:]))
    from .commands import run
    from .exits import errors_told

    with errors_told():
        if heard:
            signal.signal(signal.SIGINT, usual)
        run()


if __name__ == "__main__":
    main()
