"""Draws the attention of a noun towards its exact mask.

While the sketchbook trains. The idea is TokenCompose's (CVPR 2024): a loss on the cross-attention
of a word against the mask of what it names. As the loss we take 1 - cosine(attention map,
area-averaged mask), which fills the thing instead of raising single peaks.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import Attention
from torch import Tensor

# up to here the whole attention map at once is several times faster on a CPU than in blocks
FEW_POSITIONS = 256


TINY = 1e-12  # so that a map or a mask of nothing has no infinite gradient


class MapReader:
    """An attention processor that keeps probabilities.

    It computes what the stock one does, and keeps the cross-attention of one level's modules.
    """

    def __init__(self, kept: list[Tensor] | None = None) -> None:
        self.kept = kept

    def __call__(
        self,
        attn: Attention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: None = None,
    ) -> Tensor:
        source = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        query = (
            attn.to_q(hidden_states).unflatten(-1, (attn.heads, -1)).transpose(1, 2)
        )  # (batch, head, position, channel)
        key = attn.to_k(source).unflatten(-1, (attn.heads, -1)).transpose(1, 2)
        value = attn.to_v(source).unflatten(-1, (attn.heads, -1)).transpose(1, 2)
        if self.kept is None and query.is_cuda:
            mixed = F.scaled_dot_product_attention(query, key, value)
        elif self.kept is None and query.shape[2] > FEW_POSITIONS:
            mixed = F.scaled_dot_product_attention(query.float(), key.float(), value.float()).to(
                value.dtype
            )
        else:
            probabilities = (query @ key.transpose(-1, -2) * attn.scale).softmax(
                -1
            )  # (batch, head, position, token)
            mixed = probabilities @ value
            if self.kept is not None:
                self.kept.append(probabilities.mean(1))
        return attn.to_out[0](mixed.transpose(1, 2).flatten(2))


def read_levels(network: UNet2DConditionModel, levels: tuple[int, ...]) -> dict[int, list[Tensor]]:
    """Installs a reader on every cross-attention module of ``levels``.

    Each forward appends its maps to the lists returned.
    """
    kept: dict[int, list[Tensor]] = {level: [] for level in levels}
    depth = len(network.config.block_out_channels)
    processors = dict(network.attn_processors)
    for name in processors:
        block, number = name.split(".")[:2]
        level = (
            int(number)
            if block == "down_blocks"
            else depth - 1 - int(number)
            if block == "up_blocks"
            else depth
        )
        processors[name] = MapReader(kept[level] if ".attn2." in name and level in levels else None)
    network.set_attn_processor(processors)
    return kept


def grounding_loss(maps: list[Tensor], masks: Tensor, places: Tensor, weight: Tensor) -> Tensor:
    """Mean of 1 - cosine over the words that stand for a place.

    ``maps``: one (batch, position, token) per module; ``masks`` (batch, mask, 16, 16), 0..1;
    ``places`` (batch, token): the mask that a token's attention belongs on, negative for none;
    ``weight`` (batch): how much a row's timestep lets one ask for the place at all.
    """
    attention = torch.stack(maps).mean(0).float()  # (batch, position, token)
    side = int(attention.shape[1] ** 0.5)
    small = F.adaptive_avg_pool2d(masks.float(), side).flatten(2)  # (batch, mask, position)
    with torch.autocast(attention.device.type, enabled=False):
        within = attention.transpose(1, 2) @ small.transpose(1, 2)  # (batch, token, mask)
    sizes = attention.square().sum(1)[..., None] * small.square().sum(2)[:, None]
    cosine = within * (sizes + TINY).rsqrt()
    distance = 1 - cosine.gather(2, places.clamp(min=0)[..., None])[..., 0]  # (batch, token)
    asked = (places >= 0) * weight[:, None]
    return (distance * asked).sum() / asked.sum().clamp(min=1e-6)
