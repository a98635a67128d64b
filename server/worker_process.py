"""One worker process on this machine: started on demand, replaced when it dies."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from limn.protocol.messages import FINAL, Cancelled, Failed, JobMessage, Submit

from . import pipe
from .engine import Description, EngineError, Start, Stop, Usage, WorkerState
from .pool import Worker, WorkerDied

log = logging.getLogger("limn.engine")

STOP_SECONDS = 5.0
"""How long a worker may take to end by itself.

Once its pipe is closed, before it is killed.
"""

PATIENCE = {"OMP_WAIT_POLICY": "PASSIVE"}
"""The UNet's threads sleep while they wait for each other.

Spinning, as OpenMP has it by default, takes the cores from Krita and from whatever else computes,
and then the edit itself waits for a thread that gets none. Measured by `limn bench waiting` on two
cores, the bundled model: 0.43 of the time beside one busy program, 1.25 on an idle machine. A
variable of the user's own counts.
"""

OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "DISABLE_TELEMETRY": "1"}
"""Keeps a worker from using the network.

Whatever a model's files or a library would have it ask. This goes before the user's own variables.
"""


CUT_OFF = "A file of the model was cut off or overwritten while it was in use, or its disk failed."
CUT_OFF_REMEDY = (
    "Look at it with `limn models verify`, and fetch it again or choose another model. Then try "
    "again: a fresh process serves the next edit."
)


@dataclass(frozen=True)
class _Living:
    """A process that has said what it works with."""

    process: asyncio.subprocess.Process
    description: Description


class WorkerProcess(Worker):
    """A place for one process: the one in it now, and the next one when that has died."""

    def __init__(self, start: Start, start_seconds: float, cancel_seconds: float) -> None:
        super().__init__()
        self._start = start
        self._start_seconds = start_seconds
        self._cancel_seconds = cancel_seconds
        self._living: _Living | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._closed = False
        self._starting = asyncio.Lock()
        self._running: str | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._unwanted = False
        self._memory = 0
        self._working = False

    def renew(self, model: Path | None) -> None:
        """The next process has another model; this one ends when its edit has."""
        self._start = replace(self._start, model=model)
        self.stale, self.failed = True, False

    @property
    def alive(self) -> bool:
        """Whether a process with a loaded model is there."""
        return self._living is not None and self._living.process.returncode is None

    def state(self) -> WorkerState:
        """What it does now."""
        if self._living is None or not self.alive:
            return WorkerState(self._start.device, "failed" if self.failed else "starting")
        description = self._living.description
        state = "idle" if self._running is None else "busy"
        return WorkerState(description.device, state, description.pid, self._memory)  # type: ignore[arg-type]  # one of the two

    async def describe(self) -> Description:
        """What the process works with; it is started if there is none. Raises EngineError."""
        return (await self._started()).description

    async def run(self, submit: Submit) -> AsyncGenerator[JobMessage]:
        """Run one edit. Raises WorkerDied, or EngineError where none can be started."""
        assert self._running is None, "one edit at a time"
        self._running, self._unwanted = submit.job, False
        try:
            heard, fresh = False, False
            while True:
                fresh = fresh or self._living is None
                living = await self._started()
                self._working = True
                if self._unwanted:  # cancelled while the worker was starting
                    yield Cancelled(submit.job, 0)
                    return
                self.note(submit.pixels.sha256)
                try:
                    await _write(living.process, submit)
                    while True:
                        message = await _read(living.process)
                        if isinstance(message, Usage):
                            self._memory = message.memory
                        elif message.job == submit.job:
                            heard = True
                            yield message
                            if isinstance(message, FINAL):
                                return
                except (EOFError, ConnectionError):
                    end = await self._bury(living, submit.job)
                if isinstance(end, Cancelled):
                    yield end
                    return
                if heard or fresh:
                    raise WorkerDied(end)
                fresh = True  # it was dead before it heard of this job: that is not the job's fault
        finally:
            self._running, self._working = None, False
            if self._patience is not None:
                self._patience.cancel()
                self._patience = None

    async def cancel(self, job: str) -> None:
        """Ask the running edit to stop within a step; kill the process if it does not."""
        if self._running != job or self._unwanted:
            return
        self._unwanted = True
        living = self._living
        if living is None:
            return
        self._patience = asyncio.get_running_loop().call_later(
            self._cancel_seconds, self._give_up, living, job
        )
        with suppress(ConnectionError):  # run() notices as well, and reports it
            await _write(living.process, Stop(job))

    async def close(self) -> None:
        """End the process, whether it lives or is still starting.

        Whoever waits for it is told.
        """
        self._closed = True
        if self._process is not None:
            await _end(self._process)

    async def _started(self) -> _Living:
        """The process, started if there is none."""
        async with self._starting:
            if self.stale and not self._working:
                self.stale = False
                if self._living is not None:
                    await _end(self._living.process)
            if self._living is not None and self._living.process.returncode is None:
                return self._living
            self._living = None
            self.forget()
            process = self._process = await _spawn(self._start)
            try:
                if self._closed:
                    raise EngineError("The server is stopping.", "Start it again.")
                await _write(process, self._start)
                answer = await asyncio.wait_for(_answer(process), self._start_seconds)
            except (EOFError, ConnectionError, TimeoutError) as error:
                self.failed = True
                await _end(process)
                log.error("worker failed to start code=%s", process.returncode)
                raise EngineError(
                    "The process that runs the model does not start.",
                    "Run `limn doctor`; it tells what is missing.",
                ) from error
            except BaseException:
                await _end(process)
                raise
            if isinstance(answer, EngineError):
                self.failed = True
                await _end(process)
                raise answer
            log.info(
                "worker started pid=%d device=%r model=%r", answer.pid, answer.device, answer.model
            )
            self.failed = False
            self._living = _Living(process, answer)
            return self._living

    async def _bury(self, living: _Living, job: str) -> Failed | Cancelled:
        """What to tell about a job whose worker has died."""
        await _end(living.process)
        code = living.process.returncode or 0
        log.error("worker died pid=%d code=%d job=%s", living.description.pid, code, job)
        self._living = None
        if self._unwanted:
            return Cancelled(job, 0)
        if sys.platform != "win32" and code == -signal.SIGBUS:  # of a file that is mapped
            return Failed(job, 0, "worker-died", CUT_OFF, CUT_OFF_REMEDY)
        by_system = code == -signal.SIGKILL if sys.platform != "win32" else False
        why = (
            "was ended by the system, perhaps because memory ran out"
            if by_system
            else f"has stopped (code {code})"
        )
        return Failed(
            job, 0, "worker-died", f"The process that runs the model {why}.", "Try again: a "
            "fresh one serves the next edit. "
            "If it happens again, edit a smaller part or close other programs."
        )  # fmt: skip

    def _give_up(self, living: _Living, job: str) -> None:
        log.error(
            "worker does not stop within %g s, killed pid=%d job=%s",
            self._cancel_seconds,
            living.description.pid,
            job,
        )
        with suppress(ProcessLookupError):
            living.process.kill()


async def _spawn(start: Start) -> asyncio.subprocess.Process:
    """A worker process.

    The same Python, and the same packages as ours whatever the working folder is.
    """
    threads = {"OMP_NUM_THREADS": str(start.threads)} if start.threads else {}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        "limn.server.worker",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=pipe.READ_AHEAD,
        env=PATIENCE | threads | os.environ | OFFLINE | {"PYTHONUTF8": "1"},  # whatever the locale
    )


async def _write(process: asyncio.subprocess.Process, value: object) -> None:
    assert process.stdin is not None
    await pipe.send(process.stdin, value)


async def _answer(process: asyncio.subprocess.Process) -> Description | EngineError:
    assert process.stdout is not None
    # the first thing that a worker says
    return await pipe.receive(process.stdout)  # type: ignore[return-value]


async def _read(process: asyncio.subprocess.Process) -> JobMessage | Usage:
    assert process.stdout is not None
    # a worker sends nothing else
    return await pipe.receive(process.stdout)  # type: ignore[return-value]


async def _end(process: asyncio.subprocess.Process) -> None:
    """Close the worker's pipe, which ends it; kill it if it does not end; wait for it."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
