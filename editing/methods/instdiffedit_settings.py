"""InstDiffEdit's parameters, and how each is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..request import Value, parameter
from .common import mask_edges


@dataclass(frozen=True)
class Settings:
    """InstDiffEdit's parameters, with the paper's defaults."""

    phi: float = parameter(
        0.2,
        "Threshold of the mask; lower gives a larger mask.",
        minimum=0.01,
        maximum=0.99,
        front=True,
        title="mask threshold",
    )
    strength: float = parameter(
        0.5,
        "How far the picture is noised to find the mask (the paper's r).",
        minimum=0.05,
        maximum=1.0,
        front=True,
        title="noise for mask",
    )
    guidance: float = parameter(
        7.5, "How much the words count.", minimum=0.0, maximum=30.0, front=True
    )
    samples: int = parameter(
        3,
        "Noises over which the mask is averaged (n); each costs two rows a step.",
        minimum=1,
        maximum=16,
        title="mask samples",
    )
    gamma_1: float = parameter(
        0.9,
        "Words whose attention is at least this alike make the mask together.",
        minimum=0.0,
        maximum=1.0,
        title="words alike from",
    )
    gamma_2: float = parameter(
        0.6,
        "Words whose attention is at most this alike are kept out of the mask.",
        minimum=0.0,
        maximum=1.0,
        title="words unlike up to",
    )
    find: str = parameter(
        "target",
        "Whose words show the place: of what comes (paper), or of what goes.",
        choices=("target", "source"),
        title="place shown by",
    )
    holes: str = parameter(
        "filled", "Holes in the mask.", choices=("filled", "kept"), title="holes in the mask"
    )
    edges: str = mask_edges()
    start_map: str = parameter(
        "inverted",
        "The start token's map: inverted where it looks at the background, as in Stable "
        "Diffusion; plain where it looks at things (paper).",
        choices=("inverted", "plain"),
    )
    attention: str = parameter(
        "mean",
        "Attention of all steps so far, or of the current one (paper).",
        choices=("mean", "current"),
    )
    background_noise: str = parameter(
        "next",
        "Noise level of the original outside the mask: that of the latents, or one step higher "
        "(paper).",
        choices=("next", "paper"),
    )
    steps: int = parameter(
        50,
        "Steps of the whole schedule; the mask is found in the share given by strength.",
        minimum=2,
        maximum=500,
    )
    inpainting_steps: int = parameter(
        50, "Steps in which the mask is painted.", minimum=2, maximum=500
    )


PRESETS: Mapping[str, Mapping[str, Value]] = {
    "paper": {
        "phi": 0.2,
        "strength": 0.5,
        "guidance": 7.5,
        "samples": 3,
        "gamma_1": 0.9,
        "gamma_2": 0.6,
        "find": "target",
        "holes": "kept",
        "edges": "grid",
        "attention": "current",
        "background_noise": "paper",
        "steps": 50,
        "inpainting_steps": 50,
    },
    "fast": {"steps": 25, "inpainting_steps": 25},
    "quick": {"steps": 12, "inpainting_steps": 10},
}
"""For benchmarks.

"paper" is the paper's text. Only start_map stays the model's: which way round the start token looks
is a fact about its weights.
"""
