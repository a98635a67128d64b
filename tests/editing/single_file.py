"""Checkpoints in one file, as users download them.

A tiny one with real weights, and one of full size whose weights are a hole in the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from safetensors.torch import load_file, save_file
from torch import Tensor

from limn.editing.bench.random_weights import BYTES as BYTES
from limn.editing.bench.random_weights import Shapes as Shapes
from limn.editing.bench.random_weights import full_size as full_size
from limn.editing.bench.random_weights import header, is_wide, unet_name, vae_name
from limn.editing.bench.random_weights import sd1_config as sd1_config
from limn.editing.bench.random_weights import shapes as shapes


def write(folder: Path, file: Path) -> Path:
    """The tiny diffusers checkpoint in `folder` as one file; returned."""
    unet = load_file(folder / "unet" / "diffusion_pytorch_model.safetensors")
    vae = load_file(folder / "vae" / "diffusion_pytorch_model.safetensors")
    tensors: dict[str, Tensor] = {
        f"model.diffusion_model.{unet_name(name, 1, 2)}": value for name, value in unet.items()
    }
    for name, value in vae.items():
        name = vae_name(name, 3)
        wide = value[..., None, None].contiguous() if is_wide(name) else value
        tensors[f"first_stage_model.{name}"] = wide
    for name, value in load_file(folder / "text_encoder" / "model.safetensors").items():
        name = name if name.startswith("text_model.") else f"text_model.{name}"
        tensors[f"cond_stage_model.transformer.{name}"] = value
    save_file(tensors, file)
    return file


def sparse(file: Path, tensors: Mapping[str, tuple[str, tuple[int, ...]]]) -> Path:
    """A .safetensors file with a true header.

    Its weights are zeros that take no room on disk.
    """
    beginning, size = header(tensors)
    file.parent.mkdir(parents=True, exist_ok=True)
    with open(file, "wb") as stream:
        stream.write(beginning)
        stream.truncate(len(beginning) + size)
    return file
