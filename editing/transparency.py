"""Give an edit of a flattened picture the transparency of its layer back.

The algorithms see opaque pictures: a layer lies on a known background B while it is edited. With
the layer's opacity a, the edited picture is E = a F + (1 - a) B; this solves for F, which is the
"blue screen matting" of Smith and Blinn (1996) with a known alpha, and keeps a.

What the edit paints where the layer is empty has no alpha to keep. There the least alpha that can
explain the colour is taken, as GIMP's "Color to Alpha" does: the largest share, over the three
channels, of the way from B to the end of the range that E lies on.

Differences: a network never returns the background exactly. The bundled model, which has seen no
white paper, returns (1.00, 0.77, 0.85) for it; but evenly. So B is what the network has made of the
background (`paper`), and a difference below NOISE from that is background, too. And an edge that
the network returns is softer than the layer's: what is new counts only where it is wider than the
edge of the old shape could be (`edge`), or touches such a place.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from .diffusion import masks
from .frame import is_shape
from .resizing import bands

Colour = tuple[float, float, float]
"""sRGB in 0..1."""

NOISE = 0.05
"""Difference from the paper that is taken for the network's noise.

Of a channel in 0..1. Of 17 edits of figures on transparent layers by FoI and the bundled model, 99
% of the pixels that show only paper differ by less than 0.016, 99.9 % by less than 0.047.
"""

CLEAR = 2 * NOISE
"""Difference from which on a place is new beyond doubt.

Between the two its alpha fades in.
"""

SAME_PAPER = 0.3
"""Difference of the paper from the background that was asked for.

Above it, it is no error of the network's, but what the painter asked for, "make it night", say. The
bundled model's is 0.23 at most.
"""

OPAQUE = 1 - 0.5 / 255
"""An opacity that no picture of 8 bits shows less than."""


BACKGROUNDS: tuple[Colour, ...] = ((0.63,) * 3, (1.0,) * 3, (0.25,) * 3)
"""On which a cut-out shape is edited: a neutral grey, white, a dark grey.

