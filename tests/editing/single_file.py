"""Checkpoints in one file, as users download them.

With the names of the original Stable Diffusion code: a tiny one with real weights, and one of full
size whose weights are a hole in the file.
"""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from limn.editing.diffusion import stable_diffusion_1 as sd1

Shapes = dict[str, tuple[str, tuple[int, ...]]]  # name -> number type and shape
BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "I32": 4, "I64": 8}

RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
ENDS = {
    "conv_in": "input_blocks.0.0",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
    "mid_block.attentions.0": "middle_block.1",
}


def unet_name(name: str, layers: int, levels: int) -> str:
    """A UNet's tensor.

    Diffusers' name -> the original code's, after `model.diffusion_model.`.
    """
    for theirs, original in ENDS.items():
        if name.startswith(f"{theirs}."):
            return original + name.removeprefix(theirs)
    if m := re.match(r"mid_block\.resnets\.(\d)\.(\w+)(.*)", name):
        return f"middle_block.{2 * int(m[1])}.{RESNET[m[2]]}{m[3]}"
    m = re.match(r"(down|up)_blocks\.(\d)\.(\w+)\.(\d)\.(.*)", name)
    assert m, name
    level, kind, index, rest = int(m[2]), m[3], int(m[4]), m[5]
    if kind == "downsamplers":
        return f"input_blocks.{(layers + 1) * (level + 1)}.0.{rest.replace('conv.', 'op.')}"
    if kind == "upsamplers":
        place = 2 if level > 0 or levels == 2 else 1  # behind attention, where the block has some
        return f"output_blocks.{(layers + 1) * level + layers}.{place}.{rest}"
    block = (layers + 1) * level + index + (1 if m[1] == "down" else 0)
    if kind == "resnets":
        head, _, tail = rest.partition(".")
        rest = f"{RESNET[head]}.{tail}"
    side = "input_blocks" if m[1] == "down" else "output_blocks"
    return f"{side}.{block}.{0 if kind == 'resnets' else 1}.{rest}"


def vae_name(name: str, levels: int) -> str:
    """The same for an autoencoder's, after `first_stage_model.`."""

    def up(m: re.Match[str]) -> str:
        return f"decoder.up.{levels - 1 - int(m[1])}."

    rules: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
        (r"(encoder|decoder)\.conv_norm_out\.", r"\1.norm_out."),
        (r"encoder\.down_blocks\.(\d)\.", r"encoder.down.\1."),
        (r"decoder\.up_blocks\.(\d)\.", up),
        (r"(down|up)\.(\d)\.resnets\.", r"\1.\2.block."),
        (r"(down|up)samplers\.0\.", r"\1sample."),
        (r"mid_block\.resnets\.(\d)\.", lambda m: f"mid.block_{int(m[1]) + 1}."),
        (r"mid_block\.attentions\.0\.group_norm\.", "mid.attn_1.norm."),
        (r"mid_block\.attentions\.0\.to_([qkv])\.", r"mid.attn_1.\1."),
        (r"mid_block\.attentions\.0\.to_out\.0\.", "mid.attn_1.proj_out."),
        (r"conv_shortcut\.", "nin_shortcut."),
    )
    for pattern, new in rules:
        name = re.sub(pattern, new, name)
    return name


def is_wide(name: str) -> bool:
    """The autoencoder's attention was made of convolutions of one pixel."""
    return re.search(r"attn_1\.(q|k|v|proj_out)\.weight$", name) is not None


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


def sd1_config(part: str) -> dict[str, Any]:
    """Stable Diffusion 1.x's configuration of a network, as Limn carries it."""
    return dict(json.loads((sd1.HERE / f"{part}.json").read_text()))


@cache
def full_size(channels: int) -> tuple[Any, Any, Any]:
    """Stable Diffusion 1.x's UNet, autoencoder and text encoder, without weights."""
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    with torch.device("meta"):
        return (
            UNet2DConditionModel.from_config(sd1_config("unet") | {"in_channels": channels}),
            AutoencoderKL.from_config(sd1_config("vae")),
            CLIPTextModel(CLIPTextConfig(**sd1_config("text_encoder"))),
        )


def shapes(
    channels: int = 4,
    dtype: str = "F16",
    parts: Iterable[str] = ("unet", "vae", "text_encoder"),
    old_clip: bool = False,
    ema: bool = False,
) -> Shapes:
    """The tensors of a Stable Diffusion 1.x file of full size."""
    found: Shapes = {}
    unet, vae, text = full_size(channels)
    if "unet" in parts:
        names = {
            unet_name(name, 2, 4): (dtype, (*v.shape,)) for name, v in unet.state_dict().items()
        }
        found |= {f"model.diffusion_model.{name}": value for name, value in names.items()}
        if ema:
            found |= {
                f"model_ema.diffusion_model{name.replace('.', '')}": v for name, v in names.items()
            }
    if "vae" in parts:
        for name, v in vae.state_dict().items():
            name = vae_name(name, 4)
            shape = (*v.shape, 1, 1) if is_wide(name) else (*v.shape,)
            found[f"first_stage_model.{name}"] = (dtype, shape)
    if "text_encoder" in parts:
        inner = "" if old_clip else "text_model."
        for name, v in text.state_dict().items():
            name = inner + name.removeprefix("text_model.")
            found[f"cond_stage_model.transformer.{name}"] = (dtype, (*v.shape,))
        position_ids = f"cond_stage_model.transformer.{inner}embeddings.position_ids"
        found[position_ids] = ("I64", (1, 77))
    found["alphas_cumprod"] = ("F32", (1000,))
    return found


def sparse(file: Path, tensors: Mapping[str, tuple[str, tuple[int, ...]]]) -> Path:
    """A .safetensors file with a true header.

    Its weights are zeros that take no room on disk.
    """
    header, offset = {}, 0
    for name, (dtype, shape) in tensors.items():
        size = math.prod(shape) * BYTES[dtype]
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": (offset, offset + size)}
        offset += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    file.parent.mkdir(parents=True, exist_ok=True)
    with open(file, "wb") as stream:
        stream.write(struct.pack("<Q", len(text)) + text)
        stream.truncate(8 + len(text) + offset)
    return file
