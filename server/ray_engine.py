"""RayEngine: the workers are actors of a Ray cluster, on this machine and others.

    ray start --head --node-ip-address 10.0.0.1           on the first machine of a private network
    ray start --address 10.0.0.1:6379                     on each other one
    limn serve --engine ray --ray-address auto --workers 4

Everything that `pool.py` does with processes it does with actors. Ray keeps the models in them,
finds them a machine with a free graphics card, and carries pictures through its object store.
Ray itself trusts whoever reaches its ports: it belongs in a private network, and nowhere else.

Source: Ray's "Actors" and "Ray Generators", https://docs.ray.io, version 2.60.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass
from typing import Any

from limn.protocol.messages import FINAL, Cancelled, Failed, JobMessage, Submit

from .engine import Description, EngineError, Start, Usage, WorkerState
from .pool import Pool, Worker, WorkerDied
from .worker_process import OFFLINE, PATIENCE

log = logging.getLogger("limn.engine")

IDLE_SECONDS = 300.0
"""Seconds that a worker beyond the minimum waits for an edit.

Then it gives its card back.
"""

CALLS_AT_A_TIME = 3
"""Of one actor: an edit, and beside it what stops it."""

NO_RAY = EngineError(
    "Ray is not installed.", 'Install it: pip install "limn[ray]", or serve without --engine ray.'
)


@dataclass(frozen=True)
class Cluster:
    """Which cluster, and what each worker takes of it.

    address: "auto" is the cluster that runs on this machine; "local" starts one. gpus: for each
    worker, fractions allowed; cpus likewise.
    """

    address: str = "auto"
    gpus: float = 1.0
    cpus: float = 1.0


class RayEngine(Pool):
    """Actors of a Ray cluster, between a minimum and a maximum."""

    def __init__(
        self,
        start: Start,
        cluster: Cluster,
        minimum: int,
        maximum: int,
        start_seconds: float,
        cancel_seconds: float,
    ) -> None:
        """Connects to the cluster. Raises EngineError where there is none, or no Ray."""
        self._ray = connected(cluster.address)
        seconds = (start_seconds, cancel_seconds)
        workers = [
            RayWorker(self._ray, start, cluster, *seconds, stays=number < minimum)
            for number in range(maximum)
        ]
        super().__init__(workers, minimum)

    async def close(self) -> None:
        """End all workers, and leave the cluster."""
        await super().close()
        await asyncio.to_thread(self._ray.shutdown)


class RayWorker(Worker):
    """A place for one actor: the one in it now, and the next one when that has died."""

    def __init__(
        self,
        ray: Any,
        start: Start,
        cluster: Cluster,
        start_seconds: float,
        cancel_seconds: float,
        stays: bool,
    ) -> None:
        """stays: whether it belongs to the minimum, and is kept while idle."""
        super().__init__()
        self._ray = ray
        self._start = start
        self._cluster = cluster
        self._start_seconds = start_seconds
        self._cancel_seconds = cancel_seconds
        self._stays = stays
        self._actor: Any = None
        self._description: Description | None = None
        self._closed = self._unwanted = False
        self._starting = asyncio.Lock()
        self._running: str | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._memory = 0

    @property
    def alive(self) -> bool:
        return self._description is not None

    def state(self) -> WorkerState:
        if self._description is None:
            return WorkerState(self._start.device, "failed" if self.failed else "starting")
        one, idle = self._description, self._running is None
        return WorkerState(one.device, "idle" if idle else "busy", one.pid, self._memory)

    async def describe(self) -> Description:
        async with self._starting:
            if self._description is not None:
                return self._description
            if self._closed:
                raise EngineError("The server is stopping.", "Start it again.")
            self.forget()
            actor = self._actor = _actor(self._ray, self._start, self._cluster)
            try:
                answer = await asyncio.wait_for(
                    asyncio.wrap_future(actor.describe.remote().future()), self._start_seconds
                )
            except (self._ray.exceptions.RayError, TimeoutError) as error:
                self._end()
                self.failed = True
                log.error("worker failed to start because=%s", type(error).__name__)
                raise EngineError(
                    "The cluster starts no worker.",
                    "Look at `ray status`: is a machine with a free card there, and Limn on it?",
                ) from error
            if isinstance(answer, EngineError):
                self._end()
                self.failed = True
                raise answer
            log.info("worker started pid=%d device=%r on Ray", answer.pid, answer.device)
            self.failed = False
            self._description = answer
            return self._description

    async def run(self, submit: Submit) -> AsyncGenerator[JobMessage]:
        self._running, self._unwanted = submit.job, False
        self._wait_no_more()
        try:
            await self.describe()
            if self._unwanted:  # cancelled while the worker was starting
                yield Cancelled(submit.job, 0)
                return
            self.note(submit.pixels.sha256)
            try:
                async for reference in self._actor.run.remote(submit):
                    message = await reference
                    if isinstance(message, Usage):
                        self._memory = message.memory
                        continue
                    yield message
                    if isinstance(message, FINAL):
                        return
            except self._ray.exceptions.RayError as error:
                end = self._bury(submit.job, error)
            else:
                end = self._bury(submit.job, RuntimeError("no end"))
            if isinstance(end, Failed):
                raise WorkerDied(end)
            yield end
        finally:
            self._running = None
            self._wait_no_more()
            if not self._stays and not self._closed:
                self._timer = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._end)

    async def cancel(self, job: str) -> None:
        if self._running != job or self._unwanted:
            return
        self._unwanted = True
        if self._description is not None:
            self._actor.stop.remote(job)
            self._wait_no_more()
            self._timer = asyncio.get_running_loop().call_later(self._cancel_seconds, self._end)

    async def close(self) -> None:
        self._closed = True
        self._wait_no_more()
        self._end()

    def _wait_no_more(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _bury(self, job: str, error: Exception) -> Failed | Cancelled:
        """What to tell about a job whose worker has died."""
        log.error("worker died job=%s because=%s", job, type(error).__name__)
        self._end()
        if self._unwanted:
            return Cancelled(job, 0)
        return Failed(
            job,
            0,
            "worker-died",
            "The worker that made this edit, or its machine, has stopped.",
            "Try again: another one serves the next edit.",
        )

    def _end(self) -> None:
        """Kill the actor, if there is one; its card is free then."""
        actor, self._actor, self._description = self._actor, None, None
        if actor is not None:
            with contextlib.suppress(self._ray.exceptions.RayError):
                self._ray.kill(actor)


class _Actor:
    """What runs on the cluster. One thread makes the edit, another hears of a cancel."""

    def __init__(self, start: Start) -> None:
        from .log import begin as begin_log
        from .worker import load

        begin_log(start.log_level)
        self._start = start
        self._stopped = ""
        self._answer: Description | EngineError
        try:
            self._editor, self._answer = load(start)
        except EngineError as error:
            self._answer = error

    def describe(self) -> Description | EngineError:
        """What it works with, or why it can't."""
        return self._answer

    def run(self, submit: Submit) -> Iterator[JobMessage | Usage]:
        """Carry out one edit; the last message is Done, Failed or Cancelled."""
        from .worker import graphics_memory

        for message in self._editor.run(submit, lambda: self._stopped == submit.job):
            if isinstance(message, FINAL):
                yield Usage(submit.job, graphics_memory(self._start.device))
            yield message
        self._stopped = ""

    def stop(self, job: str) -> None:
        """Stop this job within a step, if it runs."""
        self._stopped = job


def connected(address: str) -> Any:
    """Ray, connected to a cluster. Raises EngineError."""
    try:
        import ray
    except ImportError as error:
        raise NO_RAY from error
    try:
        ray.init(
            address=None if address == "local" else address,
            namespace="limn",
            include_dashboard=False,
            log_to_driver=False,
            configure_logging=False,
            **({"_node_ip_address": "127.0.0.1"} if address == "local" else {}),
        )
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise EngineError(
            f"There is no Ray cluster at {address!r}.",
            "Start one: ray start --head --node-ip-address ADDRESS, in a private network.",
        ) from error
    return ray


def _actor(ray: Any, start: Start, cluster: Cluster) -> Any:
    """A new actor; it waits until the cluster has room for it."""
    options = {
        "num_cpus": cluster.cpus,
        "num_gpus": 0 if start.device == "cpu" else cluster.gpus,
        "max_concurrency": CALLS_AT_A_TIME,
        "max_restarts": 0,  # a job whose actor has died is run again by us, and once
        "runtime_env": {"env_vars": PATIENCE | OFFLINE | {"PYTHONUTF8": "1"}},
    }
    return ray.remote(_Actor).options(**options).remote(start)
