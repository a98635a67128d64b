"""MasaCtrl (Cao et al., ICCV 2023).

The target's self-attention looks up the picture's own keys and values. No mask. Differences. Layers
are counted as in the authors' code, down, middle, up; their 10 to 15 of Stable Diffusion's 16 are
here the same share of another network's. The source branch is the stored trajectory of a direct
inversion. Without a caption the source text is empty.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from ...diffusion.attention import Attention, Site, Sites, Taps
from ...diffusion.model import Branch
from ...diffusion.sampling import classifier_free
from ...diffusion.schedule import Timestep
from ...events import Event
from ...request import parameter
from ...task import Algorithm, Outcome, Task
from .common import ground

FIRST_LAYER = 10 / 16  # up_blocks.2 and up_blocks.3 of Stable Diffusion 1.x
DONORS = {
    "null source": "null source",
    "null": "null source",
    "source": "source",
    "target": "source",
}


@dataclass(frozen=True)
class Settings:
    """MasaCtrl's parameters, with its paper's defaults."""

    start_step: int = parameter(
        4,
        "Step from which the picture's own content is looked up.",
        minimum=0,
        maximum=500,
        front=True,
        title="content from step",
    )
    guidance: float = parameter(
        7.5, "How much the target text counts.", minimum=0.0, maximum=30.0, front=True
    )
    steps: int = parameter(50, "Steps.", minimum=2, maximum=500)


def mutual_attention(query: Tensor, key: Tensor, value: Tensor, donors: Sequence[int]) -> Tensor:
    """Self-attention in which row r looks into the keys and values of row donors[r].

    (row, head, position, d) -> the same.
    """
    rows = list(donors)
    return F.scaled_dot_product_attention(query, key[rows], value[rows])


def mutual(a: Attention) -> Tensor:
    """The tap of mutual self-attention.

    Conditional rows look into the conditional source, unconditional ones into the unconditional.
    """
    return mutual_attention(
        a.query, a.key, a.value, [a.rows.names.index(DONORS[name]) for name in a.rows.names]
    )


def decoder_layers(sites: Sites) -> list[Site]:
    """The self-attention layers from FIRST_LAYER on."""
    order = ("down", "mid", "up")
    layers = sorted(
        sites.at("self"), key=lambda site: order.index(site.place)
    )  # stable: within a place in the network's order
    return layers[round(FIRST_LAYER * len(layers)) :]


@torch.no_grad()
def run(task: Task, settings: Settings) -> Generator[Event, None, Outcome]:
    """50 rows of inversion, then four a step: 250 in all."""
    start = ground(task, settings.steps)
    model = start.model
    source = Branch("source", start.null.text) if start.texts.derived else start.source
    branches = [Branch("null source", start.null.text), start.null, source, start.target]
    taps: Taps = dict.fromkeys(decoder_layers(model.sites), mutual)
    trajectory = yield from start.inverted(source.text)

    def predict(z: Tensor, now: Timestep, _: Timestep) -> Tensor:
        own = trajectory.at(now)
        latents = {"null source": own, "null": z, "source": own, "target": z}
        noise = model.predict(
            latents, now.t, branches, taps if now.index >= settings.start_step else {}
        )
        return classifier_free(noise["null"], noise["target"], settings.guidance)

    z = yield from start.sampled(trajectory.noisiest, start.timesteps, predict)
    return start.finished(z)


ALGORITHM = Algorithm(
    name="masactrl",
    title="MasaCtrl",
    summary="Changes poses and layout while textures are looked up in the original.",
    needs=("text-to-image",),
    caption="useful",
    settings=Settings,
    run=run,
    told_by="captions",
    finds_mask=False,
    baseline=True,
    order=15,
    seeded=False,
    presets={"fast": {"steps": 20, "start_step": 2}, "quick": {"steps": 10, "start_step": 1}},
)
