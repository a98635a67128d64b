"""The sketchbook's networks: Stable Diffusion 1.x in small.

And how one trunk becomes the three variants. The three variants are trained together as one UNet
whose first convolution takes 13 channels:

    0-3   noisy latents
    4-7   latents of the picture to edit, unscaled
    8     mask
    9-12  latents of the masked picture

A sample of one task leaves the other tasks' channels at zero. So cutting the first convolution to
the channels of a variant gives exactly the network that was trained for it, and the words mean the
same to all three.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    EulerAncestralDiscreteScheduler,
    StableDiffusionInpaintPipeline,
    StableDiffusionInstructPix2PixPipeline,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from .drawing import COLOURS, KINDS
from .edit_sentences import TEMPLATES, VERBS
from .scenes import BACKGROUNDS, NUMBERS, PLURALS, SIZES, STATES, TEXTURES

VARIANTS = {
    "text-to-image": tuple(range(4)),
    "inpainting": (0, 1, 2, 3, 8, 9, 10, 11, 12),
    "instruction": tuple(range(8)),
}
TRUNK_CHANNELS = 13
SEMANTIC_GRID = 16  # positions on each side where nouns localise best: level 1 of 32 x 32 latents
NOISE = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
}
WORLD = {"about": "a drawn world of shapes and simple things", "error": 0.02, "presence": 5.8}
"""Bounds of what it knows: see world.py and presence.py."""

CONTEXT = 1.0
"""Share of a place's or a selection's side around it.

Things fill a third of the pictures that it was trained on; see frame.choose_frame for a figure.
"""

EXTRA_WORDS = (
    "a an the and another image picture it this that is are there of to in on at by for from or "
    "then but not as like its his her four five some more less very light dark sit stand jump sits "
    "stands jumps up down off out away with without hand hands arm arms open close opened opens "
    "shut switch put let have get rid go background shape thing object colour color brown gray "
    "grey pink beige"
)


def world_words() -> list[str]:
    """Every word of the world's captions and instructions, in a fixed order."""
    groups: list[Iterable[str]] = [
        COLOURS, KINDS, PLURALS.values(), NUMBERS, SIZES, TEXTURES, BACKGROUNDS,
        *BACKGROUNDS.values(), *STATES.values(), *TEMPLATES.values(), *VERBS.values(),
        ("left of", "right of", "above", "below"), EXTRA_WORDS.split(),
    ]  # fmt: skip
    words = [word for group in groups for phrase in group for word in phrase.split()]
    return [word for word in dict.fromkeys(words) if word.islower() and word.isalpha()]


def new_tokenizer() -> CLIPTokenizer:
    """CLIP's byte-pair tokenizer with each word of the world as one token.

    Other words fall apart into pieces.
    """
    letters = [chr(code) for code in range(ord("!"), ord("~") + 1)]
    tokens = letters + [letter + "</w>" for letter in letters]
    merges: list[tuple[str, str]] = []
    rank: dict[tuple[str, str], int] = {}
    for word in world_words():
        pieces = [*word[:-1], word[-1] + "</w>"]
        while len(pieces) > 1:
            known = [
                (rank[pair], place) for place, pair in enumerate(pairwise(pieces)) if pair in rank
            ]
            place = (
                min(known)[1] if known else 0
            )  # as the tokenizer does: the oldest merge first; else a new one from the left
            pair = (pieces[place], pieces[place + 1])
            if pair not in rank:
                rank[pair] = len(merges)
                merges.append(pair)
                tokens.append("".join(pair))
            pieces[place : place + 2] = ["".join(pair)]
    vocabulary = {
        token: number
        for number, token in enumerate([*dict.fromkeys(tokens), "<|startoftext|>", "<|endoftext|>"])
    }
    # pairs are what it takes
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=77)  # type: ignore[arg-type]


def new_text_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=128,
            intermediate_size=512,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=77,
            projection_dim=128,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def new_unet(channels: int = TRUNK_CHANNELS) -> UNet2DConditionModel:
    """The trunk: three levels of one layer, cross-attention at all of them.

    32, 16 and 8 positions a side for 128 pixels, heads of 32 and 48 channels.
    """
    return UNet2DConditionModel(
        sample_size=32,
        in_channels=channels,
        out_channels=4,
        layers_per_block=1,
        block_out_channels=(32, 96, 192),
        down_block_types=("CrossAttnDownBlock2D",) * 3,
        up_block_types=("CrossAttnUpBlock2D",) * 3,
        cross_attention_dim=128,
        attention_head_dim=(1, 2, 4),
        norm_num_groups=16,
    )


def cut(trunk: UNet2DConditionModel, variant: str) -> UNet2DConditionModel:
    """The variant's own UNet.

    It is the trunk with its first convolution cut to the variant's channels.
    """
    channels = list(VARIANTS[variant])
    network = new_unet(len(channels))
    weights = copy.copy(trunk.state_dict())
    weights["conv_in.weight"] = weights["conv_in.weight"][:, channels]
    network.load_state_dict(weights)
    return network


def join_variants(folder: Path) -> tuple[UNet2DConditionModel, CLIPTextModel]:
    """The trunk and text encoder that ``save_variants`` wrote, float32.

    With them training can go on from published weights.
    """
    trunk = new_unet()
    weights: dict[str, torch.Tensor] = {}
    first = torch.zeros_like(trunk.conv_in.weight)
    for variant, channels in VARIANTS.items():
        weights = UNet2DConditionModel.from_pretrained(
            folder / variant, subfolder="unet", dtype=torch.float32
        ).state_dict()
        first[:, list(channels)] = weights["conv_in.weight"]
    trunk.load_state_dict(weights | {"conv_in.weight": first})
    return trunk, CLIPTextModel.from_pretrained(
        folder / "text-to-image", subfolder="text_encoder", dtype=torch.float32
    )


def save_variants(
    folder: Path,
    trunk: UNet2DConditionModel,
    text_encoder: CLIPTextModel,
    tokenizer: CLIPTokenizer,
    vae: AutoencoderKL,
    defaults: dict[str, dict[str, float | str]],
    side: int = 32,
) -> None:
    """Writes the three variants as diffusers folders in half precision.

    text-to-image, inpainting and instruction, each complete. ``side`` is the latents' native size,
    the one that training ended with.
    """
    ddim = DDIMScheduler(**NOISE, clip_sample=False, set_alpha_to_one=False, steps_offset=1)
    ancestral = EulerAncestralDiscreteScheduler(
        **NOISE, timestep_spacing="linspace", steps_offset=1
    )
    kinds = {
        "text-to-image": (StableDiffusionPipeline, ddim),
        "inpainting": (StableDiffusionInpaintPipeline, ddim),
        "instruction": (StableDiffusionInstructPix2PixPipeline, ancestral),
    }
    for variant, (pipeline, scheduler) in kinds.items():
        parts = {
            "unet": cut(trunk, variant),
            "vae": copy.deepcopy(vae),
            "text_encoder": copy.deepcopy(text_encoder),
        }
        parts["unet"].register_to_config(sample_size=side)
        whole = pipeline(
            **parts,
            tokenizer=tokenizer,
            scheduler=scheduler,
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
        whole.to(dtype=torch.float16)
        whole.save_pretrained(folder / variant)
        about = {
            "name": "sketchbook",
            "semantic_level": side // SEMANTIC_GRID - 1,
            "native_size": 4 * side,
            "defaults": defaults,
            "world": WORLD,
            "context": CONTEXT,
        }
        (folder / variant / "limn.json").write_text(json.dumps(about, indent=2) + "\n")
