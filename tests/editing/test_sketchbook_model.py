"""The bundled model.

Complete, small, of the architecture that it claims, and good enough to tell that it was trained.
"""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from diffusers import (
    StableDiffusionInpaintPipeline,
    StableDiffusionInstructPix2PixPipeline,
    StableDiffusionPipeline,
)
from transformers import CLIPTokenizer

from limn.editing import load_models
from limn.editing.sketchbook import folder
from limn.editing.sketchbook.edit_sentences import instruction, join
from limn.editing.sketchbook.edits import TYPES, edit, render_edit
from limn.editing.sketchbook.judge import framed, load_judge
from limn.editing.sketchbook.networks import new_tokenizer, world_words
from limn.editing.sketchbook.scenes import FIRST_HELD_OUT, SIZE, caption, render, scene, text
from limn.editing.sketchbook.train_judge import accuracy, region, rows_of
from limn.editing.sketchbook.verdict import changes_made, frame_of, to_tensor

MEGABYTES = 80
NATIVE = int(
    json.loads((folder() / "instruction" / "limn.json").read_text())["native_size"]
)  # pixels on each side
PIPELINES = {
    "text-to-image": (StableDiffusionPipeline, 4),
    "inpainting": (StableDiffusionInpaintPipeline, 9),
    "instruction": (StableDiffusionInstructPix2PixPipeline, 8),
}


def test_all_of_it_is_small() -> None:
    assert (
        sum(file.stat().st_size for file in folder().rglob("*") if file.is_file())
        <= MEGABYTES * 1e6
    )


@pytest.mark.parametrize("variant", PIPELINES)
def test_each_variant_runs_in_the_stock_pipeline(variant: str) -> None:
    kind, channels = PIPELINES[variant]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipeline = kind.from_pretrained(
            folder() / variant, torch_dtype=torch.float32, safety_checker=None
        )
    pipeline.set_progress_bar_config(disable=True)
    assert pipeline.unet.config.in_channels == channels
    made = edit(FIRST_HELD_OUT + 5, "recolour")
    shown = render_edit(made)
    picture = F.interpolate(to_tensor(shown.before.image), size=(NATIVE, NATIVE), mode="area")
    pictures = {
        "text-to-image": {},
        "inpainting": {
            "image": picture,
            "mask_image": to_tensor(shown.mask),
            "height": NATIVE,
            "width": NATIVE,
        },
        "instruction": {"image": picture},
    }[variant]
    words = text(join(instruction(made))) if variant == "instruction" else text(caption(made.after))
    image = pipeline(
        words,
        num_inference_steps=2,
        output_type="pt",
        generator=torch.Generator().manual_seed(0),
        **pictures,
    ).images
    assert image.shape == (1, 3, NATIVE, NATIVE)
    assert torch.isfinite(image).all()


def test_the_three_share_autoencoder_words_and_notes() -> None:
    for name in (
        "vae/diffusion_pytorch_model.safetensors",
        "text_encoder/model.safetensors",
        "tokenizer/tokenizer.json",
        "limn.json",
    ):
        assert len({(folder() / variant / name).read_bytes() for variant in PIPELINES}) == 1
    notes = json.loads((folder() / "instruction" / "limn.json").read_text())
    assert notes["native_size"] == NATIVE
    assert NATIVE // 4 // 2 ** notes["semantic_level"] == 16  # nouns are read on a grid of 16 x 16


def test_each_word_of_the_world_is_one_token() -> None:
    saved = CLIPTokenizer.from_pretrained(folder() / "text-to-image" / "tokenizer")
    for tokenizer in (new_tokenizer(), saved):
        assert tokenizer.model_max_length == 77
        assert all(len(tokenizer(word).input_ids) == 3 for word in world_words())
        rng = np.random.default_rng(0)
        for seed in range(FIRST_HELD_OUT, FIRST_HELD_OUT + 200):
            for words in (join(instruction(edit(seed), rng), rng), caption(edit(seed).after, rng)):
                assert len(tokenizer(text(words)).input_ids) == len(words) + 2


def test_the_autoencoder_shows_a_scene_again() -> None:
    model = load_models(folder()).get("text-to-image")
    images = torch.cat([to_tensor(render(scene(FIRST_HELD_OUT + k)).image) for k in range(8)])
    error = (model.decode(model.encode(images) * model.scaling) - images).square().mean()
    assert -10 * torch.log10(error) > 26


def test_the_judge_knows_the_world() -> None:
    rng = np.random.default_rng(1)
    for latents in (False, True):
        rows = [row for k in range(60) for row in rows_of(FIRST_HELD_OUT + k, rng, latents)]
        own, rectangles = (
            accuracy(load_judge(), [row for row in rows if row.exact == exact])
            for exact in (True, False)
        )
        assert min(own.values()) > (0.95 if latents else 0.98), own
        assert min(rectangles.values()) > 0.93, rectangles


def test_a_thing_is_framed_where_it_stands() -> None:
    for k in range(30):
        made = scene(FIRST_HELD_OUT + k, things=1 + k % 3)
        shown = render(made)
        for index, mask in enumerate(shown.masks):
            frame, exact = (
                framed(to_tensor(shown.image)[0], region(made, index))[0].numpy() > 0,
                frame_of(mask) > 0,
            )
            assert (frame & exact).sum() > 0.6 * (frame | exact).sum(), (k, index)
    part = torch.ones(1, SIZE, SIZE)
    assert framed(torch.full((3, SIZE, SIZE), 0.5), part) is part, (
        "where nothing stands, all of it is looked at"
    )


@pytest.mark.parametrize("type", sorted(set(TYPES) - {"combined"}))
def test_the_verdict_tells_the_exact_answer_from_no_edit_at_all(type: str) -> None:
    judge = load_judge()
    made = [edit(FIRST_HELD_OUT + 200 + k, type) for k in range(12)]
    shown = [render_edit(each) for each in made]
    exact = [
        all(changes_made(judge, a, b, to_tensor(b.after.image)))
        for a, b in zip(made, shown, strict=True)
    ]
    unchanged = [
        all(changes_made(judge, a, b, to_tensor(b.before.image)))
        for a, b in zip(made, shown, strict=True)
    ]
    assert sum(exact) >= 11 and sum(unchanged) <= 1
