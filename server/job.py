"""One job of the queue: what was asked, what was said about it, and who listens.

A job outlives the connection that submitted it. Its messages are numbered here; those that a
reconnecting client needs are kept: the place in the queue, the choice of an algorithm, the latest
progress and preview and forming mask, and whatever is final.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from limn.protocol import ProtocolError
from limn.protocol.codec import encode
from limn.protocol.messages import (
    FINAL,
    Cancelled,
    Chosen,
    Failed,
    JobMessage,
    Mask,
    Missing,
    Note,
    Preview,
    Progress,
    Queued,
    Submit,
    Variant,
)

from .cache import size_of

log = logging.getLogger("limn.jobs")

Listener = Callable[[JobMessage], None]
"""Whoever wants a job's messages: a session. It must not block."""

MAX_LISTENERS = 4
"""Of one job.

Its owner on a connection that has broken off and on the next, and whoever cancels.
"""


@dataclass(eq=False)
class Job:
    """One edit of one user ("" is the user of this machine).

    submit: None as soon as it has been run: the pixels are not needed any more. ended: the time of
    its end. holds: see `Queued.holds`.
    """

    user: str
    id: str
    submit: Submit | None
    listeners: list[Listener] = field(default_factory=list)  # the one that came last is the last
    seq: int = 0
    kept: list[JobMessage] = field(default_factory=list)
    ended: float | None = None
    began: float | None = None
    place: tuple[int, float | None] | None = None
    holds: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What engine and log call it.

        No other job has this name; two users may use one id.
        """
        return f"{self.user}/{self.id}" if self.user else self.id

    def say(self, message: JobMessage) -> None:
        """Number a message, keep it if a reconnecting client will want it, and pass it on."""
        self.seq += 1
        message = replace(message, seq=self.seq)
        done = max((old.seq for old in self.kept if isinstance(old, Variant)), default=0)
        self.kept = [old for old in self.kept if not _superseded(old, message, done)]
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

    def waits(self, ahead: int, seconds: float | None) -> None:
        """Tell its place in the queue, if that is news, and the seconds until its turn."""
        if self.place is None or self.place[0] != ahead:
            self.place = (ahead, seconds)
            self.say(Queued(self.id, 0, ahead, self.holds, seconds))

    @property
    def turns(self) -> int:
        """How many edits it is worth."""
        return 1 if self.submit is None else 1 + len(self.submit.seeds)

    @property
    def bytes(self) -> int:
        """Pixels kept for this job."""
        return size_of(self.kept)

    @property
    def seconds_left(self) -> float | None:
        """What the worker has said last about the time left."""
        said = [one.seconds_left for one in self.kept if isinstance(one, Progress)]
        return said[-1] if said else None


def refused(message: JobMessage) -> Failed | None:
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


def outcome(end: JobMessage) -> str:
    """A job's end for the log: "done", "cancelled" or "failed code=..."."""
    return f"failed code={end.code}" if isinstance(end, Failed) else type(end).__name__.lower()


def _superseded(old: JobMessage, new: JobMessage, done: int) -> bool:
    """Whether a kept message is not needed any more once a newer one has come.

    done: the number of the last message about a seed that is done. Those seeds outlive a failure
    of the others.
    """
    passing = isinstance(old, (Queued, Chosen, Progress, Preview)) or (
        isinstance(old, Mask) and not old.final
    )
    if isinstance(new, FINAL):
        lost = isinstance(new, (Missing, Cancelled)) or (isinstance(new, Failed) and old.seq > done)
        return passing or isinstance(old, Note) or lost
    return passing and type(old) is type(new)
