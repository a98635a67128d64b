"""What a place is told to be, and small files that are no checkpoint.

A trouble is a code and a remedy.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from limn.editing import UnreadableModel
from limn.editing.diffusion.model_locations import locate
from limn.editing.diffusion.recognition import recognise

from .single_file import shapes


def trouble(place: Path) -> tuple[str, str]:
    """A place's trouble: its code and its remedy. What is said names the place."""
    found = recognise(place).trouble
    assert found is not None
    assert str(place) in found.sentence
    assert found.sentence.endswith(".")
    with pytest.raises(UnreadableModel):
        locate(place)
    return found.code, found.remedy


HTML = b"<!DOCTYPE html>\n<html><head><title>403 Forbidden</title></head></html>\n" * 40
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:6ce0161689\nsize 4265146304\n"
UNET = "model.diffusion_model."


SMALL = {
    "lora": ({"lora_unet_down_blocks_0_attn1_to_q.lora_down.weight": ("F16", (8, 320))}, "lora"),
    "peft": ({"unet.down_blocks.0.attn1.to_q.lora_A.weight": ("F16", (8, 320))}, "lora"),
    "diffusers-lora": ({"unet.mid_block.to_q.lora.up.weight": ("F16", (320, 8))}, "lora"),
    "lycoris": ({"lora_te_text_model_encoder_layers_0.hada_w1_a": ("F16", (8, 8))}, "lora"),
    "controlnet": (
        {"control_model.input_blocks.0.0.weight": ("F16", (320, 4, 3, 3))},
        "controlnet",
    ),
    "controlnet-diffusers": (
        {"controlnet_cond_embedding.conv_in.weight": ("F16", (16, 3, 3, 3))},
        "controlnet",
    ),
    "ip-adapter": ({"image_proj.proj.weight": ("F16", (3072, 1024))}, "controlnet"),
    "motion": ({"down_blocks.0.motion_modules.0.norm.weight": ("F16", (320,))}, "motion"),
    "embedding": ({"emb_params": ("F32", (2, 768))}, "embedding"),
    "embedding-own": ({"<cat-toy>": ("F32", (768,))}, "embedding"),
    "embedding-xl": ({"clip_g": ("F32", (2, 1280)), "clip_l": ("F32", (2, 768))}, "embedding"),
    "vae": (
        {n: v for n, v in shapes(parts=("vae",)).items() if n != "alphas_cumprod"},
        "vae-only",
    ),
    "taesd": ({"decoder.layers.0.weight": ("F32", (64, 4, 3, 3))}, "vae-only"),
    "clip": ({"text_model.encoder.layers.0.mlp.fc1.weight": ("F16", (3072, 768))}, "text-only"),
    "t5": ({"encoder.block.0.layer.0.SelfAttention.q.weight": ("F16", (4096, 4096))}, "text-only"),
    "sdxl": (
        {
            f"{UNET}input_blocks.0.0.weight": ("F16", (320, 4, 3, 3)),
            f"{UNET}label_emb.0.0.weight": ("F16", (1280, 2816)),
            "conditioner.embedders.0.transformer.text_model.x": ("F16", (77, 768)),
        },
        "sdxl",
    ),
    "sd2": (
        {
            f"{UNET}input_blocks.0.0.weight": ("F16", (320, 4, 3, 3)),
            f"{UNET}input_blocks.2.1.transformer_blocks.0.attn2.to_k.weight": ("F16", (320, 1024)),
        },
        "stable-diffusion-2",
    ),
    "sd3": ({f"{UNET}joint_blocks.0.context_block.x": ("F16", (8,))}, "stable-diffusion-3"),
    "flux": ({"double_blocks.0.img_attn.norm.key_norm.scale": ("F16", (128,))}, "flux"),
    "flux-comfy": ({f"{UNET}double_blocks.0.img_mod.lin.bias": ("BF16", (128,))}, "flux"),
    "pixart": ({"adaln_single.linear.weight": ("F16", (8, 8))}, "other-family"),
    "depth": (
        shapes() | {f"{UNET}input_blocks.0.0.weight": ("F16", (320, 5, 3, 3))},
        "unknown-variant",
    ),
    "fp8": (shapes(dtype="F8_E4M3"), "compressed"),
    "fp8-in-part": (
        shapes() | {f"{UNET}middle_block.1.proj_in.weight": ("F8_E4M3", (1280, 1280, 1, 1))},
        "compressed",
    ),
    "fp8-text-encoder": (
        shapes(parts=("unet", "vae")) | shapes(dtype="F8_E4M3", parts=("text_encoder",)),
        "compressed",
    ),
    "half-a-unet": (dict(list(shapes(parts=("unet",)).items())[:400]), "incomplete"),
    "esrgan": ({"model.1.sub.0.RDB1.conv1.0.weight": ("F32", (32, 64, 3, 3))}, "other-family"),
    "empty-header": ({}, "other-family"),
}
