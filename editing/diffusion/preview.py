"""Predicted clean latents -> a small picture, as cheaply as the model allows."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from .model import Model

SMALL = (
    32 * 32
)  # latents up to this many positions are decoded by the autoencoder itself: cheaper than one step

Preview = Callable[[Tensor], Tensor]
"""Predicted clean latents (1, 4, h, w) -> picture (1, 3, a, b) in 0..1 on the CPU."""


@torch.no_grad()
def previewer(model: Model, latents: Tensor, image: Tensor) -> Preview:
    """How to show this edit's latents while it runs.

    By the autoencoder where they are small, by a tiny autoencoder where the model has one, else by
    a linear map. The linear map from latents to colours is fitted to the picture at hand: `latents`
    (1, 4, h, w), scaled, of `image` (1, 3, H, W).
    """
    if latents.shape[2] * latents.shape[3] <= SMALL:
        return lambda x0: model.decode(x0[:1]).cpu()
    tiny = model.tiny
    if tiny is not None:
        return torch.no_grad()(
            lambda x0: (
                (tiny.decode(x0[:1].to(tiny.dtype)).sample.float() / 2 + 0.5).clamp(0, 1).cpu()
            )
        )
    colours = F.interpolate(image.to(latents), size=latents.shape[2:], mode="area")
    weights = torch.linalg.lstsq(
        _design(latents.cpu()), colours.cpu()[0].flatten(1).T, driver="gelsd"
    ).solution  # (channels + 1, 3)

    def linear(x0: Tensor) -> Tensor:
        return (_design(x0[:1].cpu()) @ weights).T.reshape(1, 3, *x0.shape[2:]).clamp(0, 1)

    return linear


def _design(latents: Tensor) -> Tensor:
    """(1, c, h, w) -> (positions, c + 1), the last column 1."""
    columns = latents[0].float().flatten(1).T
    return torch.cat((columns, torch.ones_like(columns[:, :1])), dim=1)
