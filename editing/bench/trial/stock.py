"""Limn's loop beside the stock pipelines of diffusers.

Both take the same networks, noise and words. The stock pipeline runs them with diffusers' own
attention, guidance and scheduler; Limn with its own. What they make must agree within the
precision's rounding.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import (
    DDIMScheduler,
    EulerAncestralDiscreteScheduler,
    StableDiffusionInpaintPipeline,
    StableDiffusionInstructPix2PixPipeline,
    StableDiffusionPipeline,
)
from diffusers.models.attention_processor import AttnProcessor2_0
from torch import Tensor
from torch.nn import functional as F

from ...diffusion import moving
from ...diffusion.model import Branch, Model
from ...diffusion.sampling import Predict, classifier_free, denoise
from ...diffusion.schedule import DDIM, EulerAncestral, Solver, Timestep, randn
from ...methods.common import conditions
from ...methods.foi import guidance
from .pictures import Picture

STEPS, GUIDANCE, IMAGE_GUIDANCE, SEED = 4, 7.5, 1.5, 7

BOUNDS = {torch.float32: 2e-3, torch.bfloat16: 0.2, torch.float16: 0.05}
"""Of the difference, as a share of the latents' standard deviation, by precision.

The stock pipelines keep the latents in the networks' precision, Limn in float32.
"""


@dataclass(frozen=True)
class Compared:
    """The largest difference of two results' latents, in their standard deviations."""

    variant: str
    pipeline: str
    steps: int
    difference: float
    bound: float

    @property
    def equal(self) -> bool:
        """Whether it is rounding; NaN is not."""
        return self.difference <= self.bound


@torch.no_grad()
def compare(model: Model, picture: Picture) -> Compared:
    """STEPS steps of each, at the picture's size, a multiple of the model's."""
    size = (1, 4, *(side // model.factor for side in picture.image.shape[2:]))
    noise = randn(size, torch.Generator().manual_seed(SEED), model.device)
    if model.variant == "instruction":
        kind: Any = StableDiffusionInstructPix2PixPipeline
        theirs, ours = _instruction(model, picture, noise)
    elif model.variant == "inpainting":
        kind = StableDiffusionInpaintPipeline
        theirs, ours = _inpainting(model, picture, noise)
    else:
        kind = StableDiffusionPipeline
        theirs, ours = _text_to_image(model, picture, noise)
    difference = float((theirs.float() - ours).abs().max() / ours.std())
    return Compared(model.variant, kind.__name__, STEPS, difference, BOUNDS[model.unet.dtype])


def _text_to_image(model: Model, picture: Picture, noise: Tensor) -> tuple[Tensor, Tensor]:
    with _stock(StableDiffusionPipeline, model, _ddim(model)) as pipe:
        theirs = pipe(
            picture.caption,
            height=picture.image.shape[2],
            width=picture.image.shape[3],
            latents=noise.to(model.unet.dtype),
            num_inference_steps=STEPS,
            guidance_scale=GUIDANCE,
            output_type="latent",
        ).images
    branches = [
        Branch("null", model.embed("")),
        Branch("text", model.embed(picture.caption)),
    ]
    return theirs, _by_ddim(model, noise, branches)


def _inpainting(model: Model, picture: Picture, noise: Tensor) -> tuple[Tensor, Tensor]:
    where = next(iter(picture.masks.values())).float()[None, None]
    hidden = model.scaling * model.encode(torch.where(where > 0, 0.5, picture.image))
    with _stock(StableDiffusionInpaintPipeline, model, _ddim(model)) as pipe:
        theirs = pipe(
            picture.caption,
            image=picture.image,
            mask_image=where,
            masked_image_latents=hidden.to(model.unet.dtype),
            height=picture.image.shape[2],
            width=picture.image.shape[3],
            strength=1.0,
            latents=noise.to(model.unet.dtype),
            num_inference_steps=STEPS,
            guidance_scale=GUIDANCE,
            output_type="latent",
        ).images
    small = F.interpolate(where, size=hidden.shape[2:], mode="nearest").to(hidden)
    extra = torch.cat((small, hidden), dim=1)
    branches = [
        Branch("null", model.embed(""), extra),
        Branch("text", model.embed(picture.caption), extra),
    ]
    return theirs, _by_ddim(model, noise, branches)


def _instruction(model: Model, picture: Picture, noise: Tensor) -> tuple[Tensor, Tensor]:
    words = f"make the {next(iter(picture.masks))} blue"
    timesteps = model.schedule.sigmas(STEPS)
    scheduler = EulerAncestralDiscreteScheduler(timestep_spacing="linspace")
    scheduler.alphas_cumprod = model.schedule.alphas_cumprod.clone()
    scheduler.register_to_config(prediction_type=model.prediction)
    with _stock(StableDiffusionInstructPix2PixPipeline, model, scheduler) as pipe:
        theirs = pipe(
            words,
            image=picture.image,
            latents=noise.to(model.unet.dtype),
            generator=torch.Generator().manual_seed(SEED + 1),
            num_inference_steps=STEPS,
            guidance_scale=GUIDANCE,
            image_guidance_scale=IMAGE_GUIDANCE,
            output_type="latent",
        ).images
    _, branches = conditions(model, picture.image, words)
    solver = EulerAncestral(torch.Generator().manual_seed(SEED + 1))

    def predict(x: Tensor, now: Timestep, _: Timestep) -> Tensor:
        eps = model.predict(solver.scale_model_input(x, now), now.t, branches)
        return guidance(eps["text"], eps["image"], eps["null"], GUIDANCE, IMAGE_GUIDANCE)

    return theirs, _last(noise * timesteps[0].sigma, timesteps, solver, predict)


def _by_ddim(model: Model, noise: Tensor, branches: list[Branch]) -> Tensor:
    def predict(x: Tensor, now: Timestep, _: Timestep) -> Tensor:
        eps = model.predict(x, now.t, branches)
        return classifier_free(eps["null"], eps["text"], GUIDANCE)

    return _last(noise, model.schedule.ddim(STEPS), DDIM(), predict)


def _last(x: Tensor, timesteps: tuple[Timestep, ...], solver: Solver, predict: Predict) -> Tensor:
    steps = denoise(x, timesteps, solver, predict)
    return [progress.latents for progress in steps][-1]


def _ddim(model: Model) -> DDIMScheduler:
    scheduler = DDIMScheduler(
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
        prediction_type=model.prediction,
    )
    scheduler.alphas_cumprod = model.schedule.alphas_cumprod.clone()
    scheduler.final_alpha_cumprod = scheduler.alphas_cumprod[0]
    return scheduler


@contextmanager
def _stock(kind: Any, model: Model, scheduler: Any) -> Iterator[Any]:
    """A stock pipeline with a model's networks.

    They have diffusers' own attention meanwhile.
    """
    unet: Any = model.unet
    held = dict(unet.attn_processors)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipe = kind(
            vae=model.vae,
            text_encoder=model.text_encoder,
            tokenizer=model.tokenizer,
            unet=unet,
            scheduler=scheduler,
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
    pipe.set_progress_bar_config(disable=True)
    unet.set_attn_processor(AttnProcessor2_0())
    try:
        with moving.visiting((model.vae, model.text_encoder), model.device, unet.dtype):
            yield pipe
    finally:
        unet.set_attn_processor(held)
