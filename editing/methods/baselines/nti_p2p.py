"""Null-text inversion with prompt-to-prompt (Mokady et al., CVPR 2023).

NTI + P2P in FoI's tables. It is prompt-to-prompt (p2p.py, difference 7) with the windows of its
authors' notebook: cross 0.8, self 0.5, at 32 x 32 and coarser, local blend.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from ...events import Event
from ...request import parameter
from ...task import Algorithm, Outcome, Task
from . import p2p


@dataclass(frozen=True)
class Settings:
    """The parameters of null-text inversion with prompt-to-prompt."""

    cross: float = parameter(
        0.8,
        "Share of the steps in which the layout follows the original.",
        minimum=0.0,
        maximum=1.0,
        front=True,
        title="layout kept",
    )
    own: float = parameter(
        0.5,
        "Share of the steps in which shapes follow the original.",
        minimum=0.0,
        maximum=1.0,
        front=True,
        title="shapes kept",
    )
    local_blend: bool = parameter(
        True, "Change only where the differing words look.", front=True, title="only new words"
    )
    guidance: float = parameter(7.5, "How much the target text counts.", minimum=0.0, maximum=30.0)
    steps: int = parameter(50, "Steps.", minimum=2, maximum=500)


def run(task: Task, settings: Settings) -> Generator[Event, None, Outcome]:
    """50 rows of inversion, at most 1650 of optimisation, three a step: at most 1850."""
    return (
        yield from p2p.run(
            task,
            p2p.Settings(
                cross=settings.cross,
                own=settings.own,
                local_blend=settings.local_blend,
                own_from="finer",
                inversion="null-text",
                guidance=settings.guidance,
                steps=settings.steps,
            ),
        )
    )


ALGORITHM = Algorithm(
    name="nti-p2p",
    title="NTI + P2P",
    summary="Learns how the picture comes back exactly, then keeps the layout of the words that "
    "stay. Slow.",
    needs=("text-to-image",),
    caption="needed",
    settings=Settings,
    run=run,
    goes_back=lambda _: True,
    told_by="captions",
    finds_mask=lambda settings: settings.local_blend,
    baseline=True,
    order=21,
    seeded=False,
    presets={
        "paper": {"cross": 0.8, "own": 0.5, "guidance": 7.5, "steps": 50},
        "fast": {"steps": 10},
        "quick": {"steps": 3},
    },
)
