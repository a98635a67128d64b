"""What a .safetensors file is, where it is no Stable Diffusion 1.x.

The names of its tensors tell. As other programs that read the same files tell them: A1111, ComfyUI,
diffusers' single_file_utils.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from .folder_weights import STEMS
from .weights_file import AGAIN, OTHER, Header, Trouble

FAMILY = "Stable Diffusion 1.x"

WIDTHS = ((768,), (1024,), (1280,))
"""Of a word in the text encoders of Stable Diffusion 1.x, 2.x and SDXL."""

UNET, EMA = "model.diffusion_model.", "model_ema."
CONV_IN = "input_blocks.0.0.weight"  # its second axis is the number of input channels

FAMILIES = (
    ("stable-video", "a Stable Video Diffusion checkpoint", r"\btime_stack\."),
    ("unclip", "an unCLIP checkpoint", r"^embedder\.model\.visual\."),
    ("new-views", "a model that turns things around (Zero123)", r"^cc_projection\."),
    ("sdxl", "an SDXL checkpoint", r"^conditioner\.embedders\.|\blabel_emb\.0\.0\."),
    ("stable-diffusion-3", "a Stable Diffusion 3 checkpoint", r"\bjoint_blocks\.\d"),
    ("flux", "a FLUX checkpoint", r"\b(double_blocks|single_transformer_blocks)\.\d"),
    (
        "other-family",
        "a diffusion transformer",
        r"\b(pos_embed\.proj|adaln_single|patch_embed\w*|x_embedder)\.",
    ),
)
"""Other families of models.

Each has a code, a name to call it by, and what is in the names of its tensors.
"""

ADDITIONS = (
    (
        "lora",
        "a LoRA: an addition to a model, not a model",
        r"\.lora_(up|down|mid|[AB])\b|[._]lora\.(up|down)\b|\.hada_w\d|\.lokr_w\d",
        "Name the model that it was made for.",
    ),
    (
        "controlnet",
        "a ControlNet or an adapter: it steers a model, and is none",
        r"^(control_model|controlnet_\w+|image_proj|ip_adapter|adapter)\.|\binput_hint_block\.",
        OTHER,
    ),
    ("motion", "a motion module: an addition for videos", r"\bmotion_modules?\.", OTHER),
    (
        "embedding",
        "an embedding (textual inversion): a word for a model, not a model",
        r"^(emb_params|string_to_\w+|clip_[lg])$",
        OTHER,
    ),
)
"""What is made for a model: a code, what to call it, the names, and what to do."""


def distilled(place: Path) -> Trouble:
    """A latent consistency model."""
    return Trouble(
        "distilled",
        f"{place} is a latent consistency model (LCM): it was made for few steps, and the "
        "algorithms need many.",
        "Choose the model that it was distilled from.",
    )


def addition_or_family(file: Path, tensors: Iterable[str]) -> Trouble | None:
    """What a file is if it is an addition or of another family.

    The names of its tensors tell.
    """
    names = "\n".join(tensors)
    for code, what, pattern, remedy in ADDITIONS:
        if re.search(pattern, names, re.MULTILINE):
            return Trouble(code, f"{file} is {what}.", remedy)
    for code, what, pattern in FAMILIES:
        if re.search(pattern, names, re.MULTILINE):
            return Trouble(code, f"{file} is {what}; Limn works with {FAMILY}.", OTHER)
    return distilled(file) if re.search(r"\btime_embed\.cond_proj\.", names) else None


def renamed(file: Path, names: Iterable[str]) -> Trouble | None:
    """Stable Diffusion under names that some program has for itself."""
    for name in names:
        prefix, inside, rest = name.partition(f".{UNET}")
        if inside and rest == CONV_IN:
            sentence = f"The names in {file} begin with {prefix[:60]!r}, as in training programs."
            return Trouble("other-names", sentence, NAMES)
        if re.match(r"unet\.(conv_in|down_blocks)\b", name):
            sentence = f"{file} has a whole model under diffusers' names in one file."
            return Trouble("other-names", sentence, NAMES)
    if any(name.startswith(EMA) for name in names):
        sentence = f"{file} has the average of a UNet's weights (EMA), and not the UNet."
        return Trouble("incomplete", sentence, AGAIN)
    return None


NAMES = (
    "Get the file as its makers publish it, or save it as a folder in the diffusers format from "
    "the program that wrote it."
)


def other(file: Path, header: Header) -> Trouble:
    """What a file without a UNet in the original layout is."""
    names = set(header.tensors)
    if trouble := addition_or_family(file, names) or renamed(file, names):
        return trouble
    whole = file.parent.parent
    is_part = file.parent.name in STEMS and (whole / "model_index.json").is_file()
    if is_part or {"conv_in.weight", "down_blocks.0.resnets.0.conv1.weight"} <= names:
        remedy = f"Name the folder, not the file: {whole}" if is_part else OTHER
        return Trouble("one-network", f"{file} is one network of a folder.", remedy)
    if any(name.endswith("embeddings.token_embedding.weight") for name in names):
        return Trouble("text-only", f"{file} is a text encoder alone.", OTHER)
    ends = {name.removeprefix("first_stage_model.") for name in names}
    if {"encoder.conv_in.weight", "decoder.conv_in.weight"} & ends or any(
        re.match(r"(encoder|decoder)\.layers\.\d", name) for name in ends
    ):
        remedy = "Name a checkpoint. One that lacks a VAE takes this one from the same folder."
        return Trouble("vae-only", f"{file} is an autoencoder (VAE) alone.", remedy)
    if any("vision_model." in name for name in names) and any("text_decoder." in n for n in names):
        sentence = f"{file} is a captioner, not a model that makes pictures."
        return Trouble("captioner", sentence, "Give its folder as --captioner.")
    if any(re.search(r"text_model\.|(^|\.)encoder\.block\.", name) for name in names):
        return Trouble("text-only", f"{file} is a text encoder alone.", OTHER)
    tensors = header.tensors.values()
    small = all(len(t.shape) <= 2 and t.size < 2**22 for t in tensors)
    if small and any(t.shape[-1:] in WIDTHS for t in tensors):
        sentence = f"{file} is an embedding (textual inversion): a word for a model."
        return Trouble("embedding", sentence, OTHER)
    return Trouble("other-family", f"{file} is not a {FAMILY} checkpoint.", OTHER)
