"""Previews of an edit, as often as they are worth their time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from torch.nn.functional import avg_pool2d

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
        self._step = 0
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
        self._step = step.index
        yield Preview(self._submit.job, 0, step.index, picture, self.shows)

    def finished(self, done: events.Done) -> Iterator[Preview]:
        """What an edit of several places has become: each step showed one of them alone."""
        if not self._submit.previews or done.report.passes < 2 or self._submit.mask_only:
            return
        top, left, bottom, right = done.box
        made = done.image[..., top:bottom, left:right]
        while max(made.shape[-2:]) > 4 * self._submit.previews:  # so that no large copy is made
            made = avg_pool2d(made, 2, ceil_mode=True)
        picture = images.jpeg(made, self._submit.previews)
        shows = Box(left, top, right - left, bottom - top)
        yield Preview(self._submit.job, 0, self._step, picture, shows)
