"""The memory that one edit takes in server and worker, and how long others wait.

    python -m tests.memory --side 8192

A real server with the tiny model of the tests, so that what is measured is the picture's way and
not the networks. Everything is said as a multiple of the picture's bytes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import tempfile
import threading
import time
import urllib.request
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from limn.protocol.messages import Done, Pixels
from limn.server.app import STATUS_PATH
from limn.server.cli.client import connect

from . import tiny
from .server.conftest import Running, start, submit

PAUSE = 0.02
"""Seconds between two questions of somebody else."""


@dataclass
class Cost:
    """Of one edit: peaks above what was there, as multiples of the picture's bytes.

    wait: the longest time that an answer to somebody else took meanwhile, in seconds, less what
    server and asker waited for a core.
    """

    server: float
    worker: float
    wait: float
    seconds: float
    picture_mib: float


def memory(pid: int, what: str) -> int:
    """Bytes of a process: VmRSS now, or VmHWM at most since `forget_peak`."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    match = re.search(rf"{what}:\s+(\d+)", text)
    assert match
    return int(match[1]) * 1024


def forget_peak(pid: int) -> int:
    """Let the peak begin anew; the bytes that are there now."""
    Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="utf-8")
    return memory(pid, "VmRSS")


def without_a_core(*tasks: str) -> float:
    """Seconds that these threads have waited for a core since they began."""
    return sum(int(Path(one, "schedstat").read_text().split()[1]) for one in tasks) / 1e9


class Asking:
    """Somebody else, who asks the server for its state all the time."""

    def __init__(self, server: Running) -> None:
        self.longest = 0.0
        self._server = f"/proc/{server.process.pid}"
        self._over = threading.Event()
        self._request = urllib.request.Request(
            f"http://127.0.0.1:{server.port}{STATUS_PATH}",
            headers={"Authorization": f"Bearer {server.token}"},
        )
        self._thread = threading.Thread(target=self._ask)

    def _ask(self) -> None:
        both = self._server, f"/proc/self/task/{threading.get_native_id()}"
        while not self._over.wait(PAUSE):
            began, waited = time.monotonic(), without_a_core(*both)
            with urllib.request.urlopen(self._request) as answer:
                answer.read()
            waited = without_a_core(*both) - waited
            self.longest = max(self.longest, time.monotonic() - began - waited)

    def __enter__(self) -> Asking:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


async def cost(server: Running, side: int, opaque: bool = True, **changes: object) -> Cost:
    """Of an edit of a picture of `side` x `side` pixels, 16 bits, noise."""
    levels = np.random.default_rng(0).integers(0, 2**16, (side, side, 4), np.uint16)
    if opaque:
        levels[..., 3] = 2**16 - 1
    pixels = Pixels(side, side, "rgba16", levels.tobytes())
    del levels
    async with await connect(server.address) as session:
        async for _ in session.submit(submit("first", parameters={"steps": 2})):
            pass
        pids = server.process.pid, server.worker()
        before = [forget_peak(pid) for pid in pids]
        began = time.monotonic()
        with Asking(server) as other:
            wanted = submit("large", pixels=pixels, parameters={"steps": 2}, **changes)
            async for message in session.submit(wanted):
                last = message
        seconds = time.monotonic() - began
        assert isinstance(last, Done), last
        peaks = [memory(pid, "VmHWM") for pid in pids]
    above = [
        round((peak - there) / pixels.raw_size, 2)
        for peak, there in zip(peaks, before, strict=True)
    ]
    return Cost(*above, round(other.longest, 2), round(seconds, 1), pixels.raw_size / 2**20)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--side", type=int, default=8192)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "tiny").mkdir()
        model = tiny.make(folder / "tiny")
        environment = dict(os.environ, XDG_RUNTIME_DIR=name, OMP_NUM_THREADS="1")
        server = start(["--model", str(model), "--device", "cpu"], environment, folder)
        try:
            for opaque in (True, False):
                for whole in (True, False):
                    told = asyncio.run(cost(server, given.side, opaque, whole=whole))
                    print(json.dumps({"opaque": opaque, "whole": whole} | asdict(told)), flush=True)
        finally:
            server.stop()


if __name__ == "__main__":
    main()
