"""Plug-and-play (Tumanyan et al., CVPR 2023).

The picture's features and self-attention are injected into the target's generation. No mask.
Differences. The features are the output of the second residual block of the decoder at the semantic
level (up_blocks.1.resnets.1 in Stable Diffusion). The picture's latents are the stored trajectory
of a DDIM inversion with the empty text, at every step. What to avoid is the authors' own prompt.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ...diffusion.attention import Attention, Site, Sites, Taps
from ...diffusion.model import Branch, Model
from ...diffusion.sampling import classifier_free
from ...diffusion.schedule import Timestep
from ...events import Event
from ...request import parameter
from ...task import Algorithm, Outcome, Task
from .common import ground

NEGATIVE = {"plain": "", "generic": "ugly, blurry, black, low res, unrealistic"}
BRANCHES = ("source", "null", "target")  # the source first: its rows are handed to the two others


@dataclass(frozen=True)
class Settings:
    """Plug-and-play's parameters, with its paper's defaults."""

    features: float = parameter(
        0.8,
        "Share of the steps in which features come from the picture.",
        minimum=0.0,
        maximum=1.0,
        front=True,
        title="features kept",
    )
    attention: float = parameter(
        0.5,
        "Share of the steps in which self-attention comes from the picture.",
        minimum=0.0,
        maximum=1.0,
        front=True,
        title="attention kept",
    )
    negative: str = parameter(
        "generic",
        "What the result shall not look like: nothing, or a few generic faults.",
        choices=tuple(NEGATIVE),
        title="avoid",
    )
    guidance: float = parameter(7.5, "How much the target text counts.", minimum=0.0, maximum=30.0)
    steps: int = parameter(50, "Steps.", minimum=2, maximum=500)


def from_source(a: Attention) -> Tensor:
    """The tap: queries and keys are the source's, values stay each branch's own."""
    donors = dict.fromkeys(BRANCHES[1:], "source")
    return a.using(query=a.swap("query", **donors), key=a.swap("key", **donors)).attend()


def decoder_layers(sites: Sites) -> list[Site]:
    """Self-attention layers of the decoder, all but the first."""
    return [site for site in sites.at("self") if site.place == "up"][1:]


def feature_block(model: Model) -> nn.Module:
    """The residual block whose output is injected."""
    up = len(model.unet.config["block_out_channels"]) - 1 - model.semantic_level
    block: nn.Module = model.unet.up_blocks[up].resnets[1]
    return block


@contextlib.contextmanager
def injected(block: nn.Module, active: bool) -> Iterator[None]:
    """For one forward of BRANCHES, the block's output of every row is the first row's.

    Never around a yield.
    """

    def hand_over(module: nn.Module, args: object, output: Tensor) -> Tensor:
        return output[:1].expand_as(output)

    handle = block.register_forward_hook(hand_over) if active else None
    try:
        yield
    finally:
        if handle is not None:
            handle.remove()


@torch.no_grad()
def run(task: Task, settings: Settings) -> Generator[Event, None, Outcome]:
    """50 rows of inversion, then three a step: 200 in all."""
    start = ground(task, settings.steps)
    model = start.model
    empty = start.null.text
    branches = [
        Branch("source", empty),
        Branch("null", model.embed(NEGATIVE[settings.negative])),
        start.target,
    ]
    block = feature_block(model)
    taps: Taps = dict.fromkeys(decoder_layers(model.sites), from_source)
    trajectory = yield from start.inverted(empty)

    def predict(z: Tensor, now: Timestep, _: Timestep) -> Tensor:
        latents = {"source": trajectory.at(now), "null": z, "target": z}
        with injected(block, now.index < settings.features * settings.steps):
            noise = model.predict(
                latents,
                now.t,
                branches,
                taps if now.index < settings.attention * settings.steps else {},
            )
        return classifier_free(noise["null"], noise["target"], settings.guidance)

    z = yield from start.sampled(trajectory.noisiest, start.timesteps, predict)
    return start.finished(z)


ALGORITHM = Algorithm(
    name="pnp",
    title="Plug-and-play",
    summary="Keeps the picture's layout exactly and gives it the look that the text describes.",
    needs=("text-to-image",),
    caption="useful",
    settings=Settings,
    run=run,
    told_by="captions",
    finds_mask=False,
    baseline=True,
    order=16,
    seeded=False,
    presets={
        "paper": {
            "features": 0.8,
            "attention": 0.5,
            "negative": "generic",
            "guidance": 7.5,
            "steps": 50,
        },
        "fast": {"steps": 20},
        "quick": {"steps": 10},
    },
)
