"""Write the tiny text-to-image checkpoint as one file with the names of the original Stable
Diffusion code, as users download them.
"""

from __future__ import annotations

import re
from pathlib import Path

from safetensors.torch import load_file, save_file
from torch import Tensor

RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
UNET = (  # two levels, one layer a block
    (r"conv_in\.", "input_blocks.0.0."),
    (r"time_embedding\.linear_1\.", "time_embed.0."),
    (r"time_embedding\.linear_2\.", "time_embed.2."),
    (r"conv_norm_out\.", "out.0."),
    (r"conv_out\.", "out.2."),
    (r"down_blocks\.0\.resnets\.0\.", "input_blocks.1.0."),
    (r"down_blocks\.0\.attentions\.0\.", "input_blocks.1.1."),
    (r"down_blocks\.0\.downsamplers\.0\.conv\.", "input_blocks.2.0.op."),
    (r"down_blocks\.1\.resnets\.0\.", "input_blocks.3.0."),
    (r"down_blocks\.1\.attentions\.0\.", "input_blocks.3.1."),
    (r"mid_block\.resnets\.0\.", "middle_block.0."),
    (r"mid_block\.attentions\.0\.", "middle_block.1."),
    (r"mid_block\.resnets\.1\.", "middle_block.2."),
    (r"up_blocks\.0\.resnets\.(\d)\.", r"output_blocks.\1.0."),
    (r"up_blocks\.0\.attentions\.(\d)\.", r"output_blocks.\1.1."),
    (r"up_blocks\.0\.upsamplers\.0\.conv\.", "output_blocks.1.2.conv."),
    (r"up_blocks\.1\.resnets\.0\.", "output_blocks.2.0."),
    (r"up_blocks\.1\.resnets\.1\.", "output_blocks.3.0."),
    (r"up_blocks\.1\.attentions\.0\.", "output_blocks.2.1."),
    (r"up_blocks\.1\.attentions\.1\.", "output_blocks.3.1."),
)
VAE = (  # three levels
    (r"(encoder|decoder)\.conv_norm_out\.", r"\1.norm_out."),
    (r"encoder\.down_blocks\.(\d)\.resnets\.(\d)\.", r"encoder.down.\1.block.\2."),
    (r"encoder\.down_blocks\.(\d)\.downsamplers\.0\.", r"encoder.down.\1.downsample."),
    (r"decoder\.up_blocks\.0\.resnets\.(\d)\.", r"decoder.up.2.block.\1."),
    (r"decoder\.up_blocks\.1\.resnets\.(\d)\.", r"decoder.up.1.block.\1."),
    (r"decoder\.up_blocks\.2\.resnets\.(\d)\.", r"decoder.up.0.block.\1."),
    (r"decoder\.up_blocks\.0\.upsamplers\.0\.", "decoder.up.2.upsample."),
    (r"decoder\.up_blocks\.1\.upsamplers\.0\.", "decoder.up.1.upsample."),
    (r"mid_block\.resnets\.0\.", "mid.block_1."),
    (r"mid_block\.resnets\.1\.", "mid.block_2."),
    (r"mid_block\.attentions\.0\.group_norm\.", "mid.attn_1.norm."),
    (r"mid_block\.attentions\.0\.to_([qkv])\.", r"mid.attn_1.\1."),
    (r"mid_block\.attentions\.0\.to_out\.0\.", "mid.attn_1.proj_out."),
    (r"conv_shortcut\.", "nin_shortcut."),
)


def write(folder: Path, file: Path) -> Path:
    """The diffusers checkpoint in `folder` as one file; returned."""
    tensors: dict[str, Tensor] = {}
    for name, value in load_file(folder / "unet" / "diffusion_pytorch_model.safetensors").items():
        name = _renamed(name, UNET)
        if re.match(r"(input_blocks\.\d\.0|output_blocks\.\d\.0|middle_block\.[02])\.", name):
            name = re.sub(
                "|".join(rf"(?<=\.){k}(?=\.)" for k in RESNET), lambda m: RESNET[m[0]], name
            )
        tensors[f"model.diffusion_model.{name}"] = value
    for name, value in load_file(folder / "vae" / "diffusion_pytorch_model.safetensors").items():
        name = _renamed(name, VAE)
        wide = re.search(r"attn_1\.(q|k|v|proj_out)\.weight", name)
        tensors[f"first_stage_model.{name}"] = (
            value[..., None, None].contiguous() if wide else value
        )
    for name, value in load_file(folder / "text_encoder" / "model.safetensors").items():
        name = name if name.startswith("text_model.") else f"text_model.{name}"
        tensors[f"cond_stage_model.transformer.{name}"] = value
    save_file(tensors, file)
    return file


def _renamed(name: str, table: tuple[tuple[str, str], ...]) -> str:
    for pattern, new in table:
        name = re.sub(pattern, new, name)
    return name
