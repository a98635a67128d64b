"""The engine: what runs edits.

The interface, and the local one: a worker process, started on demand, replaced when it dies.
Engines speak the protocol's own job messages, with `seq` 0: whoever keeps the job numbers them.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from limn.protocol.errors import LimnError
from limn.protocol.messages import FINAL, Algorithm, Cancelled, Failed, JobMessage, Submit

from . import pipe

log = logging.getLogger("limn.engine")


STOP_SECONDS = 5.0
"""How long a worker may take to end by itself.

Once its pipe is closed, before it is killed.
"""


class EngineError(LimnError):
    """The engine can't work at all."""

    code = "no-worker"


@dataclass(frozen=True)
class Description:
    """What an engine works with.

    `pid`: of the process that computes, for the log and for tests.
    """

    device: str
    model: str
    algorithms: tuple[Algorithm, ...]
    pid: int


@dataclass(frozen=True)
class Start:
    """The first thing that a worker is told."""

    model: Path | None
    device: str
    log_level: str
    captioner: str = ""


@dataclass(frozen=True)
class Stop:
    """Cancel this job, if it is the one that runs."""

    job: str


class Engine(Protocol):
    """Runs one edit at a time."""

    async def describe(self) -> Description:
        """Device, model and algorithms.

        Starts what needs starting; may take long the first time. Raises EngineError.
        """
        ...

    def run(self, submit: Submit) -> AsyncIterator[JobMessage]:
        """Run an edit. The last message is Done, Failed or Cancelled, whatever happens."""
        ...

    async def cancel(self, job: str) -> None:
        """Asks the running edit to stop within a step.

        `run` then ends with Cancelled. Does nothing if another job runs.
        """
        ...

    async def close(self) -> None:
        """End all processes."""
        ...


@dataclass(frozen=True)
class _Worker:
    """A living worker process and what it said of itself."""

    process: asyncio.subprocess.Process
    description: Description


class LocalEngine:
    """One worker process on this machine."""

    def __init__(self, start: Start, start_seconds: float, cancel_seconds: float) -> None:
        self._start = start
        self._start_seconds = start_seconds
        self._cancel_seconds = cancel_seconds
        self._worker: _Worker | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._closed = False
        self._starting = asyncio.Lock()
        self._running: str | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._unwanted = False

    async def describe(self) -> Description:
        return (await self._living()).description

    async def run(self, submit: Submit) -> AsyncIterator[JobMessage]:
        assert self._running is None, "one edit at a time"
        self._running, self._unwanted = submit.job, False
        try:
            heard, fresh = False, False
            while True:
                fresh = fresh or self._worker is None
                worker = await self._living()
                if self._unwanted:  # cancelled while the worker was starting
                    yield Cancelled(submit.job, 0)
                    return
                try:
                    await _write(worker.process, submit)
                    while True:
                        # a worker sends nothing else
                        message: JobMessage = await _read(worker.process)  # type: ignore[assignment]
                        if message.job == submit.job:
                            heard = True
                            yield message
                            if isinstance(message, FINAL):
                                return
                except (EOFError, ConnectionError):
                    end = await self._bury(worker, submit.job)
                if heard or fresh or self._unwanted:
                    yield end
                    return
                fresh = True  # it was dead before it heard of this job: that is not the job's fault
        except EngineError as error:
            yield Failed(submit.job, 0, "no-worker", error.sentence, error.remedy)
        finally:
            self._running = None
            if self._patience is not None:
                self._patience.cancel()
                self._patience = None

    async def cancel(self, job: str) -> None:
        if self._running != job or self._unwanted:
            return
        self._unwanted = True
        worker = self._worker
        if worker is None:
            return
        self._patience = asyncio.get_running_loop().call_later(
            self._cancel_seconds, self._give_up, worker, job
        )
        with suppress(ConnectionError):  # run() notices as well, and reports it
            await _write(worker.process, Stop(job))

    async def close(self) -> None:
        self._closed = True
        if (
            self._process is not None
        ):  # whether it lives or is still starting; whoever waits for it is told
            await _end(self._process)

    async def _living(self) -> _Worker:
        """The worker, started if there is none."""
        async with self._starting:
            if self._worker is not None and self._worker.process.returncode is None:
                return self._worker
            self._worker = None
            process = self._process = await _spawn()
            try:
                if self._closed:
                    raise EngineError("The server is stopping.", "Start it again.")
                await _write(process, self._start)
                answer = await asyncio.wait_for(_read(process), self._start_seconds)
            except (EOFError, ConnectionError, TimeoutError) as error:
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
                await _end(process)
                raise answer
            assert isinstance(answer, Description)
            log.info(
                "worker started pid=%d device=%r model=%r", answer.pid, answer.device, answer.model
            )
            self._worker = _Worker(process, answer)
            return self._worker

    async def _bury(self, worker: _Worker, job: str) -> JobMessage:
        """What to tell about a job whose worker has died."""
        await _end(worker.process)
        code = worker.process.returncode or 0
        log.error("worker died pid=%d code=%d job=%s", worker.description.pid, code, job)
        if self._unwanted:
            return Cancelled(job, 0)
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

    def _give_up(self, worker: _Worker, job: str) -> None:
        log.error(
            "worker does not stop within %g s, killed pid=%d job=%s",
            self._cancel_seconds,
            worker.description.pid,
            job,
        )
        with suppress(ProcessLookupError):
            worker.process.kill()


PATIENCE = {"OMP_WAIT_POLICY": "PASSIVE"}
"""Makes the worker's threads sleep while they wait for each other.

Spinning, as OpenMP has it by default, takes the cores from Krita and from whatever else computes,
and then the edit itself waits for a thread that gets none. Measured by `limn bench waiting` on two
cores, the bundled model: 0.43 of the time beside one busy program, 1.25 on an idle machine. A
variable of the user's own counts.
"""


OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "DISABLE_TELEMETRY": "1"}
"""Keeps a worker from using the network.

Whatever a model's files or a library would have it ask. This goes before the user's own variables.
"""


async def _spawn() -> asyncio.subprocess.Process:
    """Starts a worker process.

    With the same Python, and the same packages as ours whatever the working folder is.
    """
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        "limn.server.worker",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=pipe.READ_AHEAD,
        env=PATIENCE | os.environ | OFFLINE | {"PYTHONUTF8": "1"},  # whatever the locale
    )


async def _write(process: asyncio.subprocess.Process, value: object) -> None:
    assert process.stdin is not None
    await pipe.send(process.stdin, value)


async def _read(process: asyncio.subprocess.Process) -> object:
    assert process.stdout is not None
    return await pipe.receive(process.stdout)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Close the worker's pipe, which ends it; kill it if it does not end; wait for it."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
