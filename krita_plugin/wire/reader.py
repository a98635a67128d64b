"""The thread that reads from one connection."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...protocol import ProtocolError
from ...protocol.messages import (
    FINAL,
    Mask,
    Missing,
    ModelList,
    ModelProgress,
    ModelsDone,
    Pixels,
    Queued,
    Reading,
    Region,
    Welcome,
)
from ...vendor.websockets.exceptions import WebSocketException
from ..preview_data import GreyPicture, shrink
from .pulse import Pulse
from .session import Session, breathe
from .signals import Order, Signals
from .submitted import SubmittedJobs


@dataclass(frozen=True)
class MaskLook:
    """A mask that the server sent, made small for the panel.

    `message` is the mask itself. parts: of several instructions, each one's.
    """

    message: Mask
    picture: GreyPicture
    parts: Mapping[str, GreyPicture] = field(default_factory=dict)


def _looked_at(mask: Mask, size: Pixels) -> MaskLook:
    """size: of what was submitted."""

    def small(area: Region | None) -> GreyPicture:
        return shrink(area, size.width, size.height)

    several = mask.parts if len(mask.parts) > 1 else ()
    parts = {part.instruction: small(part.area) for part in several}
    return MaskLook(mask, small(mask.area), parts)


class Reader(threading.Thread):
    """Hands on what the server says, and notes what it has said of which job."""

    def __init__(
        self,
        session: Session,
        pulse: Pulse,
        jobs: SubmittedJobs,
        signals: Signals,
        orders: queue.SimpleQueue[Order],
    ) -> None:
        super().__init__(name="limn reader", daemon=True)
        self._session = session
        self._pulse = pulse
        self._jobs = jobs
        self._signals = signals
        self._orders = orders

    def run(self) -> None:
        """Until the connection ends, of which the writer is told."""
        error: Exception | None = None
        breathed = time.monotonic()
        try:
            for messages in self._session.received():
                self._pulse.heard()
                for message in messages:
                    if isinstance(message, Welcome):
                        self._signals.welcomed.emit(message)
                    elif isinstance(message, (ModelList, ModelProgress, ModelsDone)):
                        self._signals.models.emit(message)
                    elif isinstance(message, Reading):
                        self._signals.read.emit(message)
                    else:
                        self._hear(message)
                self._orders.put(Order("look"))
                breathed = breathe(breathed)
        except ProtocolError as problem:
            error = problem
            self._session.socket.close(problem.close_code, problem.code)
        except (OSError, WebSocketException):
            error = None  # the writer reconnects
        except Exception as problem:  # the writer tells the painter
            error = problem
        self._orders.put(Order("ended", (self._session, error)))

    def _hear(self, message: Any) -> None:
        """A message about a job.

        Final ones end its keeping; the main thread acknowledges when the layer is safe.
        """
        job = self._jobs.get(message.job)
        if isinstance(message, Missing):
            self._jobs.holds.clear()
            self._orders.put(Order("resubmit", message.job))
            return
        if isinstance(message, Queued):
            self._jobs.holds.update(message.holds)
        if job is not None:
            job.last_seen = message.seq
            if isinstance(message, Mask):
                self._signals.received.emit(_looked_at(message, job.message.pixels))
                return
        if isinstance(message, FINAL):
            self._jobs.pop(message.job, None)
        self._signals.received.emit(message)
