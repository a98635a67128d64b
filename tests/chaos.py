"""Edits while workers are killed and connections cut: each is delivered once, or fails in words.

    python -m tests.chaos --clients 6 --jobs 60 --kill-every 5
    python -m tests.chaos --engine ray --workers 3 --clients 30 --jobs 300 --kill-every 10

A real server with TLS, one user for each client, the tiny model of the tests, and its workers. One
worker alone says first what the right results are. With `--engine ray` a cluster must run on this
machine (`ray start --head --node-ip-address 127.0.0.1`), and Ray be installed beside Limn.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import random
import re
import signal
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from limn.protocol import remote
from limn.protocol.messages import FINAL, Done, Failed, JobMessage, Result
from limn.server import tls
from limn.server.cli.client import connect
from limn.server.cli.client_errors import ClientError
from limn.server.cli.servers import Address
from limn.server.users import Users

from . import tiny
from .server.conftest import Running, start, submit

SEEDS = 4
"""Different edits; each job is one of them."""

CUT_SHARE = 0.2
"""Of the messages, how many are followed by a cut of the connection."""

STEPS = {"steps": 12}


@dataclass
class Tally:
    """What came of the jobs. wrong: what must not happen, in words."""

    done: int = 0
    failed: int = 0
    cuts: int = 0
    kills: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)


def digest(messages: list[JobMessage]) -> str:
    """Of an edit's result, and where it lies."""
    areas = [message.area for message in messages if isinstance(message, Result)]
    if not areas:
        return "nothing changed"
    place = f"{areas[-1].x} {areas[-1].y} {areas[-1].pixels.width} {areas[-1].pixels.height} "
    return hashlib.sha256(place.encode() + bytes(areas[-1].pixels.data or b"")).hexdigest()


async def edit(address: Address, job: str, seed: int, luck: random.Random, tally: Tally) -> None:
    """One edit to its end, over as many connections as it takes."""
    wanted = submit(job, seed=seed, parameters=STEPS)
    heard: list[JobMessage] = []
    seen = 0
    while not heard or not isinstance(heard[-1], FINAL):
        with suppress(ClientError):
            async with await connect(address) as session:
                messages = session.resume(job, seen) if seen else session.submit(wanted)
                async for message in messages:
                    if message.seq <= seen:
                        tally.wrong.append(f"{job}: message {message.seq} came again")
                    heard.append(message)
                    seen = message.seq
                    if not isinstance(message, FINAL) and luck.random() < CUT_SHARE:
                        tally.cuts += 1
                        break
    end = heard[-1]
    if isinstance(end, Done):
        tally.done += 1
        if digest(heard) != RIGHT[seed]:
            tally.wrong.append(f"{job}: another result than that of a single worker")
    elif isinstance(end, Failed) and end.code == "worker-died" and end.sentence and end.remedy:
        tally.failed += 1
    else:
        tally.wrong.append(f"{job}: ended as {end}")


RIGHT: dict[int, str] = {}
"""The right result by seed."""


async def play(
    server: Running,
    addresses: list[Address],
    jobs: int,
    kill_every: float,
    most_kills: int,
    luck: random.Random,
) -> Tally:
    """All clients at once, each with its share of the jobs, while workers are killed."""
    tally = Tally()

    async def client(number: int) -> None:
        begun = time.monotonic()
        for count in range(jobs // len(addresses)):
            await edit(addresses[number], f"{number}-{count}", luck.randrange(SEEDS), luck, tally)
        tally.seconds[f"user{number}"] = round(time.monotonic() - begun, 1)

    async def killer() -> None:
        while kill_every and tally.kills < most_kills:
            await asyncio.sleep(kill_every)
            workers = [int(pid) for pid in re.findall(r"worker started pid=(\d+)", server.log)]
            there = {int(name) for name in os.listdir("/proc") if name.isdigit()}
            living = [pid for pid in workers if pid in there]
            if living:
                with suppress(ProcessLookupError):
                    os.kill(luck.choice(living), signal.SIGKILL)
                    tally.kills += 1

    killing = asyncio.create_task(killer())
    await asyncio.gather(*(client(number) for number in range(len(addresses))))
    killing.cancel()
    ended = Counter(re.findall(r"ended job=(\S+)", server.log))
    tally.wrong += [f"{job} ended {count} times" for job, count in ended.items() if count != 1]
    if len(ended) != jobs // len(addresses) * len(addresses):
        tally.wrong.append(f"{len(ended)} jobs have ended")
    if "Traceback" in server.log:
        tally.wrong.append("a traceback in the log")
    return tally


async def right_results(server: Running) -> None:
    """What one worker alone makes of each seed."""
    async with await connect(server.address) as session:
        for seed in range(SEEDS):
            wanted = submit(f"right-{seed}", seed=seed, parameters=STEPS)
            RIGHT[seed] = digest([message async for message in session.submit(wanted)])


def run(
    folder: Path,
    model: Path,
    arguments: list[str],
    clients: int,
    jobs: int,
    kill_every: float,
    most_kills: int = 10_000,
    seed: int = 0,
) -> Tally:
    """Start the servers, play, and end them."""
    environment = dict(os.environ, XDG_RUNTIME_DIR=str(folder), OMP_NUM_THREADS="1")
    (folder / "single").mkdir()
    single = start(["--model", str(model), "--device", "cpu"], environment, folder / "single")
    asyncio.run(right_results(single))
    single.stop()
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    tls.make(certificate, key, ["127.0.0.1"])
    users = Users(folder / "users.json")
    tokens = [users.add(f"user{number}") for number in range(clients)]
    settings = folder / "limn.toml"
    settings.write_text(f"max_jobs = {2 * clients}\nmax_connections = {4 * clients}\n")
    server = start(
        [
            *("--model", str(model), "--device", "cpu", "--settings", str(settings)),
            *("--tls-cert", str(certificate), "--tls-key", str(key)),
            *("--users-file", str(users.file), *arguments),
        ],
        environment,
        folder,
    )
    pinned = remote.fingerprint_of(server.ready["fingerprint"])
    addresses = [Address(server.ready["url"], one, fingerprint=pinned) for one in tokens]
    luck = random.Random(seed)
    try:
        return asyncio.run(play(server, addresses, jobs, kill_every, most_kills, luck))
    finally:
        server.stop()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--engine", choices=("local", "ray"), default="local")
    parser.add_argument("--ray-address", default="auto")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--clients", type=int, default=6)
    parser.add_argument("--jobs", type=int, default=60)
    parser.add_argument("--kill-every", type=float, default=5.0, help="seconds; 0: never")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    arguments = ["--engine", given.engine, "--workers", str(given.workers)]
    if given.engine == "ray":
        arguments += ["--ray-address", given.ray_address]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "tiny").mkdir()
        model = tiny.make(Path(folder) / "tiny")
        begun = time.monotonic()
        tally = run(
            Path(folder), model, arguments, given.clients, given.jobs, given.kill_every, given.seed
        )
        print(json.dumps(asdict(tally) | {"all": round(time.monotonic() - begun, 1)}, indent=1))
    raise SystemExit(bool(tally.wrong))


if __name__ == "__main__":
    main()
