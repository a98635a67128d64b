"""How long an edit will still take.

From its own pace, and from what the stages of earlier edits took.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Estimate:
    """The clockwork of one edit.

    Times are in seconds, from any clock that only goes forward. earlier: how long each stage took
    in the last edit of the same kind, in their order; it is updated when the edit is finished.
    """

    earlier: dict[str, float]
    seconds: dict[str, float] = field(default_factory=dict)
    stage: str = ""
    _began: float = 0.0

    def begin(self, stage: str, now: float) -> None:
        """A stage begins, and the one before it ends."""
        self._close(now)
        self.stage, self._began = stage, now

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
        return here + sum(self.earlier[name] for name in later if name not in self.seconds)

    def finish(self, now: float) -> dict[str, float]:
        """The edit is finished: seconds by stage."""
        self._close(now)
        self.earlier.clear()
        self.earlier.update(self.seconds)
        return self.seconds

    def _close(self, now: float) -> None:
        if self.stage:
            self.seconds[self.stage] = self.seconds.get(self.stage, 0.0) + now - self._began
        self.stage = ""
