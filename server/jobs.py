"""Jobs and their results. Knows no websocket and no model.

Their order, cancelling, resuming, and their results until somebody acknowledges them. A job
outlives the connection that submitted it. Its messages are numbered here; those that a reconnecting
client needs are kept: the place in the queue, the choice of an algorithm, the latest progress and
preview and forming mask, and whatever is final.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from limn.protocol import ProtocolError
from limn.protocol.codec import encode
from limn.protocol.errors import LimnError
from limn.protocol.messages import (
    FINAL,
    Cancelled,
    Chosen,
    Done,
    Failed,
    JobMessage,
    Mask,
    Preview,
    Progress,
    Queued,
    Submit,
)

from .cache import size_of
from .engine import Engine

log = logging.getLogger("limn.jobs")

Listener = Callable[[JobMessage], None]
"""Whoever wants a job's messages: a session. It must not block."""

SWEEP_SECONDS = 30.0
"""Between looks for results that have become too old."""


MAX_KEPT = 256
"""Ended jobs that are kept, however small: nobody comes back for more."""

MAX_LISTENERS = 4
"""How many may listen to one job.

Its owner on a connection that has broken off and on the next, and whoever cancels.
"""


class TooManyJobs(LimnError):
    """The queue is full: a sentence that says of what."""

    code = "queue-full"


@dataclass(eq=False)
class Job:
    """One edit: what was asked, what was said about it, and who listens."""

    id: str
    submit: Submit | None  # None as soon as it has been run: the pixels are not needed any more
    listeners: list[Listener] = field(default_factory=list)  # the one that came last is the last
    seq: int = 0
    kept: list[JobMessage] = field(default_factory=list)
    ended: float | None = None  # time of its end

    def say(self, message: JobMessage) -> None:
        """Number a message, keep it if a reconnecting client will want it, and pass it on."""
        self.seq += 1
        message = replace(message, seq=self.seq)
        self.kept = [old for old in self.kept if not _superseded(old, message)]
        self.kept.append(message)
        for listener in tuple(self.listeners):
            listener(message)

    def tell(self, listener: Listener, last_seen: int) -> None:
        """Sends what is kept after `last_seen` to a new listener.

        And everything from now on.
        """
        self.listeners = [*self.listeners[1 - MAX_LISTENERS :], listener]
        for message in self.kept:
            if message.seq > last_seen:
                listener(message)

    @property
    def bytes(self) -> int:
        """Pixels kept for this job."""
        return size_of(self.kept)


