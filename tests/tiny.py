"""A tiny model with random weights, made in a second.

Three complete checkpoints in the diffusers format. Use the session fixture `tiny_model` (a folder
that holds text-to-image/, inpainting/ and instruction/), or `make(folder)`. The pictures that it
makes mean nothing, but every part is the real one: UNet, autoencoder, CLIP text encoder, CLIP
tokenizer. Native size 64 x 64 pixels, latents 16 x 16, two attention levels (16 x 16 and 8 x 8), 77
tokens.
"""

from __future__ import annotations

import json
from pathlib import Path

WORDS = (
    "a an the on of and to make turn change replace remove add into with color red green blue "
    "yellow purple orange white black small large circle square triangle star heart cross person "
    "background left right above below sitting standing jumping cat dog hat it is"
)
"""Words that are one token each.

Any other text falls apart into single letters, as rare words do with the real tokenizer.
"""

CHANNELS = {"text-to-image": 4, "inpainting": 9, "instruction": 8}
"""The UNet's input channels tell the variants apart."""


def vocabulary() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """CLIP's byte-pair vocabulary and merges for WORDS."""
    letters = [chr(code) for code in range(ord("!"), ord("~") + 1)]
    tokens = letters + [f"{letter}</w>" for letter in letters]
    merges: list[tuple[str, str]] = []
    for word in WORDS.split():
        pieces = [*word[:-1], f"{word[-1]}</w>"]
        while len(pieces) > 1:
            pair = (pieces[0], pieces[1])
            pieces[:2] = ["".join(pair)]
            if pair not in merges:
                merges.append(pair)
                tokens.append(pieces[0])
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    return {token: number for number, token in enumerate(dict.fromkeys(tokens))}, merges


def make_captioner(folder: Path, word: str) -> Path:
    """Write a tiny BLIP into `folder`, which says nothing but `word`.

    One of WORDS, again and again; returns the folder.
    """
    import torch
    from transformers import BertTokenizer, BlipConfig, BlipForConditionalGeneration

    vocab = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[DEC]", *dict.fromkeys(WORDS.split()))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join(vocab), encoding="utf-8")
    BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    ends = {"bos_token_id": 5, "pad_token_id": 0, "eos_token_id": 3, "sep_token_id": 3}
    sizes = {
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "projection_dim": 16,
    }
    text = {
        "vocab_size": len(vocab),
        "encoder_hidden_size": 16,
        "max_position_embeddings": 64,
        **ends,
        **sizes,
    }
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = BlipForConditionalGeneration(
            BlipConfig(
                text_config=text,
                vision_config={"image_size": 32, "patch_size": 16, **sizes},
                projection_dim=16,
            )
        )
        model.text_decoder.cls.predictions.bias.data[vocab.index(word)] = 50
    model.save_pretrained(folder)
    return folder


def make(folder: Path) -> Path:
    """Write the three checkpoints and a limn.json each into `folder`; return it."""
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

    pipelines = {
        "text-to-image": StableDiffusionPipeline,
        "inpainting": StableDiffusionInpaintPipeline,
        "instruction": StableDiffusionInstructPix2PixPipeline,
    }
    vocab, merges = vocabulary()
    tokenizer = CLIPTokenizer(vocab=vocab, merges=merges, model_max_length=77)
    ends = {
        "bos_token_id": vocab["<|startoftext|>"],
        "eos_token_id": vocab["<|endoftext|>"],
        "pad_token_id": vocab["<|endoftext|>"],
    }
    with torch.random.fork_rng():
        torch.manual_seed(0)
        text_encoder = CLIPTextModel(
            CLIPTextConfig(
                vocab_size=len(vocab),
                hidden_size=32,
                intermediate_size=64,
                num_hidden_layers=2,
                num_attention_heads=2,
                **ends,
            )
        )
        vae = AutoencoderKL(
            block_out_channels=(8, 16, 16),
            down_block_types=("DownEncoderBlock2D",) * 3,
            up_block_types=("UpDecoderBlock2D",) * 3,
            latent_channels=4,
            norm_num_groups=8,
            sample_size=64,
        )
        for variant, channels in CHANNELS.items():
            unet = UNet2DConditionModel(
                sample_size=16,
                in_channels=channels,
                block_out_channels=(32, 64),
                down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
                up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
                layers_per_block=1,
                cross_attention_dim=32,
                attention_head_dim=4,
                norm_num_groups=8,
            )
            betas = {
                "beta_start": 0.00085,
                "beta_end": 0.012,
                "beta_schedule": "scaled_linear",
                "steps_offset": 1,
            }
            ddim = DDIMScheduler(**betas, clip_sample=False, set_alpha_to_one=False)
            pipeline = pipelines[variant](
                vae=vae,
                text_encoder=text_encoder,
                tokenizer=tokenizer,
                unet=unet,
                scheduler=EulerAncestralDiscreteScheduler(**betas)
                if variant == "instruction"
                else ddim,
                safety_checker=None,
                feature_extractor=None,
                requires_safety_checker=False,
            )
            pipeline.save_pretrained(folder / variant)
            notes = {"name": "tiny", "semantic_level": 1, "native_size": 64}
            (folder / variant / "limn.json").write_text(json.dumps(notes), encoding="utf-8")
    return folder
