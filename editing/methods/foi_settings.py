"""FoI's parameters, and how each is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..request import Value, parameter
from .common import mask_edges


@dataclass(frozen=True)
class Settings:
    """FoI's parameters, with the paper's defaults."""

    gamma: str = parameter(
        "tight",
        "How closely a mask hugs the heart of its object: tight is the paper's gamma 3, normal 2, "
        "loose 1.",
        choices=("tight", "normal", "loose"),
        front=True,
        title="mask fit",
    )
    tau: float = parameter(
        0.4,
        "Threshold of the masks; higher gives smaller masks.",
        minimum=0.01,
        maximum=0.99,
        front=True,
        title="mask threshold",
    )
    strength: float = parameter(
        1.0,
        "How strongly the words act in their masks; [star:0.5] for one of several.",
        minimum=0.0,
        maximum=10.0,
        front=True,
    )
    text_guidance: float = parameter(
        7.5, "How much the instruction counts (s_T).", minimum=0.0, maximum=30.0, front=True
    )
    image_guidance: float = parameter(
        1.5, "How much the picture counts (s_I).", minimum=0.0, maximum=10.0
    )
    steps: int = parameter(
        100, "Steps of the whole schedule; only the share below is run.", minimum=2, maximum=500
    )
    start: float = parameter(
        0.8,
        "Share of the steps that are run: how much noise the edit starts from.",
        minimum=0.05,
        maximum=1.0,
        title="noise at start",
    )
    disentangled: float = parameter(
        0.75,
        "Share of the steps run in which text acts inside the masks only.",
        minimum=0.0,
        maximum=1.0,
        title="text in masks only",
    )
    mask_step: int = parameter(
        0,
        "Step, of those that are run, at which the masks are read; before it the edit has none "
        "(the paper's Table 3).",
        minimum=0,
        maximum=499,
        title="masks at step",
    )
    modulated: float = parameter(
        1.0,
        "Share of the steps run in which attention is held to the masks (the paper's Table 4).",
        minimum=0.0,
        maximum=1.0,
        title="words in mask only",
    )
    edges: str = mask_edges()
    detail: str = parameter(
        "auto",
        "Fine detail inside a mask: the network's (paper), the layer's own in its new colours, or "
        "the layer's where only colours change.",
        choices=("auto", "picture", "network"),
        title="fine detail from",
    )
    strength_acts: str = parameter(
        "auto",
        "What the strength changes: how the words are looked at (paper), or how much they count; "
        "auto: a strength of 1 is the paper's, more and less is how much they count.",
        choices=("auto", "attention", "guidance"),
        title="strength acts on",
    )
    mask_samples: int = parameter(
        1,
        "Noises over which the masks are averaged; each costs three rows once.",
        minimum=1,
        maximum=16,
    )


GAMMA = {"tight": 3, "normal": 2, "loose": 1}

PRESETS: Mapping[str, Mapping[str, Value]] = {
    "paper": {
        "gamma": "tight",
        "tau": 0.4,
        "strength": 1.0,
        "text_guidance": 7.5,
        "image_guidance": 1.5,
        "steps": 100,
        "start": 0.8,
        "disentangled": 0.75,
        "mask_step": 0,
        "modulated": 1.0,
        "edges": "grid",
        "detail": "network",
        "strength_acts": "attention",
        "mask_samples": 1,
    },
    "fast": {"steps": 50},
    "quick": {"steps": 20},
}
"""For benchmarks.

"paper" is the paper without anything of ours; tau is the lowest of those that it draws from.
"""
