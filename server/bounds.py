"""What jobs may take up, and what they take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from limn.protocol.errors import LimnError
from limn.protocol.messages import Submit

from .job import Job


class TooManyJobs(LimnError):
    """The queue is full: a sentence that says of what."""

    code = "queue-full"


@dataclass(frozen=True)
class Bounds:
    """What jobs may take up; see the settings of the same names."""

    max_jobs: int
    queue_bytes: int
    keep_bytes: int
    keep_seconds: float
    user_jobs: int
    user_bytes: int


def bytes_of(submit: Submit, jobs: Sequence[Job]) -> int:
    """Bytes of the pictures of these jobs and of one more.

    What several share counts once, and what has still to arrive as much as it will be.
    """
    asked = [submit, *(job.submit for job in jobs if job.submit is not None)]
    every = [(one.pixels, one.hint, *(mask.area.pixels for mask in one.named)) for one in asked]
    pictures = [picture for own in every for picture in own if picture is not None]
    return sum(
        {
            id(picture if picture.data is None else picture.data): picture.raw_size
            for picture in pictures
        }.values()
    )
