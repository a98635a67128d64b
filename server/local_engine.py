"""LocalEngine: one worker process for each device of this machine."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace

from limn.protocol import limits
from limn.protocol.messages import (
    FINAL,
    Cancelled,
    Failed,
    JobMessage,
    Mask,
    Result,
    Submit,
)

from .engine import Description, EngineError, Start, WorkerState
from .worker_process import WorkerDied, WorkerProcess

log = logging.getLogger("limn.engine")


class LocalEngine:
    """Worker processes on this machine.

    An edit goes to an idle one that knows its picture, else to one whose model is loaded, else
    to any.
    """

    def __init__(
        self, starts: Sequence[Start], start_seconds: float, cancel_seconds: float
    ) -> None:
        """starts: one for each worker, at least one (see `starts_of`)."""
        self._workers = [WorkerProcess(one, start_seconds, cancel_seconds) for one in starts]
        self._busy: dict[WorkerProcess, str] = {}
        self._waiting: set[str] = set()
        self._unwanted: set[str] = set()
        self._freed = asyncio.Event()

    @property
    def slots(self) -> int:
        return len(self._workers)

    async def describe(self) -> Description:
        """All workers are started, and those that can't be are left out.

        Raises EngineError where that is true of each.
        """
        usable = [one for one in self._workers if not one.failed] or self._workers
        answers = await asyncio.gather(
            *(worker.describe() for worker in usable), return_exceptions=True
        )
        for answer in answers:
            if isinstance(answer, BaseException) and not isinstance(answer, EngineError):
                raise answer
        there = [answer for answer in answers if isinstance(answer, Description)]
        if not there:
            raise next(answer for answer in answers if isinstance(answer, EngineError))
        return replace(there[0], device=counted([one.device for one in there]))

    async def run(self, submit: Submit) -> AsyncGenerator[JobMessage]:
        said: set[type[JobMessage]] = set()
        tried: list[WorkerProcess] = []
        broken: list[WorkerProcess] = []
        while True:
            worker = await self._take(submit, tried, broken)
            if worker is None:
                yield Cancelled(submit.job, 0)
                return
            try:
                async with aclosing(worker.run(submit)) as messages:
                    async for message in messages:
                        if not (_lasts(message) and type(message) in said):
                            yield message
                        said |= {type(message)} if _lasts(message) else set()
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
        for worker, running in tuple(self._busy.items()):
            if running == job:
                await worker.cancel(job)
        if job in self._waiting:
            self._unwanted.add(job)
            self._freed.set()

    def workers(self) -> tuple[WorkerState, ...]:
        return tuple(worker.state() for worker in self._workers)

    async def close(self) -> None:
        await asyncio.gather(*(worker.close() for worker in self._workers))

    async def _take(
        self, submit: Submit, tried: Sequence[WorkerProcess], broken: Sequence[WorkerProcess]
    ) -> WorkerProcess | None:
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


def starts_of(start: Start, each: int = 1) -> list[Start]:
    """What to start: a list of devices such as "cuda:0,cuda:1", so many workers each.

    Workers on the CPU share its cores evenly.
    """
    devices = [one.strip() for one in start.device.split(",") if one.strip()] or ["auto"]
    devices = [one for one in devices for _ in range(each)]
    on_cpu = devices.count("cpu")
    threads = max(1, (os.cpu_count() or 1) // on_cpu) if on_cpu > 1 else 0
    return [replace(start, device=one, threads=threads if one == "cpu" else 0) for one in devices]


def counted(names: Sequence[str]) -> str:
    """Devices for people: "CPU", "2 x CPU", "2 x NVIDIA A, NVIDIA B"."""
    parts = [
        name if names.count(name) == 1 else f"{names.count(name)} x {name}"
        for name in dict.fromkeys(names)
    ]
    return ", ".join(parts)[: limits.MAX_LABEL]
