"""Time that passes only when it is told to, and timers that wait in it."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

MOST_TURNS = 200_000
"""Of one run: beyond that something waits for ever."""


class Clock:
    """Seconds since the beginning, and what is due when."""

    def __init__(self) -> None:
        self.now = 0.0
        self._waiting: dict[int, tuple[float, int, Timer]] = {}
        self._count = 0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def wait(self, timer: Timer, seconds: float) -> None:
        self._count += 1
        assert self._count < MOST_TURNS, "something waits for ever"
        self._waiting[id(timer)] = (self.now + seconds, self._count, timer)

    def forget(self, timer: Timer) -> None:
        self._waiting.pop(id(timer), None)

    def turn(self) -> bool:
        """What is due next, at its time. False: nothing waits."""
        if not self._waiting:
            return False
        due, _, timer = min(self._waiting.values(), key=lambda one: one[:2])
        self.forget(timer)
        self.now = max(self.now, due)
        timer.fire()
        return True


clock = Clock()
"""The one of this run."""


def reset() -> None:
    """A new run begins."""
    clock.now, clock._count = 0.0, 0
    clock._waiting.clear()


class Timer:
    """A `QTimer` of single shots."""

    def __init__(self, parent: Any = None) -> None:
        self._called: list[Callable[[], object]] = []
        self.timeout = SimpleNamespace(connect=self._called.append)

    def setSingleShot(self, once: bool) -> None:
        assert once

    def start(self, milliseconds: int) -> None:
        clock.wait(self, milliseconds / 1000)

    def stop(self) -> None:
        clock.forget(self)

    def fire(self) -> None:
        for one in self._called:
            one()