class Jobs:
    """All jobs of a server.

    They run one after the other in the order of their arrival.
    """

    def __init__(
        self,
        engine: Engine,
        max_jobs: int,
        queue_bytes: int,
        keep_bytes: int,
        keep_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._max_jobs = max_jobs
        self._queue_bytes = queue_bytes
        self._keep_bytes = keep_bytes
        self._keep_seconds = keep_seconds
        self._clock = clock
        self._jobs: dict[str, Job] = {}
        self._queue: deque[Job] = deque()
        self._arriving: dict[Listener, int] = {}
        self._running: Job | None = None
        self._arrived = asyncio.Event()

    def known(self, job: str) -> bool:
        """Whether a job is waiting, running, or its end is still kept."""
        return job in self._jobs

    def counts(self) -> tuple[int, int, int]:
        """Jobs that wait, that run (0 or 1), and whose end is kept."""
        return (
            len(self._queue),
            int(self._running is not None),
            sum(job.ended is not None for job in self._jobs.values()),
        )

    def submit(self, submit: Submit, listener: Listener, holds: tuple[str, ...] = ()) -> None:
        """Take a job.

        The same id a second time does not run again: the listener gets what is known. Raises
        TooManyJobs.
        """
        if submit.job in self._jobs:
            self.resume(submit.job, 0, listener)
            return
        active = len(self._queue) + (self._running is not None)
        self.check_room(submit, listener)
        job = Job(submit.job, submit, [listener])
        self._jobs[job.id] = job
        self._queue.append(job)
        size = (submit.pixels.width, submit.pixels.height, submit.pixels.format)
        log.info(
            "queued job=%s algorithm=%s size=%dx%d format=%s ahead=%d",
            job.id,
            submit.algorithm,
            *size,
            active,
        )
        log.debug("queued job=%s instruction=%r", job.id, submit.instruction)
        job.say(Queued(job.id, 0, active, holds))
        self._arrived.set()

    def check_room(self, submit: Submit, listener: Listener) -> None:
        """Raises TooManyJobs where another job finds no room.

        Too many, or too large pictures. A job that is alone is always taken. A picture that has
        still to arrive counts as one that has; those that arrive for this listener are this job's
        own.
        """
        active = len(self._queue) + (self._running is not None)
        if active >= self._max_jobs:
            raise TooManyJobs(f"{self._max_jobs} edits are waiting already.")
        arriving = sum(size for one, size in self._arriving.items() if one != listener)
        if (active or arriving) and self._bytes_with(submit) + arriving > self._queue_bytes:
            raise TooManyJobs(
                f"The pictures of the edits that wait would take more than "
                f"{self._queue_bytes // 2**20:,} MiB of memory."
            )

    def arriving(self, listener: Listener, size: int) -> None:
        """Note the bytes that a connection keeps for pictures that have not all arrived."""
        if size:
            self._arriving[listener] = size
        else:
            self._arriving.pop(listener, None)

    def _bytes_with(self, submit: Submit) -> int:
        """Bytes of the pictures of all jobs that have not ended, and of this one.

        What several share counts once, and what has still to arrive as much as it will be.
        """
        asked = [submit, *(job.submit for job in self._jobs.values() if job.submit is not None)]
        pictures = [
            picture for one in asked for picture in (one.pixels, one.hint) if picture is not None
        ]
        return sum(
            {
                id(picture if picture.data is None else picture.data): picture.raw_size
                for picture in pictures
            }.values()
        )

    def resume(self, name: str, last_seen: int, listener: Listener) -> None:
        """Sends a known job's kept messages to this listener.

        Those after `last_seen`, and everything from now on. KeyError if unknown.
        """
        job = self._jobs[name]
        if listener in job.listeners:
            return  # it has everything already
        log.info("resumed job=%s after=%d of=%d", name, last_seen, job.seq)
        job.tell(listener, last_seen)

    def leave(self, listener: Listener) -> None:
        """A connection has ended: its jobs go on without it."""
        self._arriving.pop(listener, None)
        for job in self._jobs.values():
            if listener in job.listeners:
                job.listeners.remove(listener)

    async def cancel(self, name: str, listener: Listener) -> None:
        """Stop a job; this listener hears of its end, too. KeyError if unknown."""
        job = self._jobs[name]
        if listener not in job.listeners:  # from now on, or its end
            job.tell(listener, job.seq if job.ended is None else 0)
        if job in self._queue:
            self._queue.remove(job)
            self._end(job, Cancelled(name, 0))
        elif job is self._running:
            log.info("cancelling job=%s", name)
            await self._engine.cancel(name)

    def acknowledge(self, name: str) -> None:
        """Forget an ended job. Does nothing for others."""
        job = self._jobs.get(name)
        if job is not None and job.ended is not None:
            del self._jobs[name]

    async def run(self) -> None:
        """Run jobs until cancelled."""
        while True:
            while self._queue:
                self._running = self._queue.popleft()
                try:
                    await self._run(self._running)
                finally:
                    self._running = None
            self._arrived.clear()
            await self._arrived.wait()

    async def sweep(self) -> None:
        """Forget what has become too old, every now and then, until cancelled."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self.forget_old()

    def forget_old(self) -> None:
        """Forget ended jobs that are too old, and the oldest ones while there are too many
        bytes.
        """
        ended = sorted(
            (job for job in self._jobs.values() if job.ended is not None),
            key=lambda job: job.ended or 0.0,
        )
        total = sum(job.bytes for job in ended)
        for count, job in zip(range(len(ended), 0, -1), ended, strict=True):
            age = self._clock() - (job.ended or 0.0)
            if age <= self._keep_seconds and total <= self._keep_bytes and count <= MAX_KEPT:
                return
            total -= job.bytes
            del self._jobs[job.id]
            log.info("forgot job=%s age=%.0fs bytes=%d", job.id, age, job.bytes)

    async def _run(self, job: Job) -> None:
        assert job.submit is not None
        began = self._clock()
        log.info("running job=%s", job.id)
        end: JobMessage | None = None
        try:
            async for message in self._engine.run(job.submit):
                if isinstance(end, Failed):
                    continue  # it was told to stop, and has its end
                if (refused := _refused(message)) is not None:
                    end = refused
                    if not isinstance(message, FINAL):
                        await self._engine.cancel(job.id)
                elif isinstance(message, FINAL):
                    end = message
                else:
                    job.say(message)
        except Exception:  # one job's trouble must not stop the others
            log.exception("engine failed job=%s", job.id)
        end = end or Failed(
            job.id,
            0,
            "internal",
            "Something went wrong inside Limn's server.",
            "Try again; the log has the details.",
        )
        log.info("ended job=%s %s seconds=%.1f", job.id, _outcome(end), self._clock() - began)
        self._end(job, end)

    def _end(self, job: Job, message: JobMessage) -> None:
        job.submit = None
        job.ended = self._clock()
        job.say(message)
        self.forget_old()


def _refused(message: JobMessage) -> Failed | None:
    """The job's end if this message may not be sent.

    No connection would take it, so it must not be kept for the next one.
    """
    try:
        encode(message)
    except ProtocolError as error:
        log.error(
            "message beyond a limit job=%s message=%s code=%s %s",
            message.job,
            type(message).__name__,
            error.code,
            dict(error.data),
        )
        return Failed(
            message.job,
            0,
            error.code,
            f"The answer to this edit can't be sent. {error.sentence}",
            error.remedy,
        )
    return None


def _outcome(end: JobMessage) -> str:
    return f"failed code={end.code}" if isinstance(end, Failed) else type(end).__name__.lower()


def _superseded(old: JobMessage, new: JobMessage) -> bool:
    """Whether a kept message is not needed any more once a newer one has come."""
    passing = isinstance(old, (Queued, Chosen, Progress, Preview)) or (
        isinstance(old, Mask) and not old.final
    )
    if isinstance(new, FINAL):
        return passing or not isinstance(new, Done)
    return passing and type(old) is type(new)
