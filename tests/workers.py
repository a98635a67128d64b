"""What a second worker carries, and what Ray costs beside the local engine.

    python -m tests.workers --ray

Three real servers with the bundled model and one thread a worker, in turns in one run: one worker,
two workers, and with `--ray` one worker that is an actor of a Ray cluster on this machine (Ray must
be installed beside Limn). All is said as ratios of pairs, and their median counts.

By the clock, two workers need two idle cores. By core-seconds (what worker and server have computed
for an edit, as Linux counts it) the same can be told beside other programs, but for the waits
between the processes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from limn.editing import sketchbook
from limn.protocol.messages import Done
from limn.server.cli.client import ClientSession, connect

from .server.conftest import Running, start, submit

STEPS = 24
"""An edit by FoI with them is about 50 rows; how many is told."""


@dataclass(frozen=True)
class Took:
    """Seconds by the clock, and seconds that worker and server have computed."""

    clock: float
    work: float
    rows: int


def worked(server: Running) -> float:
    """Seconds that a server and its workers have computed so far."""
    pids = [server.process.pid, *map(int, re.findall(r"worker started pid=(\d+)", server.log))]
    tasks = [task for pid in pids for task in Path(f"/proc/{pid}/task").iterdir()]
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


async def took(server: Running, session: ClientSession, name: str, count: int) -> Took:
    """How long so many edits take that are submitted at once."""

    async def edit(number: int) -> int:
        wanted = submit(f"{name}-{number}", seed=number, parameters={"steps": STEPS}, previews=0)
        async for message in session.submit(wanted):
            last = message
        assert isinstance(last, Done), last
        return last.rows

    before, begun = worked(server), time.monotonic()
    rows = await asyncio.gather(*(edit(number) for number in range(count)))
    return Took(time.monotonic() - begun, worked(server) - before, rows[0])


async def compare(one: Running, other: Running, count: int, pairs: int) -> list[tuple[Took, Took]]:
    """What `count` edits take on one server and on the other, pair by pair."""
    found = []
    async with await connect(one.address) as first, await connect(other.address) as second:
        sides = ((one, first), (other, second))
        for server, session in sides:
            await took(server, session, "warm", 2)
        for pair in range(pairs):
            told = {}
            for side in (0, 1) if pair % 2 else (1, 0):
                told[side] = await took(*sides[side], f"pair{pair}", count)
            found.append((told[0], told[1]))
    return found


def tell(name: str, found: list[tuple[Took, Took]], cores: int = 1) -> None:
    """The medians of the ratios; cores: so many the second side computes on at a time."""
    clock = [one.clock / other.clock for one, other in found]
    work = [cores * one.work / other.work for one, other in found]
    values = {
        f"{name}, by the clock": statistics.median(clock),
        "by core-seconds": statistics.median(work),
        "lowest": min(work),
        "highest": max(work),
    }
    rows = {"rows of an edit": found[0][0].rows, "pairs": len(found)}
    rounded = {what: round(value, 3) for what, value in values.items()}
    print(json.dumps(rounded | rows), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--edits", type=int, default=8, help="at once, for the second worker")
    parser.add_argument("--ray", action="store_true")
    given = parser.parse_args()
    model = ["--model", str(sketchbook.folder()), "--device", "cpu"]
    engines = {"one": ["--workers", "1"], "two": ["--workers", "2"]}
    if given.ray:
        engines["ray"] = ["--engine", "ray", "--ray-address", "local", "--workers", "1"]
    servers: dict[str, Running] = {}
    with tempfile.TemporaryDirectory() as folder:
        environment = dict(os.environ, XDG_RUNTIME_DIR=folder, OMP_NUM_THREADS="1")
        try:
            for name, arguments in engines.items():
                (Path(folder) / name).mkdir()
                servers[name] = start([*model, *arguments], environment, Path(folder) / name)
            one, two = servers["one"], servers["two"]
            found = asyncio.run(compare(one, two, given.edits, given.pairs))
            tell("edits of two workers / of one", found, cores=2)
            if given.ray:
                found = asyncio.run(compare(servers["ray"], one, 1, 2 * given.pairs))
                tell("seconds on Ray / local", found)
        finally:
            for server in servers.values():
                server.stop()


if __name__ == "__main__":
    main()
