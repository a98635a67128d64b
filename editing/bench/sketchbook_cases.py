"""Held-out scenes and edits of the bundled model's world.

What the bars need of them: pictures, masks, words and the attention that a noun gets.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import (
    StableDiffusionInpaintPipeline,
    StableDiffusionInstructPix2PixPipeline,
    StableDiffusionPipeline,
)
from torch import Tensor

from ..diffusion.attention import AverageMap
from ..diffusion.loading import Models
from ..diffusion.model import Branch, Model
from ..diffusion.schedule import randn
from ..sketchbook.judge import Judge
from ..sketchbook.scenes import SIZE, Word
from ..sketchbook.verdict import to_tensor
from .overlap import iou


class Oracle:
    """The stock diffusers pipelines of a model's three variants, not our own loop.

    Pictures (n, 3, 128, 128), 0..1; a seed for each.
    """

    def __init__(self, models: Models, path: Path, steps: int = 50) -> None:
        self.path, self.device, self.dtype = path, models.device, models.dtype
        self.side = models.get("text-to-image").native_size
        self.settings = {"num_inference_steps": steps, "guidance_scale": 7.5, "output_type": "pt"}
        self.text_guidance = models.defaults("instruction", "ip2p").get("text_guidance", 7.5)

    def small(self, image: Tensor) -> Tensor:
        """A picture of the world (n, c, 128, 128) at the model's native size."""
        return (
            image
            if self.side == SIZE
            else F.interpolate(image, size=(self.side, self.side), mode="area")
        )

    def large(self, image: Tensor) -> Tensor:
        """What the model made, at the world's size."""
        return (
            image if self.side == SIZE else F.interpolate(image, size=(SIZE, SIZE), mode="bilinear")
        )

    @cache  # noqa: B019  # as long-lived as the benchmark
    def pipeline(self, kind: Any, variant: str) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = kind.from_pretrained(
                self.path / variant, torch_dtype=self.dtype, safety_checker=None
            )
        made.set_progress_bar_config(disable=True)
        return made.to(self.device)

    def sampled(
        self, kind: Any, variant: str, words: list[str], seeds: list[int], more: dict[str, Any]
    ) -> Tensor:
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        return self.large(
            self.pipeline(kind, variant)(words, generator=generators, **(self.settings | more))
            .images.float()
            .cpu()
        )

    def pictured(self, captions: list[str], seeds: list[int]) -> Tensor:
        """Text to image."""
        return self.sampled(StableDiffusionPipeline, "text-to-image", captions, seeds, {})

    def instructed(self, instructions: list[str], befores: Tensor, seeds: list[int]) -> Tensor:
        """InstructPix2Pix, at the model's own text guidance."""
        more = {
            "image": self.small(befores),
            "guidance_scale": self.text_guidance,
            "image_guidance_scale": 1.5,
        }
        return self.sampled(
            StableDiffusionInstructPix2PixPipeline, "instruction", instructions, seeds, more
        )

    def painted(
        self, captions: list[str], images: Tensor, holes: Tensor, seeds: list[int]
    ) -> Tensor:
        """Inpainting; holes (n, 1, 128, 128)."""
        more = {
            "image": self.small(images),
            "mask_image": (self.small(holes) > 0).float(),
            "height": self.side,
            "width": self.side,
            "strength": 1.0,
        }
        return self.sampled(StableDiffusionInpaintPipeline, "inpainting", captions, seeds, more)


def hole_of(mask: np.ndarray) -> Tensor:
    """What inpainting must fill to draw the thing of a mask.

    The mask and four pixels around it, (1, 1, 128, 128).
    """
    return F.max_pool2d((to_tensor(mask) > 0.02).float(), 9, 1, 4)


class Bench:
    """The model under test and how many cases each bar may cost."""

    def __init__(
        self, models: Models, path: Path, judge: Judge, cases: int, first: int, batch: int = 8
    ) -> None:
        self.models, self.path, self.judge, self.cases, self.first, self.batch = (
            models,
            path,
            judge,
            cases,
            first,
            batch,
        )
        self.oracle = Oracle(models, path)

    def sampled(self, count: int, make: Callable[[list[int]], Tensor]) -> Tensor:
        """Pictures ``0`` .. ``count - 1``, made some at a time."""
        return torch.cat(
            [
                make(list(range(start, min(start + self.batch, count))))
                for start in range(0, count, self.batch)
            ]
        )


def best_threshold(maps: list[Tensor], exact: list[Tensor]) -> tuple[float, float]:
    """The best mean IoU of maps under one threshold, and that threshold.

    Each map is (1, 1, h, w), scaled by its maximum. The threshold is the one that suits all best.
    """
    shown = [
        F.interpolate(m / m.amax().clamp(min=1e-8), size=e.shape[-2:], mode="bilinear")
        for m, e in zip(maps, exact, strict=True)
    ]
    scores = {
        t / 20: float(
            np.mean([iou((m >= t / 20).float(), e) for m, e in zip(shown, exact, strict=True)])
        )
        for t in range(1, 20)
    }
    threshold = max(scores, key=lambda t: scores[t])
    return scores[threshold], threshold


@torch.no_grad()
def noun_map(
    model: Model,
    latents: Tensor,
    t: int,
    sentence: str,
    columns: list[int],
    extra: Tensor | None,
    seed: int,
) -> Tensor:
    """Cross-attention of some tokens at the semantic level: (1, 1, h, w).

    For latents noised to ``t``.
    """
    alpha = model.schedule.at(t)
    noise = randn(latents.shape, torch.Generator().manual_seed(seed), model.device)
    seen = AverageMap("text")
    taps = dict.fromkeys(model.sites.at("cross", model.semantic_level), seen)
    model.predict(
        alpha**0.5 * latents + (1 - alpha) ** 0.5 * noise,
        t,
        [Branch("text", model.embed(sentence), extra)],
        taps,
    )
    return seen.value[columns].mean(0)[None, None].cpu()


def columns_of(words: list[Word], noun: str) -> list[int]:
    """Each word of the world is one token, after the start token."""
    return [place for place, word in enumerate(words, 1) if word.text == noun][:1]
