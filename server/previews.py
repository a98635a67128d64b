"""Previews of an edit, as often as they are worth their time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from limn import editing
from limn.editing import events
from limn.protocol.messages import Box, Preview, Submit

from . import images

PREVIEW_SECONDS = 0.15
"""Seconds between previews.

The eye sees no more than this as a picture that grows clearer.
"""

PREVIEW_SHARE = 0.2
"""Share of the time that may go into previews.

Where decoding is slow, they come less often.
"""


class Previews:
    """Makes the previews of one edit.

    `shows`: the part of the picture that is worked on.
    """

    def __init__(self, submit: Submit, clock: Callable[[], float]) -> None:
        self._submit = submit
        self._clock = clock
        self._next = clock()
        self.shows = Box(0, 0, submit.pixels.width, submit.pixels.height)

    def of(self, step: events.Step) -> Iterator[Preview]:
        """The preview of this step, or nothing."""
        began = self._clock()
        if not self._submit.previews or began < self._next:
            return
        try:
            picture = images.jpeg(step.preview(), self._submit.previews)
        except editing.NotFinite:  # it is only looked at; the edit's own numbers are checked apart
            return
        ended = self._clock()
        self._next = ended + max(PREVIEW_SECONDS, (ended - began) * (1 / PREVIEW_SHARE - 1))
        yield Preview(self._submit.job, 0, step.index, picture, self.shows)
