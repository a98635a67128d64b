"""Jobs and their results. Knows no websocket and no model.

Their order, cancelling, resuming, and their results until somebody acknowledges them.

A job belongs to the user who submitted it. To all others it does not exist, whatever its id.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import replace

from limn.protocol.messages import (
    FINAL,
    Cancelled,
    Failed,
    JobMessage,
    Submit,
)

from .bounds import Bounds, TooManyJobs, bytes_of
from .engine import Engine
from .estimate import Durations
from .fair_queue import FairQueue
from .job import Job, Listener, outcome, refused
from .job_store import JobStore, StoredJob
from .metrics import Metrics

log = logging.getLogger("limn.jobs")

SWEEP_SECONDS = 30.0
"""Between looks for results that have become too old."""

MAX_KEPT = 256
"""Ended jobs that are kept, however small: nobody comes back for more."""


class Jobs:
    """All jobs of a server.

    As many run at a time as the engine has slots; users take turns.
    """

    def __init__(
        self,
        engine: Engine,
        bounds: Bounds,
        metrics: Metrics,
        store: JobStore | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._bounds = bounds
        self._metrics = metrics
        self._store = store
        self._clock = clock
        self._jobs: dict[tuple[str, str], Job] = {}
        self._queue: FairQueue[Job] = FairQueue(lambda job: job.turns)
        self._arriving: dict[Listener, tuple[str, int]] = {}
        self._running: dict[Job, asyncio.Task[None]] = {}
        self._durations = Durations()
        self._changed = asyncio.Event()

    def known(self, job: str, user: str = "") -> bool:
        """Whether a user's job is waiting, running, or its end is still kept."""
        return (user, job) in self._jobs

    def counts(self) -> tuple[int, int, int]:
        """Jobs that wait, that run, and whose end is kept."""
        ended = sum(job.ended is not None for job in self._jobs.values())
        return len(self._queue), len(self._running), ended

    def users(self) -> set[str]:
        """Users with a job that waits, runs or is kept, but for the one of this machine."""
        return {user for user, _ in self._jobs if user}

    def submit(
        self, submit: Submit, listener: Listener, holds: tuple[str, ...] = (), user: str = ""
    ) -> None:
        """Take a job.

        The same id a second time does not run again: the listener gets what is known. Raises
        TooManyJobs.
        """
        if self.known(submit.job, user):
            self.resume(submit.job, 0, listener, user)
            return
        self.check_room(submit, listener, user)
        job = Job(user, submit.job, submit, [listener], holds=holds)
        self._jobs[user, job.id] = job
        self._queue.put(user, job)
        self._keep(job)
        self._metrics.received(bytes_of(submit, []))
        size = (submit.pixels.width, submit.pixels.height, submit.pixels.format)
        self._tell_places()
        log.info(
            "queued job=%s algorithm=%s size=%dx%d format=%s ahead=%d",
            job.name,
            submit.algorithm,
            *size,
            job.place[0] if job.place else 0,
        )
        log.debug("queued job=%s instruction=%r", job.name, submit.instruction)
        self._changed.set()

    def check_room(self, submit: Submit, listener: Listener, user: str = "") -> None:
        """Raises TooManyJobs where there are too many, or their pictures are too large.

        A job that is alone is always taken, and so is a user's only one where all have room for it.
        A picture that has still to arrive counts as one that has; those that arrive for this
        listener are this job's own.
        """
        bounds = self._bounds
        active = [job for job in self._jobs.values() if job.ended is None]
        own = [job for job in active if job.user == user]
        if len(active) >= bounds.max_jobs:
            raise TooManyJobs(f"{bounds.max_jobs} edits are waiting already.")
        if user and len(own) >= bounds.user_jobs:
            raise TooManyJobs(f"{bounds.user_jobs} edits of yours are waiting already.")
        arriving = [entry for one, entry in self._arriving.items() if one != listener]
        mine = [entry for entry in arriving if entry[0] == user]
        for jobs, coming, most, whose in (
            (active, arriving, bounds.queue_bytes, "the edits"),
            *([(own, mine, bounds.user_bytes, "your edits")] if user else []),
        ):
            size = bytes_of(submit, jobs) + sum(size for _, size in coming)
            if (jobs or coming) and size > most:
                raise TooManyJobs(
                    f"The pictures of {whose} that wait would take more than "
                    f"{most // 2**20:,} MiB of memory."
                )

    def arriving(self, listener: Listener, size: int, user: str = "") -> None:
        """Note the bytes that a connection keeps for pictures that have not all arrived."""
        if size:
            self._arriving[listener] = (user, size)
        else:
            self._arriving.pop(listener, None)

    def resume(self, name: str, last_seen: int, listener: Listener, user: str = "") -> None:
        """Sends a known job's kept messages to this listener.

        Those after `last_seen`, and everything from now on. KeyError if unknown.
        """
        job = self._jobs[user, name]
        if listener in job.listeners:
            return  # it has everything already
        log.info("resumed job=%s after=%d of=%d", job.name, last_seen, job.seq)
        job.tell(listener, last_seen)

    def leave(self, listener: Listener) -> None:
        """A connection has ended: its jobs go on without it."""
        self._arriving.pop(listener, None)
        for job in self._jobs.values():
            if listener in job.listeners:
                job.listeners.remove(listener)

    async def cancel(self, name: str, listener: Listener, user: str = "") -> None:
        """Stop a job; this listener hears of its end, too. KeyError if unknown."""
        job = self._jobs[user, name]
        if listener not in job.listeners:  # from now on, or its end
            job.tell(listener, job.seq if job.ended is None else 0)
        await self._stop(job)

    async def dismiss(self, user: str) -> None:
        """A user is one no more: stop this user's jobs, and forget what was kept of them."""
        for job in [job for job in self._jobs.values() if job.user == user]:
            job.listeners.clear()
            await self._stop(job)
            self._forget(job)  # one that still runs, too: the name may be another's soon

    def acknowledge(self, name: str, user: str = "") -> None:
        """Forget an ended job. Does nothing for others."""
        job = self._jobs.get((user, name))
        if job is not None and job.ended is not None:
            self._forget(job)

    def restore(self, stored: Sequence[StoredJob]) -> None:
        """Take jobs that an earlier server has kept: ends as they were, others wait again.

        What they say from now on has higher numbers than all that was said before.
        """
        now, here = time.time(), self._clock()
        for one in stored:
            first = one.messages[0]
            if one.ended is not None:
                said = [message for message in one.messages if isinstance(message, JobMessage)]
                age = max(0.0, now - one.ended)
                seq = max(message.seq for message in said)
                job = Job(one.user, one.id, None, kept=said, seq=seq, ended=here - age)
            elif isinstance(first, Submit):
                job = Job(one.user, one.id, first, seq=int(now * 1000))
                self._queue.put(one.user, job)
            else:
                continue
            self._jobs[one.user, one.id] = job
        self.forget_old()
        log.info("restored jobs=%d waiting=%d", len(self._jobs), len(self._queue))

    async def run(self) -> None:
        """Run jobs until cancelled."""
        try:
            while True:
                while len(self._queue) and len(self._running) < self._engine.slots:
                    job = self._queue.take()
                    self._running[job] = asyncio.create_task(self._run(job))
                self._tell_places()
                self._changed.clear()
                await self._changed.wait()
        finally:
            tasks = list(self._running.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def sweep(self) -> None:
        """Forget what has become too old, every now and then, until cancelled."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self.forget_old()

    def forget_old(self) -> None:
        """Forgets ended jobs that are too old, too many, or too large."""
        ended = sorted(
            (job for job in self._jobs.values() if job.ended is not None),
            key=lambda job: job.ended or 0.0,
        )
        total = sum(job.bytes for job in ended)
        keep_seconds, keep_bytes = self._bounds.keep_seconds, self._bounds.keep_bytes
        for count, job in zip(range(len(ended), 0, -1), ended, strict=True):
            age = self._clock() - (job.ended or 0.0)
            if age <= keep_seconds and total <= keep_bytes and count <= MAX_KEPT:
                return
            total -= job.bytes
            self._forget(job)
            log.info("forgot job=%s age=%.0fs bytes=%d", job.name, age, job.bytes)

    async def _stop(self, job: Job) -> None:
        if self._queue.remove(job):
            self._end(job, Cancelled(job.id, 0))
        elif job in self._running:
            log.info("cancelling job=%s", job.name)
            await self._engine.cancel(job.name)

    def _tell_places(self) -> None:
        """Tells all that wait their place, where it has changed."""
        now, slots, running = self._clock(), self._engine.slots, list(self._running)
        waiting = self._queue.ordered()
        left = [
            self._durations.left(job.submit, job.began, job.seconds_left, now) for job in running
        ]
        seconds = self._durations.waits(left, [job.submit for job in waiting], slots)
        for position, job in enumerate(waiting):
            job.waits(max(0, len(running) + position - slots + 1), seconds[position])

    async def _run(self, job: Job) -> None:
        try:
            await self._carry_out(job)
        finally:
            self._running.pop(job, None)
            self._changed.set()

    async def _carry_out(self, job: Job) -> None:
        assert job.submit is not None
        began = job.began = self._clock()
        log.info("running job=%s", job.name)
        end: JobMessage | None = None
        try:
            async with aclosing(self._engine.run(replace(job.submit, job=job.name))) as messages:
                async for said in messages:
                    if isinstance(end, Failed):
                        continue  # it was told to stop, and has its end
                    message = replace(said, job=job.id)
                    if (no := refused(message)) is not None:
                        end = no
                        if not isinstance(message, FINAL):
                            await self._engine.cancel(job.name)
                    elif isinstance(message, FINAL):
                        end = message
                    else:
                        job.say(message)
        except Exception:  # one job's trouble must not stop the others
            log.exception("engine failed job=%s", job.name)
        end = end or Failed(
            job.id,
            0,
            "internal",
            "Something went wrong inside Limn's server.",
            "Try again; the log has the details.",
        )
        seconds = self._clock() - began
        log.info("ended job=%s %s seconds=%.1f", job.name, outcome(end), seconds)
        self._durations.note(job.submit, end, seconds)
        self._end(job, end, seconds)

    def _end(self, job: Job, message: JobMessage, seconds: float = 0.0) -> None:
        self._metrics.ended(job.user, message, seconds, job.bytes)
        job.submit = None
        job.ended = self._clock()
        job.say(message)
        if self._jobs.get((job.user, job.id)) is job:
            self._keep(job)
        self.forget_old()
        self._changed.set()

    def _forget(self, job: Job) -> None:
        if self._jobs.get((job.user, job.id)) is job:
            del self._jobs[job.user, job.id]
            if self._store is not None:
                self._store.forget(job.user, job.id)

    def _keep(self, job: Job) -> None:
        if self._store is not None:
            messages = job.kept if job.submit is None else [job.submit]
            self._store.keep(job.user, job.id, job.ended is not None, messages)
