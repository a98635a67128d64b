"""Stage 1 of the sketchbook's training: the autoencoder.

Factor 4, four latent channels, shared by all three variants.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from torch import Tensor

from ..diffusion.precision import multiplies_bfloat16

CROP = 64  # pixels; the network is convolutional, so it learns on crops and works on whole pictures
KL_WEIGHT = 2e-4  # keeps the latents near a normal distribution without blurring the picture
GRADIENT_WEIGHT = 0.5  # edges count more than flat areas


def half_precision(device: str = "cpu") -> torch.autocast:
    """Forwards in bfloat16 where the device multiplies it faster.

    Weights, gradients and sums stay float32.
    """
    fast = torch.cuda.is_bf16_supported() if device.startswith("cuda") else multiplies_bfloat16()
    return torch.autocast(torch.device(device).type, torch.bfloat16, enabled=fast)


def new_autoencoder() -> AutoencoderKL:
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        block_out_channels=(16, 32, 64),
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=8,
        sample_size=128,
        mid_block_add_attention=False,
    )


def crops(images: Tensor, generator: torch.Generator) -> Tensor:
    """Crops for the autoencoder: (batch, 3, 128, 128) -> (batch, 3, 64, 64).

    In -1..1, one crop each; every fourth batch is the whole picture at half size.
    """
    if int(torch.randint(4, (1,), generator=generator)) == 0:
        return F.avg_pool2d(images, 2)
    last = images.shape[-1] - CROP + 1
    corners = torch.randint(last, (len(images), 2), generator=generator).tolist()
    return torch.stack(
        [
            image[:, y : y + CROP, x : x + CROP]
            for image, (y, x) in zip(images, corners, strict=True)
        ]
    )


def autoencoder_loss(network: AutoencoderKL, images: Tensor) -> Tensor:
    posterior = network.encode(images).latent_dist
    shown = network.decode(posterior.mean + posterior.std * torch.randn_like(posterior.mean)).sample
    error = shown.float() - images
    edges = (error[..., 1:] - error[..., :-1]).abs().mean() + (
        error[..., 1:, :] - error[..., :-1, :]
    ).abs().mean()
    return (
        error.abs().mean()
        + error.square().mean()
        + GRADIENT_WEIGHT * edges
        + KL_WEIGHT * posterior.kl().mean() / 64
    )


def measure_scaling(network: AutoencoderKL, images: Tensor) -> float:
    """1 / standard deviation of the latents of ``images`` (-1..1).

    Scaled latents then have variance 1.
    """
    with torch.no_grad():
        return 1 / float(network.encode(images).latent_dist.mean.std())


def decibels(shown: Tensor, wanted: Tensor) -> float:
    """Peak signal-to-noise ratio of pictures in -1..1."""
    return float(10 * torch.log10(4 / (shown - wanted).square().mean()))
