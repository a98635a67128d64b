"""The working crop: from the layer to the model's size and back.

A layer is cropped and resized to the working size. The result is laid back into the layer with a
mask. The algorithms see one crop of the layer at a size that the model was trained for. What they
return is put back over the painter's pixels with an alpha; where alpha is 0 the pixels are the
painter's own, bit for bit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from .diffusion import masks
from .diffusion.recolouring import Recolouring

CONTEXT = 0.25  # the crop shows at least this share of the selection's side beyond it, on each side
# the working crop's longer side, in native sizes; also the aspect that a crop is widened to
LONGEST = 1.5
FAINT = 0.1  # what is selected less is changed by a tenth at most, which is hardly seen
LEAST_REACH = 0.5  # working pixels; a mask that grows by less does not grow
LOBES = 3  # of the Lanczos kernel, on each side
BLOCK = 64  # columns enlarged at once: their few neighbours make one small, dense matrix of weights


@dataclass(frozen=True)
class Frame:
    """Where in the layer the work happens, and at which size.

    layer: (H, W) pixels. box: (top, left, bottom, right) in the layer. size: (h, w), the working
    size.
    """

    layer: tuple[int, int]
    box: tuple[int, int, int, int]
    size: tuple[int, int]

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of the box in layer pixels."""
        top, left, bottom, right = self.box
        return bottom - top, right - left

    def enter(self, image: Tensor) -> Tensor:
        """Layer picture (1, 3, H, W) -> working picture (1, 3, h, w) in 0..1."""
        return resize(self.crop(image), self.size).clamp(0, 1)

    def crop(self, x: Tensor) -> Tensor:
        """The box of a layer-sized tensor."""
        top, left, bottom, right = self.box
        return x[..., top:bottom, left:right]

    def place(self, x: Tensor) -> Tensor:
        """A tensor of the box's size in an empty layer."""
        layer = x.new_zeros((*x.shape[:2], *self.layer))
        self.crop(layer).copy_(x)
        return layer

    def soft(self, x: Tensor) -> Tensor:
        """A map over the working picture at the layer's size.

        It is (1, 1, a, b) of any grid, resized bilinearly, and 0 outside the box.
        """
        return self.place(_bilinear(x, self.shape).clamp(0, 1))

    def alpha(self, feathered: Tensor) -> Tensor:
        """The composite's alpha (1, 1, H, W).

        It comes from a feathered mask (1, 1, h, w) at working size.
        """
        return self.place(_bilinear(feathered, self.shape).clamp(0, 1))

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

    def leave(self, original: Tensor, edited: Tensor, change: Recolouring | None = None) -> Tensor:
        """A working picture (1, 3, h, w) at the size of the box in the layer, in 0..1.

        change: as for `composite`.
        """
        inside = resize(edited.to(original), self.shape).clamp(0, 1)
        if change is None:
            return inside
        own = self.crop(original)
        return masks.blend(change.of(own), inside, _bilinear(change.where, self.shape))

    def composite(
        self, original: Tensor, edited: Tensor, alpha: Tensor, change: Recolouring | None = None
    ) -> Tensor:
        """Put a working picture (1, 3, h, w) over the layer with an alpha (1, 1, H, W).

        Where alpha is 0 it is exactly the original. change: where the layer's own pixels take on
        the colours instead.
        """
        result = original.clone()
        inside = self.leave(original, edited, change)
        self.crop(result).copy_(masks.blend(inside, self.crop(original), self.crop(alpha)))
        return result


def choose_frame(layer: tuple[int, int], hint: Tensor | None, native: int, multiple: int) -> Frame:
    """The crop of a layer (H, W), and the size to work at.

    The crop is the whole layer, or the hint's bounding box with context. hint: (1, 1, H, W); what
    is below FAINT counts only where nothing is above. A small selection gets a crop of at least
    `native` pixels a side, where the layer has them, so that nothing is enlarged without need. A
    client that sends a part of its layer only sends no less than this would choose.
    """
    box = (0, 0, *layer)
    if hint is not None:
        meant = hint[0, 0] >= min(FAINT, float(hint.max()))
        rows, columns = meant.any(1).nonzero(), meant.any(0).nonzero()
        spans = [(int(x.min()), int(x.max()) + 1) for x in (rows, columns)]
        sides = [max(math.ceil((end - start) * (1 + 2 * CONTEXT)), native) for start, end in spans]
        sides = [max(side, math.ceil(max(sides) / LONGEST)) for side in sides]
        (top, bottom), (left, right) = (
            _widened(span, side, limit)
            for span, side, limit in zip(spans, sides, layer, strict=True)
        )
        box = (top, left, bottom, right)
    height, width = box[2] - box[0], box[3] - box[1]
    return Frame(layer, box, working_size(height, width, native, multiple))


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


def resize(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Resizes a picture on the CPU, each direction by itself.

    Downwards by area averages, upwards by Lanczos.
    """
    for axis in (2, 3):
        target = (size[0], x.shape[3]) if axis == 2 else (x.shape[2], size[1])
        if target[axis - 2] < x.shape[axis]:
            x = F.interpolate(x, size=target, mode="area")
        elif target[axis - 2] > x.shape[axis]:
            x = enlarge(x.transpose(axis, 3), size[axis - 2]).transpose(axis, 3)
    return x


def enlarge(x: Tensor, width: int) -> Tensor:
    """Lanczos-3 along the last axis: (..., w) -> (..., width), width >= w.

    This is the windowed sinc of Duchon 1979; each pixel's weights sum to 1. Values may leave the
    range of x at edges. Equals torch's mode "lanczos", which versions before 2.12 lack.
    """
    places = (torch.arange(width, dtype=torch.float64) + 0.5) * (
        x.shape[-1] / width
    ) - 0.5  # in pixels of x
    result = x.new_empty((*x.shape[:-1], width))
    for start in range(0, width, BLOCK):
        here = places[start : start + BLOCK]
        first, last = (
            max(0, math.ceil(here[0] - LOBES)),
            min(x.shape[-1], math.floor(here[-1] + LOBES) + 1),
        )
        distance = (
            here - torch.arange(first, last, dtype=torch.float64)[:, None]
        )  # (neighbour, pixel)
        weights = torch.where(
            distance.abs() < LOBES, torch.sinc(distance) * torch.sinc(distance / LOBES), 0.0
        )
        result[..., start : start + BLOCK] = x[..., first:last] @ (weights / weights.sum(0)).to(x)
    return result


def _bilinear(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear; averages where it shrinks."""
    return (
        x
        if tuple(x.shape[2:]) == size
        else F.interpolate(x, size=size, mode="bilinear", antialias=True)
    )


def threshold(soft: Tensor, size: tuple[int, int], at: float) -> Tensor:
    """A map (1, 1, a, b) of any grid as a binary mask (1, 1, h, w).

    It is resized bilinearly before it is cut, so that its outline is smooth.
    """
    return (_bilinear(soft, size) >= at).to(torch.float32)
