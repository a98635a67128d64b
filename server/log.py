"""The log on standard error: one line an event, with its traceback if it has one."""

from __future__ import annotations

import logging
import sys


class OneLine(logging.Formatter):
    """Joins the lines of an event; where they were parted it writes " | "."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        return " | ".join(
            line.strip() for line in super().format(record).splitlines() if line.strip()
        )


def begin(level: str) -> None:
    """Log from this level on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLine())
    logging.basicConfig(level=level.upper(), handlers=[handler])
