"""Checkpoints of full size with random weights, in the formats that people have.

The names are those of the original Stable Diffusion code, or of diffusers' folders.
"""

from __future__ import annotations

import json
import math
import re
import shutil
import struct
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import torch

from ..diffusion import stable_diffusion_1 as sd1

Shapes = dict[str, tuple[str, tuple[int, ...]]]
"""Number type and shape by name."""

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


BLOCK = 1 << 22
"""Values that are drawn. They are repeated: drawing all would take a minute."""

SPREAD = 0.02
"""Their standard deviation, about that of trained weights."""

DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}

CHANNELS = {"text-to-image": 4, "inpainting": 9, "instruction": 8}

PIPELINES = {
    "text-to-image": "StableDiffusionPipeline",
    "inpainting": "StableDiffusionInpaintPipeline",
    "instruction": "StableDiffusionInstructPix2PixPipeline",
}


def header(tensors: Mapping[str, tuple[str, tuple[int, ...]]]) -> tuple[bytes, int]:
    """The beginning of a .safetensors file, and the bytes of weights that follow."""
    told, offset = {}, 0
    for name, (dtype, shape) in tensors.items():
        size = math.prod(shape) * BYTES[dtype]
        told[name] = {"dtype": dtype, "shape": shape, "data_offsets": (offset, offset + size)}
        offset += size
    text = json.dumps(told).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text, offset


def write(file: Path, tensors: Mapping[str, tuple[str, tuple[int, ...]]]) -> Path:
    """A .safetensors file of random weights; returned."""
    drawn = torch.randn(BLOCK, generator=torch.Generator().manual_seed(0)) * SPREAD
    blocks: dict[str, bytes] = {}
    for name, kind in DTYPES.items():
        blocks[name] = drawn.to(kind).view(torch.uint8).numpy().tobytes()
    file.parent.mkdir(parents=True, exist_ok=True)
    beginning, _ = header(tensors)
    with open(file, "wb") as stream:
        stream.write(beginning)
        for dtype, shape in tensors.values():
            left = math.prod(shape) * BYTES[dtype]
            block = blocks.get(dtype, bytes(BLOCK))
            while left > 0:
                stream.write(block[:left])
                left -= min(left, len(block))
    return file


def write_folder(folder: Path, variant: str, dtype: str) -> Path:
    """A folder in the diffusers format; returned."""
    from diffusers import __version__
    from transformers import CLIPTokenizer

    parts: dict[str, Any] = dict(
        zip(("unet", "vae", "text_encoder"), full_size(CHANNELS[variant]), strict=True)
    )
    kinds = {
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "scheduler": ["diffusers", "DDIMScheduler"],
    }
    for part, network in parts.items():
        config = sd1_config(part)
        if part == "unet":
            config["in_channels"] = CHANNELS[variant]
        place = folder / part
        place.mkdir(parents=True, exist_ok=True)
        (place / "config.json").write_text(json.dumps(config))
        name = "model" if part == "text_encoder" else "diffusion_pytorch_model"
        half = "" if dtype == "F32" else ".fp16"
        tensors = {n: (dtype, (*v.shape,)) for n, v in network.state_dict().items()}
        if part == "text_encoder":
            tensors = {f"text_model.{n.removeprefix('text_model.')}": v for n, v in tensors.items()}
        write(place / f"{name}{half}.safetensors", tensors)
    made: Any = CLIPTokenizer
    tokenizer = made(vocab=sd1.vocabulary(), merges=sd1.merges(), model_max_length=77)
    tokenizer.save_pretrained(folder / "tokenizer")
    (folder / "scheduler").mkdir(exist_ok=True)
    shutil.copy(sd1.HERE / "scheduler.json", folder / "scheduler/scheduler_config.json")
    index = {"_class_name": PIPELINES[variant], "_diffusers_version": __version__, **kinds}
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder
