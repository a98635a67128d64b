"""Edits while workers are killed and connections cut.

Each is delivered once, or fails in a sentence.

    python -m tests.chaos --clients 6 --jobs 60 --kill-every 5
    python -m tests.chaos --engine ray --workers 3 --clients 30 --jobs 300 --kill-every 10

A real server with TLS, one user for each client, the tiny model of the tests, and its workers. One
worker alone says first what the right results are. Every second client submits all of its edits at
once, the others one after the other. With `--engine ray` a cluster is made for it by `ray start`,
one node for each worker; whole nodes are killed then, too, and started
again. Ray must be installed beside Limn.
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

import aiohttp

from limn.protocol import remote
from limn.protocol.messages import FINAL, Done, Failed, JobMessage, Queued, Result
from limn.server import app, tls
from limn.server.cli.client import connect
from limn.server.cli.client_errors import ClientError
from limn.server.cli.servers import Address
from limn.server.users import Users

from . import tiny
from .ray_cluster import Cluster
from .server.conftest import Running, start, submit

SEEDS = 4
"""Different edits; each job is one of them."""

CUT_SHARE = 0.2
"""Of the messages, how many are followed by a cut of the connection."""

STEPS = {"steps": 6}

FAILURES = ("worker-died", "no-worker")
"""How an edit may fail: its second worker has died, too, or none could be started."""

NOT_TOLD = ("queued", "turns")
"""Of the tally: a line a job, from which `waits` are made."""

NODE_AWAY_SECONDS = 5.0
"""Between the death of a node and the start of another in its place."""


@dataclass
class Tally:
    """What came of the jobs.

    waits: seconds between two turns of a user who had an edit waiting, on average. longest_wait:
    the longest of them as a multiple of their mean, which is the fair share. wrong: what must not
    happen, in words. queued, turns: when each job's client first heard of its place, and of
    its beginning.
    """

    done: int = 0
    failed: int = 0
    cuts: int = 0
    kills: int = 0
    nodes_killed: int = 0
    waits: dict[str, float] = field(default_factory=dict)
    longest_wait: float = 0.0
    wrong: list[str] = field(default_factory=list)
    queued: dict[str, float] = field(default_factory=dict, repr=False)
    turns: dict[str, float] = field(default_factory=dict, repr=False)


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
                    now = time.monotonic()
                    tally.queued.setdefault(job, now)
                    if not isinstance(message, Queued):
                        tally.turns.setdefault(job, now)
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
    elif isinstance(end, Failed) and end.code in FAILURES and end.sentence and end.remedy:
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
    cluster: Cluster | None = None,
) -> Tally:
    """All clients at once, each with its share of the jobs, while workers are killed."""
    tally = Tally()
    each = jobs // len(addresses)

    async def client(number: int) -> None:
        edits = [
            edit(addresses[number], f"{number}-{count}", luck.randrange(SEEDS), luck, tally)
            for count in range(each)
        ]
        if number % 2:
            await asyncio.gather(*edits)
        else:
            for one in edits:
                await one

    async def killer() -> None:
        while kill_every and tally.kills + tally.nodes_killed < most_kills:
            await asyncio.sleep(kill_every)
            if cluster is not None and luck.random() < 1 / 3:
                tally.nodes_killed += 1
                place = cluster.kill_a_node(luck)
                await asyncio.sleep(NODE_AWAY_SECONDS)
                await asyncio.to_thread(cluster.start_node, place)
                continue
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
    for user, count in (await ended_jobs(addresses[0])).items():
        if count != each:
            tally.wrong.append(f"{count} jobs of {user} have ended, not {each}")
    if "Traceback" in server.log:
        tally.wrong.append("a traceback in the log")
    tally.waits = waits(tally)
    tally.longest_wait = round(
        max(tally.waits.values()) * len(tally.waits) / sum(tally.waits.values()), 2
    )
    return tally


async def ended_jobs(address: Address) -> Counter[str]:
    """Edits that have ended, by user, as the server's metrics count them.

    The log would not do: it leaves lines out where there are too many.
    """
    url = address.url.replace("wss:", "https:").replace(app.SESSION_PATH, app.METRICS_PATH)
    pinned = aiohttp.Fingerprint(bytes.fromhex(address.fingerprint))
    headers = {"Authorization": f"Bearer {address.token}"}
    async with aiohttp.ClientSession(headers=headers) as http, http.get(url, ssl=pinned) as answer:
        text = await answer.text()
    ended: Counter[str] = Counter()
    for user, count in re.findall(r'limn_jobs_ended_total{.*user="(\w+)".*} (\S+)', text):
        ended[user] += int(float(count))
    return ended


def waits(tally: Tally) -> dict[str, float]:
    """Seconds that each user has waited for a turn, on average.

    From when an edit is queued, or from the user's turn before it if that came later.
    """
    last: dict[str, float] = {}
    waited: dict[str, list[float]] = {}
    for job, turn in sorted(tally.turns.items(), key=lambda entry: entry[1]):
        user = job.partition("-")[0]
        waited.setdefault(user, []).append(turn - max(tally.queued[job], last.get(user, 0.0)))
        last[user] = turn
    return {user: round(sum(each) / len(each), 2) for user, each in waited.items()}


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
    nodes: int = 0,
) -> Tally:
    """Start the servers, play, and end them.

    nodes: of a Ray cluster that is made for it; 0: none.
    """
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
    settings.write_text(
        f"max_jobs = {jobs}\nmax_connections = {2 * jobs}\n"
        f"user_jobs = {jobs}\nuser_connections = {2 * jobs}\n"
    )
    cluster = Cluster(folder, nodes) if nodes else None
    if cluster is not None:
        arguments = [*arguments, "--engine", "ray", "--ray-address", cluster.address]
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
        return asyncio.run(play(server, addresses, jobs, kill_every, most_kills, luck, cluster))
    finally:
        server.stop()
        if cluster is not None:
            cluster.stop()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--engine", choices=("local", "ray"), default="local")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--clients", type=int, default=6)
    parser.add_argument("--jobs", type=int, default=60)
    parser.add_argument("--kill-every", type=float, default=5.0, help="seconds; 0: never")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    arguments = ["--workers", str(given.workers)]
    nodes = given.workers if given.engine == "ray" else 0
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "tiny").mkdir()
        model = tiny.make(Path(folder) / "tiny")
        begun = time.monotonic()
        tally = run(
            Path(folder),
            model,
            arguments,
            given.clients,
            given.jobs,
            given.kill_every,
            seed=given.seed,
            nodes=nodes,
        )
        told = {name: value for name, value in asdict(tally).items() if name not in NOT_TOLD}
        print(json.dumps(told | {"all": round(time.monotonic() - begun, 1)}, indent=1))
    raise SystemExit(bool(tally.wrong))


if __name__ == "__main__":
    main()
