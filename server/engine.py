"""The engine: what runs edits. Its interface, and what it exchanges with workers.

Engines speak the protocol's own job messages, with `seq` 0: whoever keeps the job numbers them.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from limn.protocol.errors import LimnError
from limn.protocol.messages import Algorithm, JobMessage, Submit

if TYPE_CHECKING:
    from .settings import Settings


class EngineError(LimnError):
    """The engine can't work at all."""

    code = "no-worker"


@dataclass(frozen=True)
class Description:
    """What an engine works with.

    `pid`: of a process that computes, for the log and for tests. native_size: see Welcome. memory:
    all bytes of the device, on a CPU the host's; 0 where they are not told. `auto`: the
    model's own choices of an algorithm, by kind of change.
    """

    device: str
    model: str
    algorithms: tuple[Algorithm, ...]
    pid: int
    native_size: int = 0
    on_cpu: bool = True
    memory: int = 0
    auto: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Start:
    """The first thing that a worker is told.

    precision: see Settings. threads: of torch on a CPU; 0: as many as it likes.
    """

    model: Path | None
    device: str
    log_level: str
    captioner: str = ""
    lora: str = ""
    precision: str = "auto"
    threads: int = 0

    @classmethod
    def of(cls, settings: Settings) -> Start:
        """What the server's settings say of it."""
        return cls(
            settings.model,
            settings.device,
            settings.log_level,
            settings.captioner,
            settings.lora,
            settings.precision,
        )


@dataclass(frozen=True)
class Stop:
    """Cancel this job, if it is the one that runs."""

    job: str


@dataclass(frozen=True)
class Usage:
    """What a worker tells before a job's end.

    The graphics memory that it holds, in bytes.
    """

    job: str
    memory: int


@dataclass(frozen=True)
class WorkerState:
    """One worker, for whoever watches the server.

    memory: graphics memory in bytes, 0 on a CPU.
    """

    device: str
    state: Literal["starting", "idle", "busy", "failed"]
    pid: int = 0
    memory: int = 0


class Engine(Protocol):
    """Runs `slots` edits at a time."""

    @property
    def slots(self) -> int:
        """Edits that run at a time, at least 1. It may change while the engine runs."""
        ...

    @property
    def renews(self) -> bool:
        """Whether `renew` can be done."""
        ...

    async def renew(self, model: Path | None) -> None:
        """Work with another model from now on; None: the bundled one.

        Each worker is replaced when its edit has ended, and jobs in the queue go on with the new
        one. Returns when the first of them is ready, or can't be started.
        """
        ...

    async def describe(self) -> Description:
        """Device, model and algorithms.

        Starts what needs starting; may take long the first time. Raises EngineError.
        """
        ...

    def run(self, submit: Submit) -> AsyncGenerator[JobMessage]:
        """Run an edit. The last message is Done, Failed or Cancelled, whatever happens.

        `submit.job` is no other's that runs. An edit whose worker dies is run once more by another,
        where there is another: it says the same again, but a final mask and a result once only.
        """
        ...

    async def cancel(self, job: str) -> None:
        """Ask a running edit to stop within a step; `run` then ends with Cancelled.

        Does nothing if it does not run.
        """
        ...

    def workers(self) -> tuple[WorkerState, ...]:
        """What each worker does now."""
        ...

    async def close(self) -> None:
        """End all workers."""
        ...
