"""The log on standard error.

One line an event, with its traceback if it has one; bounded in rate. Whoever makes up wrong
requests makes lines. The same one is written at most BURST times in PERIOD seconds, then counted;
of one logger MOST are written, whatever they say.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable

BURST, MOST, PERIOD = 50, 300, 10.0
"""Lines that say the same, lines of one logger, in seconds."""

MAX_LINE = 8_000
"""Characters: a traceback of some forty calls."""

MAX_COUNTED = 1_000
"""Different lines that are counted at a time."""


class OneLine(logging.Formatter):
    """Joins the lines of an event; where they were parted it writes " | "."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        line = " | ".join(
            line.strip() for line in super().format(record).splitlines() if line.strip()
        )
        return line if len(line) <= MAX_LINE else f"{line[:MAX_LINE]} ..."


class Bounded(logging.Filter):
    """Lets through so many records that say the same, and so many of one logger."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._begun = clock()
        self._counts: dict[tuple[str, str], int] = {}
        self._left_out = 0

    def filter(self, record: logging.LogRecord) -> bool:
        same, whole = (record.name, record.getMessage()[:MAX_LINE]), (record.name, "")
        now = self._clock()
        if now - self._begun >= PERIOD:
            self._begun = now
            self._counts.clear()
            if self._left_out:
                record.msg = f"({self._left_out} lines like earlier ones left out) {record.msg}"
                self._left_out = 0
        for key, most in ((same, BURST), (whole, MOST)):
            if key in self._counts or len(self._counts) < MAX_COUNTED:
                self._counts[key] = self._counts.get(key, 0) + 1
            if self._counts.get(key, 0) > most:
                self._left_out += 1
                return False
        return True


def begin(level: str) -> None:
    """Log from this level on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLine())
    handler.addFilter(Bounded())
    logging.basicConfig(level=level.upper(), handlers=[handler])
