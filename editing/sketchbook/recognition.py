"""What stands where, asked of the trunk's own features.

While the sketchbook trains. The idea is REPA's (Yu et al., ICLR 2025): a diffusion network learns
its pictures several times faster when its hidden states are held to what the picture means. No
foreign encoder is needed here, because the renderer knows kind, colour, texture, state and size at
every place. A linear layer on the way down names what the inputs show, another on the way up what
is to be shown; both are thrown away after training.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import UNet2DConditionModel
from torch import Tensor, nn

from .drawing import COLOURS, KINDS
from .scenes import BACKGROUNDS, SIZES, STATES, TEXTURES, Scene

GROUPS: tuple[tuple[str, ...], ...] = (
    (*KINDS, *BACKGROUNDS),
    tuple(COLOURS),
    TEXTURES,
    tuple(dict.fromkeys(state for states in STATES.values() for state in states)),
    tuple(SIZES),
)
CLASSES = sum(len(group) for group in GROUPS)
BACKGROUND_WEIGHT = 0.2  # it covers most of a picture, and there is little to learn from it
LEVEL = 1  # of the network: the semantic level, once the latents are at full size


def classes(scene: Scene, columns: int) -> np.ndarray:
    """(class, column) weights: one column a thing, the last the background."""
    out = np.zeros((CLASSES, columns), np.float32)
    first = 0
    for group, attribute in zip(
        GROUPS, ("kind", "colour", "texture", "state", "size"), strict=True
    ):
        for column, thing in enumerate(scene.things):
            value = getattr(thing, attribute)
            if value in group:
                out[first + group.index(value), column] = 1
        first += len(group)
    out[GROUPS[0].index(scene.background), -1] = BACKGROUND_WEIGHT
    return out


class Recognition(nn.Module):
    """Two linear layers that read ``trunk``'s level ``LEVEL``.

    On the way down and on the way up.
    """

    def __init__(self, trunk: UNet2DConditionModel) -> None:
        super().__init__()
        channels = trunk.config.block_out_channels[LEVEL]
        depth = len(trunk.config.block_out_channels)
        self.heads = nn.ModuleList(nn.Conv2d(channels, CLASSES, 1) for _ in range(2))
        self.features: list[Tensor] = []  # of the last forward: down, up
        for block in (trunk.down_blocks[LEVEL], trunk.up_blocks[depth - 1 - LEVEL]):
            block.attentions[0].register_forward_hook(
                lambda _module, _inputs, output: self.features.append(output[0])
            )

    def loss(self, targets: tuple[Tensor, Tensor], weight: Tensor) -> Tensor:
        """Mean cross-entropy, in nats, over both layers and all groups of classes; empties
        ``features``.

        ``targets``: what the inputs show and what is to be shown, each (batch, class, 16, 16), a
        class's share of the place;
        ``weight`` (batch): how much a row's timestep lets one ask."""
        losses = []
        for head, features, target in zip(self.heads, self.features, targets, strict=True):
            logits = head(features).float()
            small = F.adaptive_avg_pool2d(target, logits.shape[-1])
            sizes = [len(group) for group in GROUPS]
            for guess, wanted in zip(logits.split(sizes, 1), small.split(sizes, 1), strict=True):
                wanted = wanted * weight.view(-1, 1, 1, 1)
                losses.append(-(wanted * guess.log_softmax(1)).sum() / wanted.sum().clamp(min=1))
        self.features.clear()
        return torch.stack(losses).mean()
