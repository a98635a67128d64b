"""Long work on Krita's main thread in short turns: cooperative tasks.

A generator is advanced for some milliseconds, then Krita has its event loop back.

yield            a good place to stop, if this turn's time is used up
yield 0.1        come back after a tenth of a second at the earliest
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import Any, Generic, TypeVar

from ..qt import QTimer

TURN_SECONDS = 0.008
"""Half a frame at 60 Hz: the brush stays smooth beside it."""

T = TypeVar("T")

LATER_SECONDS = 0.01
"""Until a turn is tried again that came in the middle of another."""

_running: set[Task[Any]] = set()
"""Whoever starts a task need not hold it."""

_turning = False
"""Whether a turn is under way.

Calls such as `createDocument` have Krita run its event loop within it: what else wants a turn then
comes later.
"""

Steps = Generator[float | None, None, T]


class Task(Generic[T]):
    """One piece of work.

    Exactly one of `done` and `failed` is called, unless it is cancelled first.
    """

    def __init__(
        self, steps: Steps[T], done: Callable[[T], None], failed: Callable[[Exception], None]
    ) -> None:
        self._steps = steps
        self._done = done
        self._failed = failed
        self._timer = QTimer()
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._turn)
        self._timer.start(0)
        _running.add(self)

    def cancel(self) -> None:
        """Stop; neither callback comes."""
        self._timer.stop()
        self._steps.close()
        _running.discard(self)

    def _turn(self) -> None:
        global _turning
        if _turning:
            self._timer.start(round(LATER_SECONDS * 1000))
            return
        _turning = True
        try:
            self._advance()
        finally:
            _turning = False

    def _advance(self) -> None:
        end = time.monotonic() + TURN_SECONDS
        try:
            while True:
                wait = next(self._steps)
                if wait:
                    self._timer.start(round(wait * 1000))
                    return
                if time.monotonic() > end:
                    self._timer.start(1)
                    return
        except StopIteration as finished:
            self._end(self._done, finished.value)
        except Exception as error:  # whoever started the work tells the painter and keeps the trace
            self._end(self._failed, error)

    def _end(self, callback: Callable[[Any], None], value: Any) -> None:
        _running.discard(self)
        try:
            callback(value)
        except Exception as error:  # Krita would open a dialog for it
            if callback is self._failed:
                raise
            self._failed(error)
