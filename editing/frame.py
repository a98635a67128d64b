"""The working crop: from the layer to the model's size and back.

A layer is cropped and resized to the working size. The result is laid back into the layer with a
mask. The algorithms see one crop of the layer at a size that the model was trained for. What they
return is put back over the painter's pixels with an alpha; where alpha is 0 the pixels are the
painter's own, bit for bit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from .diffusion import masks
from .diffusion.recolouring import Recolouring
from .diffusion.unchanged import Unchanged
from .resizing import bands, bilinear, resize

CONTEXT = 0.25  # the crop shows at least this share of the selection's side beyond it, on each side
FILLED = 0.5  # share of its bounds' edges that a picture covers at least; a shape covers less
# the working crop's longer side, in native sizes; also the aspect that a crop is widened to
LONGEST = 1.5
FAINT = 0.1  # what is selected less is changed by a tenth at most, which is hardly seen
LEAST_REACH = 0.5  # working pixels; a mask that grows by less does not grow


Box = tuple[int, int, int, int]
"""Top, left, bottom, right; the latter two lie behind."""

Change = Recolouring | Unchanged
"""What the layer's own pixels take on in place of the edited ones."""

Spans = tuple[tuple[int, int], tuple[int, int]]
"""Begin and end of rows, and of columns."""