Over 20 cut-out scenes of the sketchbook (things to recolour and to retexture, FoI in 12 steps) the
first was right in 81 %, left 0.46 of the error inside and put nothing outside. White was right in
76 % and left 0.59, the farthest of three greys 75 % and 0.58, the picture below 80 % and 0.53. A
grey of 0.5 was right in 86 %, but left 0.61, and colour outside the shape.
"""

CONTRAST = 0.15
"""Difference from the outline, in one channel, that makes it seen."""

FAINTEST = 0.1
"""Share of the outline that may have less."""


def background(image: Tensor, opacity: Tensor, seen: Colour) -> Colour:
    """The colour to lay a layer on while it is edited.

    What the painter sees through it, `seen`, unless it is a cut-out shape: then the first of
    BACKGROUNDS on which its outline is seen, or that on which it is seen best. image: (1, 3, H, W)
    in 0..1, the layer laid on `seen`. opacity: (1, 1, H, W), its alpha.
    """
    if not is_shape(opacity):
        return seen
    outline = (opacity > 0.5) & (masks.grow((opacity == 0).float(), 2) > 0)
    outline = outline if bool(outline.any()) else opacity > 0
    share = opacity[outline]
    below = (1 - share) * torch.tensor(seen)[:, None]
    colours = (image[outline.expand_as(image)].view(3, -1) - below) / share

    def contrast(colour: Colour) -> float:
        away = (colours - torch.tensor(colour)[:, None]).abs().amax(0).sort().values
        return float(away[int(FAINTEST * (len(away) - 1))])

    enough = (colour for colour in BACKGROUNDS if contrast(colour) >= CONTRAST)
    return next(enough, max(BACKGROUNDS, key=contrast))


def paper(edited: Tensor, image: Tensor, opacity: Tensor) -> Colour | None:
    """What the network has made of the background.

    The median of where the layer is empty. edited, image: (1, 3, h, w) in 0..1, after and before
    the edit. opacity: (1, 1, h, w), the layer's alpha. None where nothing is empty.
    """
    empty = (opacity == 0).expand_as(image)
    if not bool(empty.any()):
        return None
    before, after = (one[empty].view(3, -1).median(1).values for one in (image, edited))
    same = bool((after - before).abs().max() <= SAME_PAPER)
    red, green, blue = (after if same else before).clamp(0, 1).tolist()
    return red, green, blue


def restored(
    edited: Tensor,
    background: Colour,
    under: Colour,
    opacity: Tensor,
    mask: Tensor,
    edge: float,
    clears: bool = False,
) -> tuple[Tensor, Tensor]:
    """Colour (1, 3, H, W) and alpha (1, 1, H, W) of an edited layer, both in 0..1.

    Laid over `under`, the two give `edited` again wherever colour and opacity allow it.
    edited: (1, 3, H, W), clamped to 0..1: what the edit shows on the paper `under`, which was
    `background`. What has become paper within the old shape gets the background's own colour, or
    with `clears`, for an edit that removes something, becomes transparent. opacity: (1, 1, H, W),
    the layer's alpha before. mask: (1, 1, H, W), where the edit acts: the alpha is mask x opacity,
    plus what is new. edge: pixels by which the edit may have softened or shifted an outline.
    """
    below, paint = (torch.tensor(one).view(1, 3, 1, 1) for one in (under, background))
    alpha = opacity
    if bool((opacity < OPAQUE).any()):
        alpha = torch.maximum(opacity, _new(edited, below, opacity, mask, edge))
    colour, shown = torch.empty_like(edited), torch.empty_like(mask)
    for rows in bands(*edited.shape[2:]):
        colour[..., rows, :], shown[..., rows, :] = _unmixed(
            edited[..., rows, :].clamp(0, 1), below, paint, alpha[..., rows, :], clears
        )
    return colour, shown.mul_(mask)


def _unmixed(
    edited: Tensor, below: Tensor, paint: Tensor, alpha: Tensor, clears: bool
) -> tuple[Tensor, Tensor]:
    """Colour and alpha of a band.

    below: the paper, paint: the background, both (1, 3, 1, 1).
    """
    bare = 1 - ((_apart(edited, below) - NOISE) / (CLEAR - NOISE)).clamp(0, 1)
    if clears:
        alpha = alpha * (1 - bare)
    least = torch.finfo(edited.dtype).tiny
    colour = bare * (paint - below) + (edited - (1 - alpha) * below) / alpha.clamp_min(least)
    return torch.where(alpha > 0, colour, edited).clamp(0, 1), alpha


def _apart(edited: Tensor, under: Tensor) -> Tensor:
    """The largest difference of a channel from the paper."""
    return (edited - under).abs().amax(1, keepdim=True)


def _least(edited: Tensor, under: Tensor) -> Tensor:
    """The least alpha (1, 1, H, W) that can give the edited colours.

    With it a colour over `under` can look like `edited`.
    """
    room = torch.where(edited > under, 1 - under, under)
    return ((edited - under).abs() / room.clamp_min(1 / 255)).amax(1, keepdim=True).clamp(0, 1)


def _new(edited: Tensor, under: Tensor, opacity: Tensor, mask: Tensor, edge: float) -> Tensor:
    """Alpha of what the edit has painted where the layer was empty.

    A place is a seed where it is clear of noise over more than an edge's width, and farther from
    the old shape than an edge. All that is new within two edges' width of a seed belongs to it.
    """
    least, apart = torch.empty_like(mask), torch.empty_like(mask)
    for rows in bands(*edited.shape[2:]):
        band = edited[..., rows, :].clamp(0, 1)
        least[..., rows, :], apart[..., rows, :] = _least(band, under), _apart(band, under)
    # a grid of one cell to each quarter of an edge: the distances do not depend on the size
    step = max(1, round(edge / 4))
    height, width = (max(1, -(-side // step)) for side in least.shape[2:])
    size = (height, width)
    reach = max(1, round(edge / step))
    free = 1 - masks.grow(_coarse(opacity, size).gt(0).float(), reach)
    clear = F.adaptive_avg_pool2d(((apart > CLEAR) & (mask > 0)).float(), size).ge(0.5).float()
    opened = 1 - masks.grow(1 - clear, max(1, reach // 2))
    region = masks.grow(opened * free, 2 * reach)
    wide = F.interpolate(region, least.shape[2:], mode="bilinear").clamp(0, 1)
    return least.mul_(apart.sub_(NOISE).div_(CLEAR - NOISE).clamp_(0, 1)).mul_(wide)


def _coarse(x: Tensor, size: tuple[int, int]) -> Tensor:
    return F.adaptive_max_pool2d(x, size)
