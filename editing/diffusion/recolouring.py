"""A change of colour, put onto the picture's own pixels.

What a network paints has been through its autoencoder, at its working size: fine detail is soft or
lost, though a change of colour alone should leave it as it was. Around each place the network's
picture is fitted as an affine function of the colours before (He, Sun, Tang, PAMI 2013; as an
operator carried to full resolution: Chen et al., Bilateral Guided Upsampling, TOG 2016), and that
function is applied to the layer's own pixels, however large the layer is. It is the fit that draws
masks to edges (edges.py), for three targets. It is made again with less weight where the network's
picture is far from it (iteratively reweighted least squares, Cauchy's weights; Holland, Welsch
1977): a dot that was painted beside its place is no reason for a paler colour around it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from .edges import linear_fit

REACH = 2
"""Radius of a fit's window, in latents.

Ten recolourings, squared error against the exact answer, the picture before is 1: 0.064 at half a
latent, 0.058 at 0.75, 0.054 at 1.25 and 0.051 at 2; 0.098 without it, and 0.033 for the exact
answer itself, encoded and decoded.
"""

EPS = 1e-4  # variance of colours that counts as none; 1e-3: 0.055 instead of 0.051

ROUNDS = 2
"""How often the fit is made again, with weights.

14 other recolourings (20 steps; success in all 14 each time): squared error 0.032 without, 0.026 in
2 rounds, 0.025 in 5; 0.079 for the network's own picture.
"""

FINE = 8  # pixels of radius that are kept when a larger window is subsampled, as in edges.py

UNLIKE = 0.1  # difference of colours, 0..1, from which a pixel counts less than half


@dataclass(frozen=True)
class Recolouring:
    """Colour after = slope . colour before + offset, at each place.

    slope: (3, 3, h, w), by colour after and colour before. offset: (3, 1, h, w). where:
    (1, 1, a, b) over the same view, 1 where it holds.
    """

    slope: Tensor
    offset: Tensor
    where: Tensor

    @classmethod
    def between(cls, before: Tensor, after: Tensor, factor: int, where: Tensor) -> Recolouring:
        """The change between two pictures (1, 3, h, w). factor: pixels of a latent."""
        where = where.to(before)
        shrink = max(1, REACH * factor // FINE)
        if shrink > 1:
            size = (before.shape[2] // shrink, before.shape[3] // shrink)
            before, after = (F.interpolate(x, size=size, mode="area") for x in (before, after))
        radius = REACH * factor // shrink
        slope, offset = linear_fit(before, after, radius, EPS)
        for _ in range(ROUNDS):
            fitted = ((slope * before).sum(1, keepdim=True) + offset).transpose(0, 1)
            apart = (fitted - after).square().mean(1, keepdim=True)
            weight = 1 / (1 + apart / UNLIKE**2)
            slope, offset = linear_fit(before, after, radius, EPS, weight)
        return cls(slope, offset, where)

    def of(
        self, pixels: Tensor, view: tuple[int, int] = (0, 0), at: tuple[int, int] = (0, 0)
    ) -> Tensor:
        """Pixels (1, 3, H, W) of the same view in any size, recoloured, in 0..1.

        view: (height, width) of all of it, where the pixels are a part that begins `at` (row,
        column). One plane of the size of the pixels is made at a time, beside the result.
        """
        height, width = pixels.shape[2:]
        tall, wide = view if any(view) else (height, width)
        here = torch.arange(at[0], at[0] + height, dtype=torch.float32) + 0.5

        def plane(x: Tensor) -> Tensor:
            rows = (here * (x.shape[0] / tall) - 0.5).clamp(0, x.shape[0] - 1)
            low = rows.long()
            share = (rows - low)[:, None].to(pixels)
            x = x.to(pixels)
            x = torch.lerp(x[low], x[(low + 1).clamp_max(x.shape[0] - 1)], share)
            x = F.interpolate(x[None, None], size=(height, wide), mode="bilinear")[0, 0]
            return x[:, at[1] : at[1] + width]

        result = torch.empty_like(pixels)
        for after in range(3):
            result[0, after] = plane(self.offset[after, 0])
            for before in range(3):
                result[0, after].addcmul_(plane(self.slope[after, before]), pixels[0, before])
        return result.clamp_(0, 1)
