"""LocalEngine: one worker process for each device of this machine."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

from .engine import Start
from .pool import Pool
from .worker_process import WorkerProcess


class LocalEngine(Pool):
    """Worker processes on this machine."""

    renews = True

    def __init__(
        self, starts: Sequence[Start], start_seconds: float, cancel_seconds: float
    ) -> None:
        """starts: one for each worker, at least one (see `starts_of`)."""
        super().__init__([WorkerProcess(one, start_seconds, cancel_seconds) for one in starts])


def starts_of(start: Start, each: int = 1) -> list[Start]:
    """What to start: a list of devices such as "cuda:0,cuda:1", so many workers each.

    Workers on the CPU share its cores evenly.
    """
    devices = [one.strip() for one in start.device.split(",") if one.strip()] or ["auto"]
    devices = [one for one in devices for _ in range(each)]
    on_cpu = devices.count("cpu")
    threads = max(1, (os.cpu_count() or 1) // on_cpu) if on_cpu > 1 else 0
    return [replace(start, device=one, threads=threads if one == "cpu" else 0) for one in devices]
