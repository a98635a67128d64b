"""The denoiser in training.

Its data set, its losses, and what its checkpoint holds.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import torch
import typer
from diffusers import DDIMScheduler, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTokenizer

from . import dataset
from .checkpoints import WORK
from .grounding import grounding_loss, read_levels
from .networks import NOISE, join_variants, new_text_encoder, new_tokenizer, new_unet
from .recognition import Recognition

SNR_LIMIT = 5.0  # min-SNR weighting: the nearly clean timesteps would otherwise rule the loss


# and the noisiest, where the layout is decided by small differences, count up to this much more
LAYOUT_LIMIT = 4.0


# the lowest timestep at which the noisy latents are made from the picture before an edit, as edits
# begin
EDITS_BEGIN = 600


GROUND_WEIGHT = 0.06


GROUND_LEVELS = (0, 1, 2)


RECOGNITION_WEIGHT = 0.03


EMA_DECAY = 0.999


class Dataset:
    """The edits that a denoiser learns from.

    Files, and folders whose files may still be coming.
    """

    def __init__(self, places: list[Path], device: str) -> None:
        self.places, self.device = places, device
        self.files: dict[Path, dataset.Entries] = {}
        self.look()

    def look(self) -> None:
        """Take up the files that have come since the last look."""
        for place in self.places:
            for file in sorted(place.glob("*.pt")) if place.is_dir() else [place]:
                if file not in self.files:
                    self.files[file] = dataset.load(file).to(self.device)
        if not self.files:
            raise typer.BadParameter(
                f"No edits in {', '.join(map(str, self.places))}: make some with the stage data."
            )

    def pick(self, rng: np.random.Generator) -> dataset.Entries:
        """The entries of one file, each file as often as it has entries."""
        sizes = np.array([len(entries) for entries in self.files.values()])
        return list(self.files.values())[int(rng.choice(len(sizes), p=sizes / sizes.sum()))]


class Denoiser:
    """All that a denoiser's checkpoint holds.

    Trunk and text encoder, their running averages, and how far they are.
    """

    def __init__(self, scaling: float, device: str = "cpu") -> None:
        torch.manual_seed(0)
        self.device = device
        self.trunk, self.text = (
            new_unet().to(memory_format=torch.channels_last),
            new_text_encoder(new_tokenizer()),
        )
        for network in (self.trunk, self.text):
            nn.Module.to(network, device)
        self.averages = [copy.deepcopy(self.trunk), copy.deepcopy(self.text)]
        self.recognition = Recognition(self.trunk).to(device)
        self.parameters = [
            *self.trunk.parameters(),
            *self.text.parameters(),
            *self.recognition.parameters(),
        ]
        self.maps = read_levels(self.trunk, GROUND_LEVELS)
        self.scaling, self.alphas = scaling, DDIMScheduler(**NOISE).alphas_cumprod.to(device)
        self.progress = torch.zeros(
            3, dtype=torch.float64
        ).share_memory_()  # steps, images, seconds, over all workers

    def begin(self, folder: Path) -> None:
        """Start from published weights instead of random ones."""
        for network, average, weights in zip(
            (self.trunk, self.text), self.averages, join_variants(folder), strict=True
        ):
            network.load_state_dict(weights.state_dict())
            average.load_state_dict(weights.state_dict())

    def state(self) -> dict[str, Any]:
        return {
            "trunk": self.trunk.state_dict(),
            "text": self.text.state_dict(),
            "recognition": self.recognition.state_dict(),
            "progress": self.progress,
            "averages": [network.state_dict() for network in self.averages],
        }

    def load(self, state: dict[str, Any]) -> None:
        self.trunk.load_state_dict(state["trunk"])
        self.text.load_state_dict(state["text"])
        self.recognition.load_state_dict(state["recognition"])
        for network, weights in zip(self.averages, state["averages"], strict=True):
            network.load_state_dict(weights)
        self.progress.copy_(state["progress"])

    def losses(
        self,
        entries: dataset.Entries,
        side: int,
        rows: int,
        generator: torch.Generator,
        instructions: float,
    ) -> Tensor:
        """The losses of one batch drawn anew, (3).

        Noise prediction (weighted by the signal-to-noise ratio), grounding and recognition.
        """
        batch = dataset.draw(entries, side, rows, generator, self.scaling, instructions)
        target, start = batch.target * self.scaling, batch.start * self.scaling
        least = torch.where(batch.begun, EDITS_BEGIN, 0)
        times = (
            (least + torch.rand(rows, generator=generator, device=self.device) * (1000 - least))
            .long()
            .clamp(max=999)
        )
        noise = torch.randn(target.shape, generator=generator, device=self.device)
        alpha = self.alphas[times].view(-1, 1, 1, 1)
        noisy = alpha.sqrt() * start + (1 - alpha).sqrt() * noise
        noise = noise + (alpha / (1 - alpha)).sqrt() * (
            start - target
        )  # what is left of the noisy latents beside the target
        inputs = torch.cat([noisy, batch.condition], 1).contiguous(
            memory_format=torch.channels_last
        )
        weight = torch.where(
            batch.looks, 1, alpha.flatten().sqrt()
        )  # the picture shows where things are, at any noise
        predicted = self.trunk(inputs, times, self.text(batch.tokens).last_hidden_state).sample
        ratio = alpha.flatten() / (1 - alpha.flatten())
        weights = ratio.clamp(max=SNR_LIMIT) / ratio * ratio.rsqrt().clamp(1, LAYOUT_LIMIT)
        loss = ((predicted.float() - noise).square().mean((1, 2, 3)) * weights).mean()
        ground = torch.stack(
            [grounding_loss(maps, batch.masks, batch.places, weight) for maps in self.maps.values()]
        ).mean()
        for maps in self.maps.values():
            maps.clear()
        return torch.stack(
            [loss, ground, self.recognition.loss((batch.seen, batch.wanted), weight)]
        )

    def average(self, workers: int) -> None:
        """Move the running averages; called by one worker for the steps of all."""
        decay = (
            min(EMA_DECAY, (1 + float(self.progress[0])) / (10 + float(self.progress[0])))
            ** workers
        )
        with torch.no_grad():
            for average, network in zip(self.averages, (self.trunk, self.text), strict=True):
                torch._foreach_lerp_(
                    list(average.parameters()), list(network.parameters()), 1 - decay
                )


def averaged(
    file: Path = WORK / "denoiser.pt",
) -> tuple[UNet2DConditionModel, CLIPTextModel, CLIPTokenizer]:
    """The averaged trunk, text encoder and the tokenizer of a checkpoint."""
    tokenizer = new_tokenizer()
    trunk, text = new_unet(), new_text_encoder(tokenizer)
    state = torch.load(file, weights_only=True, map_location="cpu")
    for network, weights in zip((trunk, text), state["averages"], strict=True):
        network.load_state_dict(weights)
    return trunk.eval(), text.eval(), tokenizer