@dataclass(frozen=True)
class Frame:
    """Where in the layer the work happens, and at which size.

    layer: (H, W) pixels. box: (top, left, bottom, right) in the layer. size: (h, w), the working
    size. margins: pixels of `background` (sRGB in 0..1) that the working picture shows beyond the
    box, on the same four sides: around a cut-out shape that its layer ends at.
    """

    layer: tuple[int, int]
    box: Box
    size: tuple[int, int]
    margins: tuple[int, int, int, int] = (0, 0, 0, 0)
    background: tuple[float, float, float] = (1.0, 1.0, 1.0)

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) in layer pixels of what is worked on: the box with its margins."""
        top, left, bottom, right = self.box
        above, before, below, behind = self.margins
        return above + bottom - top + below, before + right - left + behind

    @property
    def scale(self) -> float:
        """Layer pixels of a working pixel's side, the larger of both directions."""
        return max(side / size for side, size in zip(self.shape, self.size, strict=True))

    def enter(self, image: Tensor) -> Tensor:
        """Brings a layer-sized tensor to the working size, in 0..1.

        It is a picture (1, 3, H, W) or a mask (1, 1, H, W); margins are background, or 0.
        """
        return resize(self.view(image), self.size).clamp(0, 1)

    def view(self, image: Tensor) -> Tensor:
        """The same at the layer's own size: the box with its margins."""
        part = self.crop(image)
        if not any(self.margins):
            return part
        blank = image.new_tensor(self.background if image.shape[1] == 3 else (0.0,))
        whole = blank.view(1, -1, 1, 1).expand(*image.shape[:2], *self.shape).clone()
        self.trim(whole).copy_(part)
        return whole

    def trim(self, x: Tensor) -> Tensor:
        """Cuts the margins off a tensor (..., a, b) over the working picture.

        Its grid may be any. Where a margin is no whole number of its cells, all of the box stays.
        """
        if not any(self.margins):
            return x
        above, before, below, behind = self.margins
        rows, columns = (side / full for side, full in zip(x.shape[-2:], self.shape, strict=True))
        top, left = int(above * rows), int(before * columns)
        bottom, right = x.shape[-2] - int(below * rows), x.shape[-1] - int(behind * columns)
        return x[..., top:bottom, left:right]

    def crop(self, x: Tensor) -> Tensor:
        """The box of a layer-sized tensor."""
        top, left, bottom, right = self.box
        return x[..., top:bottom, left:right]

    def sampled(self, x: Tensor, box: Box, mode: str = "bilinear") -> Tensor:
        """What a map (1, 1, a, b) over the working picture is in a part of the layer.

        box: (top, left, bottom, right) in the layer. Returns (1, 1, bottom - top, right - left), as
        `soft` would have it there, without the rest of the layer. mode: "bilinear" or "nearest".
        """
        top, left, bottom, right = box
        above, before = self.box[0] - self.margins[0], self.box[1] - self.margins[1]
        y, x_ = (
            (torch.arange(first, last, dtype=torch.float32) + 0.5 - origin) / side * 2 - 1
            for first, last, origin, side in zip(
                (top, left), (bottom, right), (above, before), self.shape, strict=True
            )
        )
        grid = torch.stack(torch.meshgrid(y, x_, indexing="ij")[::-1], dim=-1)[None]
        found = F.grid_sample(x.float(), grid, mode, "border", align_corners=False)
        return found * ((y.abs() < 1)[:, None] & (x_.abs() < 1))

    def place(self, x: Tensor) -> Tensor:
        """A tensor of the size `shape`, without its margins, in an empty layer."""
        if self.shape == self.layer and not any(self.margins):
            return x
        layer = x.new_zeros((*x.shape[:2], *self.layer))
        self.crop(layer).copy_(self.trim(x))
        return layer

    def soft(self, x: Tensor) -> Tensor:
        """A map over the working picture at the layer's size.

        It is (1, 1, a, b) of any grid, resized bilinearly, and 0 outside the box.
        """
        return self.place(bilinear(x, self.shape).clamp(0, 1))

    def alpha(self, feathered: Tensor) -> Tensor:
        """The composite's alpha (1, 1, H, W).

        It comes from a feathered mask (1, 1, h, w) at working size.
        """
        return self.place(bilinear(feathered, self.shape).clamp(0, 1))

    def feathered(self, binary: Tensor, reach: float) -> Tensor:
        """A mask (1, 1, h, w) at working size, with soft edges.

        The mask grows by `reach` working pixels and falls from 1 on the mask to 0 beyond them;
        below half a pixel it is the mask as it is. Where the box ends inside the layer it falls to
        0 there, too.
        """
        grows = reach >= LEAST_REACH
        width = max(1, round(reach))
        # The feather's square fits into the disc that the mask grew by: the mask keeps alpha 1.
        fall = int(width / math.sqrt(2))
        top, left, bottom, right = self.box
        inner = (
            left > 0,
            right < self.layer[1],
            top > 0,
            bottom < self.layer[0],
        )  # sides that are not the layer's own edges
        grown = masks.grow(binary.float(), width) if grows else binary.float()
        padded = F.pad(grown, (width,) * 4, mode="replicate")
        for side, is_inner in enumerate(inner):
            if is_inner:
                axis, start = (
                    (3, 2)[side // 2],
                    0 if side % 2 == 0 else padded.shape[(3, 2)[side // 2]] - width,
                )
                padded.narrow(axis, start, width).zero_()
        return masks.feather(padded, fall)[..., width:-width, width:-width]

    def leave(self, original: Tensor, edited: Tensor, changes: Sequence[Change] = ()) -> Tensor:
        """A working picture (1, 3, h, w) at the size of the box in the layer, in 0..1.

        changes: as for `composite`.
        """
        inside = original.new_empty(self.crop(original).shape)
        for rows, band in self._bands(original, edited, changes):
            inside[..., rows, :] = band
        return inside

    def composite(
        self, original: Tensor, edited: Tensor, alpha: Tensor, changes: Sequence[Change] = ()
    ) -> Tensor:
        """Put a working picture (1, 3, h, w) over the layer with an alpha (1, 1, H, W).

        Where alpha is 0 it is exactly the original. changes: where the layer's own pixels take on
        the colours instead, or stay; a later one goes before an earlier one.
        """
        result = original.clone()
        part, weight = self.crop(result), self.crop(alpha)
        for rows, band in self._bands(original, edited, changes):
            part[..., rows, :] = masks.blend(band, part[..., rows, :], weight[..., rows, :])
        return result

    def _bands(
        self, original: Tensor, edited: Tensor, changes: Sequence[Change]
    ) -> Iterator[tuple[slice, Tensor]]:
        """What `leave` gives, by rows of the box: a large layer has no room for it twice."""
        above, before = self.margins[:2]
        height, width = self.crop(original).shape[2:]
        tall = resize(edited.to(original), (self.shape[0], edited.shape[3]))
        places = [bilinear(c.where, (self.shape[0], c.where.shape[3])) for c in changes]
        for rows in bands(height, self.shape[1]):
            band = tall[..., above + rows.start : above + rows.stop, :]
            band = resize(band, (band.shape[2], self.shape[1])).clamp_(0, 1)
            band = band[..., before : before + width]
            for change, share in zip(changes, places, strict=True):
                where = share[..., above + rows.start : above + rows.stop, :]
                where = bilinear(where, (where.shape[2], self.shape[1]))
                where = where[..., before : before + width]
                place = (above + rows.start, before)
                own = change.of(self.crop(original)[..., rows, :], self.shape, place)
                band = masks.blend(own, band, where)
            yield rows, band


def choose_frame(
    layer: tuple[int, int],
    hint: Tensor | None,
    native: int,
    multiple: int,
    opacity: Tensor | None = None,
    background: tuple[float, float, float] = (1.0, 1.0, 1.0),
    context: float | None = None,
) -> Frame:
    """The crop of a layer (H, W), and the size to work at.

    The crop is the whole layer, or the hint's bounding box with context. hint: (1, 1, H, W); what
    is below FAINT counts only where nothing is above. A small selection gets a crop of at least
    `native` pixels a side, where the layer has them, so that nothing is enlarged without need.

    context: the model's own share of a selection's side on each side of it, CONTEXT where none is
    told. 12 held-out edits by FoI of scenes drawn six times larger than the bundled model's size,
    the thing selected, 12 steps, what is left of the squared error, median and mean: 0.47 and 0.52
    at 0.25, 0.09 and 0.16 at 0.5, 0.06 and 0.09 at 1, which it tells therefore (`limn bench
    context`).

    opacity: (1, 1, H, W), the layer's alpha before it was laid on `background`. Where it is that of
    a cut-out shape, and there is no hint, the crop is its bounding box with CONTEXT of its longer
    side around it, and at least half of that in background where the layer ends. Over 20 cut-out
    scenes of the sketchbook, drawn in its model's own size and edited by FoI in 12 steps, 0.25 was
    right in 90 % and left 0.44 of the error, 0.5 in 85 % and 0.45, 1 in 68 % and 0.52; the whole
    scene, where nothing is made smaller, in all and 0.37.
    """
    box, margins = (0, 0, *layer), (0, 0, 0, 0)
    if hint is not None:
        spans = _spans(hint[0, 0] >= min(FAINT, float(hint.max())))
        box = around(spans, native, layer, context=context)
    elif opacity is not None and is_shape(opacity):
        spans = _spans(opacity[0, 0] > 0)
        margin = math.ceil(CONTEXT * max(end - start for start, end in spans))
        roomy = [
            _with_margin(span, margin, limit) for span, limit in zip(spans, layer, strict=True)
        ]
        sides = [max(end - start, native) for start, end in roomy]
        sides = [max(side, math.ceil(max(sides) / LONGEST)) for side in sides]
        starts = [
            (start + end - side) // 2 for (start, end), side in zip(roomy, sides, strict=True)
        ]
        ends = [start + side for start, side in zip(starts, sides, strict=True)]
        top, left = (max(0, start) for start in starts)
        bottom, right = (min(end, limit) for end, limit in zip(ends, layer, strict=True))
        box = (top, left, bottom, right)
        margins = (top - starts[0], left - starts[1], ends[0] - bottom, ends[1] - right)
    frame = Frame(layer, box, (0, 0), margins, background)
    return replace(frame, size=working_size(*frame.shape, native, multiple))


def around(
    spans: Spans,
    native: int,
    layer: tuple[int, int],
    longest: float = LONGEST,
    context: float | None = None,
) -> Box:
    """The crop of a layer around a span of rows and one of columns.

    It has `context`, a share of their sides, on each side of them (None: CONTEXT), and `native`
    pixels a side at least, as far as the layer goes. longest: its aspect at most; 1: a square.
    """
    share = CONTEXT if context is None else context
    sides = [max(math.ceil((end - start) * (1 + 2 * share)), native) for start, end in spans]
    sides = [max(side, math.ceil(max(sides) / longest)) for side in sides]
    (top, bottom), (left, right) = (
        _widened(span, side, limit) for span, side, limit in zip(spans, sides, layer, strict=True)
    )
    return top, left, bottom, right


def is_shape(opacity: Tensor) -> bool:
    """Whether what is on a layer is a cut-out shape, no picture.

    opacity: (1, 1, H, W) in 0..1. A shape has empty layer on all sides, or the edges of its bounds
    are empty for the most part.
    """
    covered = opacity[0, 0] > 0
    if not bool(covered.any()) or bool(covered.all()):
        return False
    (top, bottom), (left, right) = _spans(covered)
    if min(top, left) > 0 and bottom < covered.shape[0] and right < covered.shape[1]:
        return True
    inside = covered[top:bottom, left:right]
    edges = torch.cat([inside[0], inside[-1], inside[:, 0], inside[:, -1]])
    return float(edges.float().mean()) < FILLED


def _spans(covered: Tensor) -> Spans:
    """Begin and end of the rows and of the columns with something true.

    covered: (H, W). The ends lie behind.
    """
    rows, columns = (covered.any(axis).nonzero() for axis in (1, 0))
    return (int(rows.min()), int(rows.max()) + 1), (int(columns.min()), int(columns.max()) + 1)


def _with_margin(span: tuple[int, int], margin: int, limit: int) -> tuple[int, int]:
    """A span with a margin on each side; beyond 0..limit half of it is enough."""
    start, end = span
    least = margin // 2
    return start - max(min(start, margin), least), end + max(min(limit - end, margin), least)


def _widened(span: tuple[int, int], side: int, limit: int) -> tuple[int, int]:
    """A span of `side` pixels around another, moved to lie within 0..limit."""
    side = min(side, limit)
    start = min(max(0, (span[0] + span[1] - side) // 2), limit - side)
    return start, start + side


def working_size(height: int, width: int, native: int, multiple: int) -> tuple[int, int]:
    """The size at which the model works on a crop.

    The shorter side has `native` pixels, the longer at most 1.5 times that. Both are multiples of
    `multiple`.
    """
    scale = min(native / min(height, width), LONGEST * native / max(height, width))
    longest = max(multiple, int(LONGEST * native) // multiple * multiple)
    h, w = (
        min(longest, max(multiple, round(side * scale / multiple) * multiple))
        for side in (height, width)
    )
    return h, w
