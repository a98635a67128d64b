"""TAS's parameters, and how each is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..request import Value, parameter


@dataclass(frozen=True)
class Settings:
    """TAS's parameters."""

    ratio: float = parameter(
        0.2, "Share of the steps that only retrace the picture: 0.1 for a large change of shape, "
        "0.4 for a small one.",
        minimum=0.0, maximum=1.0, front=True, title="steps retraced",
    )  # fmt: skip
    eta: float = parameter(
        0.8, "How much the new words count against what was learnt of this picture; 0 keeps the "
        "picture best.",
        minimum=0.0, maximum=1.2, front=True, title="new words",
    )  # fmt: skip
    guidance: float = parameter(
        7.5, "How much the words count in every step.", minimum=0.0, maximum=30.0, front=True
    )
    inversion: str = parameter(
        "pinned",
        "How the picture is held: pinned (fast, exact), null-text (paper, slow), ddim (guidance "
        "1).",
        choices=("pinned", "null-text", "ddim"), title="picture held by",
    )  # fmt: skip
    source: str = parameter(
        "nothing",
        "What the picture is retraced with: no text, or its caption.",
        choices=("nothing", "caption"),
        title="retraced with",
    )
    optimisation_steps: int = parameter(
        200,
        "Steps in which the words are fitted to the picture.",
        minimum=0,
        maximum=2000,
        title="fitting steps",
    )
    rate: float = parameter(
        1e-3, "Adam's rate in these steps.", minimum=1e-5, maximum=0.1, title="fitting rate"
    )
    steps: int = parameter(50, "Sampling steps, and as many of inversion.", minimum=2, maximum=500)
    save_memory: bool = parameter(
        False,
        "Compute activations twice instead of keeping them: about half the memory, a third slower.",
    )


PRESETS: Mapping[str, Mapping[str, Value]] = {
    "paper": {
        "ratio": 0.2,
        "eta": 0.8,
        "guidance": 7.5,
        "inversion": "null-text",
        "source": "nothing",
        "optimisation_steps": 200,
        "rate": 1e-3,
        "steps": 50,
    },
    "fast": {"optimisation_steps": 100, "steps": 30},
    "quick": {"optimisation_steps": 10, "steps": 10},
}
"""For benchmarks.

"paper" has the paper's figures, and the defaults above where it gives none.
"""
