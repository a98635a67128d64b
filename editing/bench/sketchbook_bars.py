"""The bars that the bundled model is held to, and how each is measured."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from diffusers import (
    DDIMInverseScheduler,
    DDIMScheduler,
    StableDiffusionPipeline,
)
from torch import Tensor

from ..diffusion.model import Branch
from ..sketchbook.autoencoder import decibels
from ..sketchbook.edit_sentences import instruction, join
from ..sketchbook.edits import TYPES, edit, render_edit
from ..sketchbook.judge import Judge, framed
from ..sketchbook.scenes import Scene, caption, render, scene, text
from ..sketchbook.train_judge import accuracy, region, rows_of
from ..sketchbook.verdict import changes_made, rest_kept, to_tensor
from .overlap import iou
from .sketchbook_cases import Bench, best_threshold, columns_of, hole_of, noun_map

EASY = ("recolour", "retexture", "replace", "background")


HARD = ("add", "remove", "resize", "pose")


def autoencoder(bench: Bench) -> dict[str, float]:
    model = bench.models.get("text-to-image")
    images = bench.oracle.small(
        torch.cat(
            [to_tensor(render(scene(bench.first + k)).image) for k in range(max(bench.cases, 16))]
        )
    )
    return {"autoencoder, dB": decibels(2 * model.round_trip(images).cpu() - 1, 2 * images - 1)}


def as_told(judge: Judge, image: Tensor, made: Scene) -> bool:
    """Whether a picture (3, 128, 128) shows all of a scene.

    Each thing must have the right kind and colour, at the place that its relations give it.
    """
    looks = [
        judge.look(image[None], framed(image, region(made, index))[None])
        for index in range(len(made.things))
    ]
    return all(
        seen["kind"] == thing.kind and seen["colour"] == thing.colour
        for seen, thing in zip(looks, made.things, strict=True)
    )


def text_to_image(bench: Bench) -> dict[str, float]:
    model, out, seconds = bench.models.get("text-to-image"), {}, []
    for name, things in (
        ("single: kind and colour", (1,)),
        ("two or three: all and their relation", (2, 3)),
    ):
        scenes = [
            scene(bench.first + 10_000 + k, things=things[k % len(things)])
            for k in range(bench.cases)
        ]

        def sample(part: list[int], scenes: list[Any] = scenes) -> Tensor:
            begun = time.monotonic()
            made = bench.oracle.pictured([text(caption(scenes[k])) for k in part], part)
            seconds.append((time.monotonic() - begun) / len(part))
            return made

        exact = torch.cat([to_tensor(render(made).image) for made in scenes])
        seen = torch.cat([model.round_trip(part).cpu() for part in exact.split(bench.batch)])
        for images, of in (
            (bench.sampled(bench.cases, sample), ""),
            (seen, "; of the exact pictures, encoded and decoded"),
        ):
            right = [
                as_told(bench.judge, image, made)
                for image, made in zip(images, scenes, strict=True)
            ]
            out[f"text-to-image, {name}{of}"] = float(np.mean(right))
    return out | {"seconds a picture (50 steps, batched)": float(np.median(seconds))}


def one_picture(bench: Bench) -> dict[str, float]:
    bench.oracle.pipeline(
        StableDiffusionPipeline, "text-to-image"
    )  # loaded before the clock starts
    begun = time.monotonic()
    bench.oracle.pictured(["a large red star in a meadow"], [0])
    return {"one 50-step picture, seconds": time.monotonic() - begun}


def noun_attention(bench: Bench) -> dict[str, float]:
    model, out = bench.models.get("text-to-image"), {}
    scenes = [
        scene(bench.first + 20_000 + k, things=1 + k % 2) for k in range(max(bench.cases, 24))
    ]
    shown = [render(made) for made in scenes]
    latents = [
        model.encode(bench.oracle.small(to_tensor(picture.image))) * model.scaling
        for picture in shown
    ]
    exact = [to_tensor(picture.masks[0]) for picture in shown]
    for t in (201, 501, 801):
        maps = []
        for k, made in enumerate(scenes):
            words = caption(made)
            maps.append(
                noun_map(
                    model,
                    latents[k],
                    t,
                    text(words),
                    columns_of(words, made.things[0].kind),
                    None,
                    k,
                )
            )
        out[f"noun's attention, IoU at t = {t}"], _ = best_threshold(maps, exact)
    return out


def keyword_attention(bench: Bench) -> dict[str, float]:
    model, maps, exact = bench.models.get("instruction"), [], []
    for k in range(max(bench.cases, 24)):
        made = edit(bench.first + 30_000 + k, EASY[k % 3])
        shown, words = render_edit(made), join(instruction(made))
        code = model.encode(bench.oracle.small(to_tensor(shown.before.image)))
        noun = made.before.things[made.changes[0].index or 0].kind
        maps.append(
            noun_map(
                model, code * model.scaling, 797, text(words), columns_of(words, noun), code, k
            )
        )
        exact.append(to_tensor(shown.before.masks[made.changes[0].index or 0]))
    score, threshold = best_threshold(maps, exact)
    return {"keyword's attention, IoU at t = 797": score, "its best threshold": threshold}


def foi_masks(bench: Bench) -> dict[str, float]:
    from .. import EditRequest, events
    from .. import edit as carry_out

    scores = []
    for k in range(max(bench.cases, 24)):
        made = edit(bench.first + 30_000 + k, EASY[k % 3])
        shown = render_edit(made)
        request = EditRequest(
            "foi",
            text(join(instruction(made))),
            to_tensor(shown.before.image),
            seed=k,
            mask_only=True,
        )
        found = [
            event for event in carry_out(bench.models, request) if isinstance(event, events.Mask)
        ]
        scores.append(iou(found[-1].binary.float().cpu(), to_tensor(shown.mask)))
    return {"FoI's mask (Eq. 2), IoU": float(np.mean(scores))}


def plain_instruction(bench: Bench) -> dict[str, float]:
    right: dict[str, list[bool]] = {}
    kept: list[bool] = []
    outside: list[float] = []
    for type in TYPES:
        edits = [edit(bench.first + 40_000 + k, type) for k in range(bench.cases)]
        edits = [made for made in edits if type != "combined" or len(made.changes) == 2] or edits
        shown = [render_edit(made) for made in edits]

        def sample(part: list[int], edits: list[Any] = edits, shown: list[Any] = shown) -> Tensor:
            befores = torch.cat([to_tensor(shown[k].before.image) for k in part])
            return bench.oracle.instructed(
                [text(join(instruction(edits[k]))) for k in part], befores, part
            )

        for image, made, exact in zip(bench.sampled(len(edits), sample), edits, shown, strict=True):
            right.setdefault(type, []).append(
                all(changes_made(bench.judge, made, exact, image[None]))
            )
            kept.append(rest_kept(bench.judge, made, exact, image[None]))
            away = 1 - to_tensor(exact.mask)
            outside.append(
                float(
                    ((image[None] - to_tensor(exact.before.image)).square() * away).sum()
                    / (3 * away.sum().clamp(min=1))
                )
            )
    out = {f"InstructPix2Pix, {type}": float(np.mean(values)) for type, values in right.items()}
    out["InstructPix2Pix, mean of " + ", ".join(EASY)] = float(
        np.mean([value for type in EASY for value in right[type]])
    )
    out["InstructPix2Pix, mean of " + ", ".join(HARD)] = float(
        np.mean([value for type in HARD for value in right[type]])
    )
    away_from_it = float(-10 * np.log10(np.mean(outside)))
    return out | {
        "all else as it was (no bar)": float(np.mean(kept)),
        "outside the mask, dB (no bar)": away_from_it,
    }


def inpainting(bench: Bench) -> dict[str, float]:
    scenes = [scene(bench.first + 50_000 + k, things=1 + k % 2) for k in range(bench.cases)]
    shown = [render(made) for made in scenes]
    holes = [hole_of(picture.masks[0]) for picture in shown]

    def sample(part: list[int]) -> Tensor:
        images, masks = (
            torch.cat(some)
            for some in ([to_tensor(shown[k].image) for k in part], [holes[k] for k in part])
        )
        return bench.oracle.painted([text(caption(scenes[k])) for k in part], images, masks, part)

    right = []
    for k, image in enumerate(bench.sampled(len(scenes), sample)):
        seen = bench.judge.look(image[None], to_tensor(shown[k].masks[0]))
        right.append(
            seen["kind"] == scenes[k].things[0].kind
            and seen["colour"] == scenes[k].things[0].colour
        )
    return {"inpainting, kind and colour": float(np.mean(right))}


@torch.no_grad()
def inversion(bench: Bench) -> dict[str, float]:
    model, out = bench.models.get("text-to-image"), []
    settings = dict(
        DDIMScheduler.from_pretrained(bench.path / "text-to-image", subfolder="scheduler").config
    )
    up, down = DDIMInverseScheduler.from_config(settings), DDIMScheduler.from_config(settings)
    for k in range(min(bench.cases, 8)):
        made = scene(bench.first + 60_000 + k)
        latents = model.encode(bench.oracle.small(to_tensor(render(made).image))) * model.scaling
        branch, x = [Branch("text", model.embed(text(caption(made))))], latents
        for scheduler in (up, down):
            scheduler.set_timesteps(50)
            for t in scheduler.timesteps:
                x = scheduler.step(model.predict(x, int(t), branch)["text"], t, x).prev_sample
        out.append(decibels(2 * model.decode(x) - 1, 2 * model.decode(latents) - 1))
    return {"DDIM inversion and back, dB": float(np.mean(out))}


def judge_itself(bench: Bench) -> dict[str, float]:
    rng = np.random.default_rng(1)
    rows = [
        row
        for k in range(max(200, bench.cases))
        for row in rows_of(bench.first + 70_000 + k, rng)
        if row.exact
    ]
    return {f"judge, {name}": value for name, value in accuracy(bench.judge, rows).items()}


BARS: dict[str, tuple[Callable[[Bench], dict[str, float]], dict[str, float]]] = {
    "autoencoder": (autoencoder, {"autoencoder, dB": 31}),
    "text-to-image": (
        text_to_image,
        {
            "text-to-image, single: kind and colour": 0.95,
            "text-to-image, two or three: all and their relation": 0.7,
        },
    ),
    "attention": (
        noun_attention,
        {
            "noun's attention, IoU at t = 201": 0.6,
            "noun's attention, IoU at t = 501": 0.55,
            "noun's attention, IoU at t = 801": 0.4,
        },
    ),
    "keyword": (keyword_attention, {"keyword's attention, IoU at t = 797": 0.6}),
    "foi": (foi_masks, {"FoI's mask (Eq. 2), IoU": 0.5}),
    "instruction": (
        plain_instruction,
        {
            "InstructPix2Pix, mean of " + ", ".join(EASY): 0.9,
            "InstructPix2Pix, mean of " + ", ".join(HARD): 0.75,
            "InstructPix2Pix, combined": 0.6,
        },
    ),
    "inpainting": (inpainting, {"inpainting, kind and colour": 0.9}),
    "inversion": (inversion, {"DDIM inversion and back, dB": 35}),
    "judge": (
        judge_itself,
        {f"judge, {name}": 0.99 for name in ("kind", "colour", "texture", "state")},
    ),
    "time": (one_picture, {"one 50-step picture, seconds": 10}),
}
