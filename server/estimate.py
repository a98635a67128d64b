"""How long an edit will still take, and how long one waits for its turn.

From its own pace, and from what earlier edits took.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field

from limn.protocol.messages import Done, JobMessage, Submit

SMOOTHING = 0.3
"""Share of the newest edit in the average: the last five or so decide."""


@dataclass
class Estimate:
    """The clockwork of one edit.

    Times are in seconds, from any clock that only goes forward.

    earlier: how long each stage took in the last edit of the same kind, in their order; it is
    updated when the edit is finished. An edit in places has one pass for each: then it tells how
    long the stages of a pass take, and is left as it is.
    """

    earlier: dict[str, float]
    seconds: dict[str, float] = field(default_factory=dict)
    stage: str = ""
    _began: float = 0.0
    _passes: int = 0
    _number: int = 0
    _first: float = 0.0
    _entered: float = 0.0

    def begin(self, stage: str, now: float, number: int = 0, passes: int = 0) -> None:
        """A stage begins, and the one before it ends.

        number: which of `passes` passes it belongs to, 0: to none.
        """
        self._close(now)
        self.stage, self._began = stage, now
        if number and number != self._number:
            self._first = self._first if self._number else now
            self._number, self._passes, self._entered = number, passes, now

    def left(self, step: int, count: int, now: float) -> float | None:
        """Seconds left after `step` of `count` in this stage.

        None as long as nothing is known.
        """
        elapsed = now - self._began
        if 0 < step <= count:
            here = elapsed * (count - step) / step
        elif self.stage in self.earlier:
            here = max(0.0, self.earlier[self.stage] - elapsed)
        else:
            return None
        names = list(self.earlier)
        later = names[names.index(self.stage) + 1 :] if self.stage in names else []
        if self._number:
            here += sum(self.earlier[name] for name in later)
            return here + (self._passes - self._number) * self._pass(here, now)
        return here + sum(self.earlier[name] for name in later if name not in self.seconds)

    def _pass(self, here: float, now: float) -> float:
        """Seconds of one pass.

        It is the mean of those that are done, or what this one will take.
        """
        done = self._number - 1
        return (self._entered - self._first) / done if done else now - self._entered + here

    def finish(self, now: float) -> dict[str, float]:
        """The edit is finished: seconds by stage."""
        self._close(now)
        if not self._passes:
            self.earlier.clear()
            self.earlier.update(self.seconds)
        return self.seconds

    def _close(self, now: float) -> None:
        if self.stage:
            self.seconds[self.stage] = self.seconds.get(self.stage, 0.0) + now - self._began
        self.stage = ""


class Durations:
    """What edits have taken in this server, by algorithm.

    Seconds of a pass, an exponential average.
    """

    def __init__(self) -> None:
        self._seconds: dict[tuple[str, bool, int], float] = {}

    def note(self, submit: Submit, end: JobMessage, seconds: float) -> None:
        """An edit has ended; only one that was carried out tells something."""
        if isinstance(end, Done):
            kind = _kind(submit)
            seconds /= max(1, end.passes)
            self._seconds[kind] = seconds + (1 - SMOOTHING) * (
                self._seconds.get(kind, seconds) - seconds
            )

    def expected(self, submit: Submit | None) -> float | None:
        """What an edit will take; None if none of its kind has been carried out."""
        return None if submit is None else self._seconds.get(_kind(submit))

    def left(
        self, submit: Submit | None, began: float | None, said: float | None, now: float
    ) -> float | None:
        """What a running edit will still take.

        said: by its worker, if it has said something.
        """
        whole = self.expected(submit)
        if said is not None or whole is None:
            return said
        return max(0.0, whole - (now - (now if began is None else began)))

    def waits(
        self, running: Sequence[float | None], waiting: Sequence[Submit | None], slots: int
    ) -> list[float | None]:
        """Seconds until the turn of each edit that waits, in order.

        None from the first one on for which something is unknown. running: the seconds left
        of those that run.
        """
        waits: list[float | None] = []
        free = [0.0] * max(0, slots - len(running)) + [left or 0.0 for left in running]
        heapq.heapify(free)
        certain = None not in running
        for submit in waiting:
            turn, whole = heapq.heappop(free), self.expected(submit)
            waits.append(turn if certain else None)
            certain = certain and whole is not None
            heapq.heappush(free, turn + (whole or 0.0))
        return waits


def _kind(submit: Submit) -> tuple[str, bool, int]:
    """Edits of one kind take about as long."""
    return submit.algorithm, submit.mask_only, len(submit.seeds)
