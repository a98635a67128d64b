"""A pool of workers as an engine.

Which worker an edit goes to, and what happens when one dies.

What a worker is (a process, an actor of a cluster) is the matter of `worker_process.py` and
`ray_engine.py`.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

from limn.protocol import limits
from limn.protocol.messages import (
    FINAL,
    Cancelled,
    Failed,
    JobMessage,
    Mask,
    Result,
    Submit,
    Variant,
)

from .engine import Description, EngineError, WorkerState

log = logging.getLogger("limn.engine")

RENEWAL_SECONDS = 0.1
"""Between two looks whether a worker's edit has ended."""

REMEMBERED = 32
"""Pictures that a worker is taken to hold something of.

Its own store holds some dozens.
"""


class WorkerDied(Exception):
    """A worker has ended in the middle of a job.

    `end`: what to tell where that is the end.
    """

    def __init__(self, end: Failed) -> None:
        super().__init__(end.sentence)
        self.end = end


class Worker(ABC):
    """A place for one worker: the one in it now, and the next one when that has died.

    failed: whether the last start went wrong. stale: whether it is to be replaced when its edit has
    ended, by one with another model.
    """

    failed = False
    stale = False

    def __init__(self) -> None:
        self._seen: OrderedDict[str, None] = OrderedDict()

    @property
    @abstractmethod
    def alive(self) -> bool:
        """Whether a worker with a loaded model is there."""

    def knows(self, picture: str) -> bool:
        """Whether the worker has worked on a picture with this hash.

        It may hold its inversion then.
        """
        return self.alive and picture in self._seen

    def note(self, picture: str) -> None:
        """The worker works on a picture with this hash."""
        self._seen[picture] = None
        self._seen.move_to_end(picture)
        while len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)

    def forget(self) -> None:
        """The next worker here knows nothing of what the last one knew."""
        self._seen.clear()

    def renew(self, model: Path | None) -> None:
        """Be replaced by a worker with another model."""
        raise NotImplementedError

    @abstractmethod
    def state(self) -> WorkerState:
        """What it does now."""

    @abstractmethod
    async def describe(self) -> Description:
        """What the worker works with; it is started if there is none. Raises EngineError."""

    @abstractmethod
    def run(self, submit: Submit) -> AsyncGenerator[JobMessage]:
        """Run one edit. Raises WorkerDied, or EngineError where none can be started."""

    @abstractmethod
    async def cancel(self, job: str) -> None:
        """Ask the running edit to stop within a step; end the worker if it does not."""

    @abstractmethod
    async def close(self) -> None:
        """End the worker; whoever waits for it is told."""


class Pool:
    """Workers; an edit goes to an idle one that knows its picture, else to a live one."""

    def __init__(self, workers: Sequence[Worker], minimum: int | None = None) -> None:
        """workers: at least one. minimum: so many are started at once, all if not given."""
        self._workers = list(workers)
        self._minimum = len(self._workers) if minimum is None else minimum
        self._busy: dict[Worker, str] = {}
        self._waiting: set[str] = set()
        self._unwanted: set[str] = set()
        self._freed = asyncio.Event()

    @property
    def slots(self) -> int:
        """Edits that run at a time."""
        return len(self._workers)

    renews = False
    """Whether its workers can take another model."""

    async def renew(self, model: Path | None) -> None:
        """Work with another model; see `Engine.renew`."""
        for worker in self._workers:
            worker.renew(model)
        while self._workers[0].stale:
            try:
                await self._workers[0].describe()
            except EngineError:
                return  # told to whoever asks next
            await asyncio.sleep(RENEWAL_SECONDS)

    async def describe(self) -> Description:
        """What the workers work with. They are started; those that can't be are left out.

        Raises EngineError where that is true of each.
        """
        usable = [one for one in self._workers if not one.failed] or self._workers
        answers = await asyncio.gather(
            *(worker.describe() for worker in usable[: max(1, self._minimum)]),
            return_exceptions=True,
        )
        for answer in answers:
            if isinstance(answer, BaseException) and not isinstance(answer, EngineError):
                raise answer
        there = [answer for answer in answers if isinstance(answer, Description)]
        if not there:
            raise next(answer for answer in answers if isinstance(answer, EngineError))
        return replace(there[0], device=counted([one.device for one in there]))

    async def run(self, submit: Submit) -> AsyncGenerator[JobMessage]:
        """Run an edit; see `Engine.run`."""
        said: set[type[JobMessage]] = set()
        seeds = [submit.seed, *submit.seeds]  # those that are not done
        tried: list[Worker] = []
        broken: list[Worker] = []
        while True:
            worker = await self._take(submit, tried, broken)
            if worker is None:
                yield Cancelled(submit.job, 0)
                return
            try:
                left = replace(submit, seed=seeds[0], seeds=tuple(seeds[1:]))
                async with aclosing(worker.run(left)) as messages:
                    async for message in messages:
                        if not (_lasts(message) and type(message) in said):
                            yield message
                        said |= {type(message)} if _lasts(message) else set()
                        if isinstance(message, Variant):
                            seeds.remove(message.seed)
                            said.clear()
                        if isinstance(message, FINAL):
                            return
            except WorkerDied as died:
                if self.slots == 1 or tried:
                    yield died.end
                    return
                tried.append(worker)
                log.warning("runs once more job=%s", submit.job)
            except EngineError as error:
                broken.append(worker)
                if len(broken) == self.slots:
                    yield Failed(submit.job, 0, "no-worker", error.sentence, error.remedy)
                    return
            finally:
                self._busy.pop(worker, None)
                self._unwanted.discard(submit.job)
                self._freed.set()

    async def cancel(self, job: str) -> None:
        """Ask a running edit to stop within a step."""
        for worker, running in tuple(self._busy.items()):
            if running == job:
                await worker.cancel(job)
        if job in self._waiting:
            self._unwanted.add(job)
            self._freed.set()

    def workers(self) -> tuple[WorkerState, ...]:
        """What each worker does now."""
        return tuple(worker.state() for worker in self._workers)

    async def close(self) -> None:
        """End all workers."""
        await asyncio.gather(*(worker.close() for worker in self._workers))

    async def _take(
        self, submit: Submit, tried: Sequence[Worker], broken: Sequence[Worker]
    ) -> Worker | None:
        """An idle worker, as soon as there is one.

        None if the edit was cancelled meanwhile.
        """
        self._waiting.add(submit.job)
        try:
            while submit.job not in self._unwanted:
                idle = [one for one in self._workers if one not in self._busy and one not in broken]
                if idle:
                    picture = submit.pixels.sha256
                    best = min(
                        idle, key=lambda one: (one in tried, not one.knows(picture), not one.alive)
                    )
                    self._busy[best] = submit.job
                    return best
                self._freed.clear()
                await self._freed.wait()
            self._unwanted.discard(submit.job)
            return None
        finally:
            self._waiting.discard(submit.job)


def _lasts(message: JobMessage) -> bool:
    """Whether a client keeps it until the job's end, and must have it once."""
    return isinstance(message, Result) or (isinstance(message, Mask) and message.final)


def counted(names: Sequence[str]) -> str:
    """Devices for people: "CPU", "2 x CPU", "2 x NVIDIA A, NVIDIA B"."""
    parts = [
        name if names.count(name) == 1 else f"{names.count(name)} x {name}"
        for name in dict.fromkeys(names)
    ]
    return ", ".join(parts)[: limits.MAX_LABEL]
