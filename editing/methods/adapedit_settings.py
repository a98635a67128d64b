"""AdapEdit's parameters, how each is told, and what the strength does to them.

The strength u shifts both: lambda_S + 0.4 (u - 1/2), lambda_tau - 1.2 (u - 1/2); the middle is the
paper. Where that would leave 0..1 (the paper's 0.9 would from u = 0.75 on), the half of the slider
leads evenly to the limit instead, so that it acts over its whole range.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..request import Value, parameter
from .common import origin

DELETION = (0.8, 0.4)
"""Prompt-to-prompt's windows of cross- and self-attention.

They hold where there are no key tokens, and without FWT.
"""

PRESETS: Mapping[str, Mapping[str, Value]] = {
    "paper": {
        "strength": 0.5,
        "lambda_s": 0.9,
        "lambda_tau": 1.0,
        "lambda_sv": 1.0,
        "alpha_m": 0.03,
        "guidance": 7.5,
        "steps": 50,
        "prepass_steps": 50,
        "temporal": "words",
        "spatial": "running",
        "spatial_contrast": "raw",
        "tau_form": "paper",
    },
    "fast": {"steps": 20, "prepass_steps": 10},
    "quick": {"steps": 10, "prepass_steps": 5},
}
"""For benchmarks.

"paper" is the paper's text: its tau, and S of every step (its Algorithm 1).
"""


@dataclass(frozen=True)
class Settings:
    """AdapEdit's parameters, with the paper's defaults."""

    strength: float = parameter(
        0.5,
        "How far the edit may go; the middle is the paper's setting.",
        minimum=0.0,
        maximum=1.0,
        front=True,
    )
    lambda_s: float = parameter(
        0.9,
        "How much of the target's own layout is used where the edit is (lambda_S).",
        minimum=0.0,
        maximum=1.0,
        title="new layout",
    )
    lambda_tau: float = parameter(
        1.0,
        "How long words that hardly change keep the old layout (lambda_tau).",
        minimum=0.0,
        maximum=3.0,
        title="old layout held",
    )
    lambda_sv: float = parameter(
        1.0,
        "How far the edit reaches (lambda_S_V).",
        minimum=0.0,
        maximum=2.0,
        front=True,
        title="reach",
    )
    alpha_m: float = parameter(
        0.03,
        "Attention below this does not count for a word's place.",
        minimum=0.0,
        maximum=1.0,
        title="least attention",
    )
    guidance: float = parameter(7.5, "How much the target text counts.", minimum=0.0, maximum=30.0)
    steps: int = parameter(50, "Steps.", minimum=2, maximum=500)
    prepass_steps: int = parameter(
        50,
        "Steps of the pass that finds words and places, at most as many as steps.",
        minimum=2,
        maximum=500,
        title="first-pass steps",
    )
    temporal: str = parameter(
        "words",
        "How long a word keeps the old layout: by its closeness to the key words (paper), or as "
        "long as prompt-to-prompt does (the paper without FWT).",
        choices=("words", "fixed"),
        title="hold by",
    )
    spatial: str = parameter(
        "once",
        "Where places come from: the first pass, or each step; everywhere is the paper without "
        "DPS.",
        choices=("once", "running", "everywhere"),
        title="places from",
    )
    spatial_contrast: str = parameter(
        "raw",
        "Closeness of places as it is, or stretched to its full range.",
        choices=("raw", "minmax"),
        title="place contrast",
    )
    mask: str = parameter(
        "changes",
        "What reaches the picture: what the edit changed, or the places that the words pointed at.",
        choices=("changes", "places"),
        title="mask from",
    )
    origin: str = origin()
    tau_form: str = parameter(
        "paper",
        "How the hold on the old layout ends (tau): 1 - exp(A - 1), or the released code's exp(1 "
        "- A) - 1.",
        choices=("paper", "released"),
        title="hold ends by",
    )

    @property
    def lambdas(self) -> tuple[float, float]:
        """lambda_S and lambda_tau at the strength; lambda_S is 1 without DPS."""
        lambda_s = shifted(self.lambda_s, 0.2, self.strength, high=1.0)
        lambda_tau = shifted(self.lambda_tau, -0.6, self.strength, high=math.inf)
        return 1.0 if self.spatial == "everywhere" else lambda_s, lambda_tau


def shifted(value: float, by: float, strength: float, high: float) -> float:
    """A lambda at a strength in 0..1.

    `value` in the middle, `value + by` at 1, `value - by` at 0; where 0 or `high` is nearer, that.
    """
    share = 2 * strength - 1
    end = min(high, max(0.0, value + (by if share > 0 else -by)))
    return value + abs(share) * (end - value)


def fixed_windows(tau: Tensor, fresh: Sequence[int], steps: int) -> tuple[Tensor, float]:
    """Without FWT: tau of every token, and the self-attention window.

    Prompt-to-prompt's, whose code rounds 0.8 (steps + 1) and 0.4 steps down. tau: (token), for its
    shape. fresh: places of the tokens without a partner, whose window is 0.
    """
    cross, own = DELETION
    windows = torch.full_like(tau, int(cross * (steps + 1)) / steps)
    windows[list(fresh)] = 0
    return windows, int(own * steps) / steps
