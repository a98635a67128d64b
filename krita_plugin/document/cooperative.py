"""Long work on Krita's main thread in short turns: a generator is advanced for some milliseconds,
then Krita has its event loop back.

yield            a good place to stop, if this turn's time is used up
yield 0.1        come back after a tenth of a second at the earliest
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from typing import Any, Generic, TypeVar

from ..qt import QTimer

TURN_SECONDS = 0.008
"""Half a frame at 60 Hz: the brush stays smooth beside it."""

APART_SECONDS = 0.01
"""Between two looks at whether a call in a thread of its own has ended."""

BEGIN_SECONDS = 0.02
"""How long Krita stands still for such a call to begin."""

T = TypeVar("T")

_running: set[Task[Any]] = set()
"""Whoever starts a task need not hold it."""

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
        self._timer: Any = QTimer()
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
        except (
            Exception
        ) as error:  # the rim: whoever started the work tells the painter and keeps the trace
            self._end(self._failed, error)

    def _end(self, callback: Callable[[Any], None], value: Any) -> None:
        _running.discard(self)
        try:
            callback(value)
        except Exception as error:  # the rim again: Krita would open a dialog for it
            if callback is self._failed:
                raise
            self._failed(error)


def apart(
    call: Callable[[], Any], seconds: float, begun: Callable[[], bool] = lambda: True
) -> Steps[None]:
    """Make a call that waits in a thread of its own, while Krita goes on; raises what it raises. It
    is waited for at most `seconds`.

    begun: until this is true Krita does nothing else, a few milliseconds as a rule and never longer
    than BEGIN_SECONDS: what the painter does comes after it. PyKrita lets go of Python's lock while
    a call of Krita's lasts, so that the main thread can run Python meanwhile. What the call holds
    is let go here, however this ends: who holds a picture last takes it down, which is for the main
    thread to do.
    """
    errors: list[Exception] = []

    def run() -> None:
        try:
            call()
        except Exception as error:  # another rim: it goes on at the caller's
            errors.append(error)

    thread = threading.Thread(target=run, name="limn apart", daemon=True)
    thread.start()
    start = time.monotonic()
    try:
        while thread.is_alive() and not begun() and time.monotonic() < start + BEGIN_SECONDS:
            time.sleep(0.0005)
        while thread.is_alive() and time.monotonic() < start + seconds:
            yield APART_SECONDS
    finally:
        if thread.is_alive():  # cancelled, or waited for long enough
            Task(_outlast(thread, run), lambda _: None, lambda _: None)
    if errors:
        raise errors[0]


def _outlast(thread: threading.Thread, held: object) -> Steps[None]:
    """Hold something until a thread has ended."""
    while thread.is_alive():
        yield APART_SECONDS
