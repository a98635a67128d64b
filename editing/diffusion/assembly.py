"""From a checkpoint's networks to a Model on a device."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import UNet2DConditionModel

from ..errors import EditError, UnreadableModel
from . import budget, lora, moving
from .attention import Sites
from .budget import Plan
from .checked_json import read
from .configuration import VAE, UNet
from .lora_file import Lora
from .model import Model
from .networks import configuration_of, load, load_tiny_vae
from .notes import notes_of
from .precision import kept, of_small
from .recognition import Checkpoint
from .schedule import Schedule

SD1_SEMANTIC_LEVEL = 2
"""The level at which Stable Diffusion 1.x localises nouns best.

It has 16 x 16 positions at 512 x 512 pixels.
"""


@dataclass(frozen=True)
class Geometry:
    """What working sizes depend on, in pixels.

    The shorter side that a model was trained on, what
    sides must be multiples of, and the side of one of its latents. context: see Notes; None where
    they do not tell.
    """

    native_size: int
    multiple: int
    factor: int
    context: float | None = None


def assemble(
    name: str,
    checkpoint: Checkpoint,
    device: torch.device,
    dtype: torch.dtype,
    tiny: Path | None = None,
    plan: Plan = budget.ALL,
    loras: Sequence[Lora] = (),
) -> Model:
    place, variant = checkpoint.place, checkpoint.variant
    tiny = place / "vae_tiny" if (place / "vae_tiny").is_dir() else tiny
    try:
        small = of_small(device, dtype)
        between = [
            kept(checkpoint.donors.get(part, checkpoint), part, small, device)
            for part in ("vae", "text_encoder")
        ]
        networks = load(checkpoint, dtype, *between)
        lora.put_in(loras, networks.unet, networks.text_encoder)
        decoder = load_tiny_vae(tiny, small) if tiny is not None else None
    except (EditError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # whatever the libraries make of a stranger's files
        why = " ".join(str(error).split())[:200]
        raise UnreadableModel(
            "unreadable-model",
            f"The {variant} model in {place} cannot be loaded: {why}",
            "It may be incomplete or of another family than Stable Diffusion 1.x; fetch it again.",
        ) from error
    unet, vae = networks.unet, networks.vae
    visitors = (vae, networks.text_encoder) if plan.visits else ()
    for network in (unet, vae, networks.text_encoder, decoder):
        if network is not None:
            network.requires_grad_(False).eval()
            stays = network not in visitors and not (network is unet and plan.apart)
            torch.nn.Module.to(network, device if stays else "cpu")
    notes = notes_of(place)
    geometry = geometry_of(checkpoint)
    levels = len(unet.config["block_out_channels"])
    level = SD1_SEMANTIC_LEVEL if notes.semantic_level is None else notes.semantic_level
    model = Model(
        name=name,
        variant=variant,
        unet=unet,
        vae=vae,
        text_encoder=networks.text_encoder,
        tokenizer=networks.tokenizer,
        schedule=Schedule.of(networks.scheduler.arguments()),
        prediction=networks.scheduler.prediction_type,
        sites=Sites(unet),
        device=device,
        semantic_level=min(level, levels - 1),
        native_size=geometry.native_size,
        identity=_identity(unet, variant) + lora.mark(loras),
        tiny=decoder,
        world=notes.world,
        clip_skip=notes.clip_skip,
        plan=plan,
        small=small if set(between) != {small} else None,
    )
    moving.in_tiles(vae, plan.tiles)
    if plan.layers:
        moving.by_layers(unet, device)
    return model


def geometry_of(checkpoint: Checkpoint) -> Geometry:
    unet = read(UNet, configuration_of(checkpoint, "unet"))
    vae = read(VAE, configuration_of(checkpoint.donors.get("vae", checkpoint), "vae"))
    factor = 2 ** (len(vae.block_out_channels) - 1)
    notes = notes_of(checkpoint.place)
    native = notes.native_size or (unet.sample_size or 64) * factor
    return Geometry(native, factor * 2 ** (len(unet.block_out_channels) - 1), factor, notes.context)


def _identity(unet: UNet2DConditionModel, variant: str) -> str:
    """A name for these very weights, from a few of their bytes."""
    sample = (
        unet.conv_in.weight.detach().float().cpu().numpy().tobytes()
        + unet.conv_out.weight.detach().float().cpu().numpy().tobytes()
    )
    return f"{variant}-{hashlib.sha256(sample).hexdigest()[:16]}-{unet.dtype}"
