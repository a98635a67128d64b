"""How good the bundled model is.

Every bar of the sketchbook on held-out seeds, as a table.
"""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import torch.nn.functional as F
import typer
from diffusers import (
    DDIMInverseScheduler,
    DDIMScheduler,
    StableDiffusionInpaintPipeline,
    StableDiffusionInstructPix2PixPipeline,
    StableDiffusionPipeline,
)
from rich.console import Console
from rich.table import Table
from torch import Tensor

from ..diffusion.attention import AverageMap
from ..diffusion.loading import Models, load_models
from ..diffusion.model import Branch, Model
from ..diffusion.schedule import randn
from ..sketchbook import folder
from ..sketchbook.autoencoder import decibels
from ..sketchbook.edits import TYPES, edit, instruction, join, render_edit
from ..sketchbook.judge import Judge, framed, load_judge
from ..sketchbook.scenes import FIRST_HELD_OUT, SIZE, Scene, Word, caption, render, scene, text
from ..sketchbook.train_judge import accuracy, region, rows_of
from ..sketchbook.verdict import changes_made, rest_kept, to_tensor
from .overlap import iou

app = typer.Typer(help=__doc__)

EASY = ("recolour", "retexture", "replace", "background")
HARD = ("add", "remove", "resize", "pose")


class Oracle:
    """The stock diffusers pipelines of a model's three variants, not our own loop.

    Pictures (n, 3, 128, 128), 0..1; a seed for each.
    """

    def __init__(self, models: Models, path: Path, steps: int = 50) -> None:
        self.path, self.device, self.dtype = path, models.device, models.dtype
        self.side = models.get("text-to-image").native_size
        self.settings = {"num_inference_steps": steps, "guidance_scale": 7.5, "output_type": "pt"}
        self.text_guidance = models.defaults("instruction", "ip2p").get("text_guidance", 7.5)

    def small(self, image: Tensor) -> Tensor:
        """A picture of the world (n, c, 128, 128) at the model's native size."""
        return (
            image
            if self.side == SIZE
            else F.interpolate(image, size=(self.side, self.side), mode="area")
        )

    def large(self, image: Tensor) -> Tensor:
        """What the model made, at the world's size."""
        return (
            image if self.side == SIZE else F.interpolate(image, size=(SIZE, SIZE), mode="bilinear")
        )

    @cache  # noqa: B019  # as long-lived as the benchmark
    def pipeline(self, kind: Any, variant: str) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = kind.from_pretrained(
                self.path / variant, torch_dtype=self.dtype, safety_checker=None
            )
        made.set_progress_bar_config(disable=True)
        return made.to(self.device)

    def sampled(
        self, kind: Any, variant: str, words: list[str], seeds: list[int], more: dict[str, Any]
    ) -> Tensor:
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        return self.large(
            self.pipeline(kind, variant)(words, generator=generators, **(self.settings | more))
            .images.float()
            .cpu()
        )

    def pictured(self, captions: list[str], seeds: list[int]) -> Tensor:
        """Text to image."""
        return self.sampled(StableDiffusionPipeline, "text-to-image", captions, seeds, {})

    def instructed(self, instructions: list[str], befores: Tensor, seeds: list[int]) -> Tensor:
        """InstructPix2Pix, at the model's own text guidance."""
        more = {
            "image": self.small(befores),
            "guidance_scale": self.text_guidance,
            "image_guidance_scale": 1.5,
        }
        return self.sampled(
            StableDiffusionInstructPix2PixPipeline, "instruction", instructions, seeds, more
        )

    def painted(
        self, captions: list[str], images: Tensor, holes: Tensor, seeds: list[int]
    ) -> Tensor:
        """Inpainting; holes (n, 1, 128, 128)."""
        more = {
            "image": self.small(images),
            "mask_image": (self.small(holes) > 0).float(),
            "height": self.side,
            "width": self.side,
            "strength": 1.0,
        }
        return self.sampled(StableDiffusionInpaintPipeline, "inpainting", captions, seeds, more)


def hole_of(mask: np.ndarray) -> Tensor:
    """What inpainting must fill to draw the thing of a mask.

    The mask and four pixels around it, (1, 1, 128, 128).
    """
    return F.max_pool2d((to_tensor(mask) > 0.02).float(), 9, 1, 4)


class Bench:
    """The model under test and how many cases each bar may cost."""

    def __init__(
        self, models: Models, path: Path, judge: Judge, cases: int, first: int, batch: int = 8
    ) -> None:
        self.models, self.path, self.judge, self.cases, self.first, self.batch = (
            models,
            path,
            judge,
            cases,
            first,
            batch,
        )
        self.oracle = Oracle(models, path)

    def sampled(self, count: int, make: Callable[[list[int]], Tensor]) -> Tensor:
        """Pictures ``0`` .. ``count - 1``, made some at a time."""
        return torch.cat(
            [
                make(list(range(start, min(start + self.batch, count))))
                for start in range(0, count, self.batch)
            ]
        )


def best_threshold(maps: list[Tensor], exact: list[Tensor]) -> tuple[float, float]:
    """The best mean IoU of maps under one threshold, and that threshold.

    Each map is (1, 1, h, w), scaled by its maximum. The threshold is the one that suits all best.
    """
    shown = [
        F.interpolate(m / m.amax().clamp(min=1e-8), size=e.shape[-2:], mode="bilinear")
        for m, e in zip(maps, exact, strict=True)
    ]
    scores = {
        t / 20: float(
            np.mean([iou((m >= t / 20).float(), e) for m, e in zip(shown, exact, strict=True)])
        )
        for t in range(1, 20)
    }
    threshold = max(scores, key=lambda t: scores[t])
    return scores[threshold], threshold


@torch.no_grad()
def noun_map(
    model: Model,
    latents: Tensor,
    t: int,
    sentence: str,
    columns: list[int],
    extra: Tensor | None,
    seed: int,
) -> Tensor:
    """Cross-attention of some tokens at the semantic level: (1, 1, h, w).

    For latents noised to ``t``.
    """
    alpha = model.schedule.at(t)
    noise = randn(latents.shape, torch.Generator().manual_seed(seed), model.device)
    seen = AverageMap("text")
    taps = dict.fromkeys(model.sites.at("cross", model.semantic_level), seen)
    model.predict(
        alpha**0.5 * latents + (1 - alpha) ** 0.5 * noise,
        t,
        [Branch("text", model.embed(sentence), extra)],
        taps,
    )
    return seen.value[columns].mean(0)[None, None].cpu()


def columns_of(words: list[Word], noun: str) -> list[int]:
    """Each word of the world is one token, after the start token."""
    return [place for place, word in enumerate(words, 1) if word.text == noun][:1]


# ---------------------------------------------------------------- the bars


def autoencoder(bench: Bench) -> dict[str, float]:
    model = bench.models.get("text-to-image")
    images = bench.oracle.small(
        torch.cat(
            [to_tensor(render(scene(bench.first + k)).image) for k in range(max(bench.cases, 16))]
        )
    )
    return {
        "autoencoder, dB": decibels(
            2 * model.decode(model.encode(images) * model.scaling).cpu() - 1, 2 * images - 1
        )
    }


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
        seen = torch.cat(
            [
                model.decode(model.encode(part) * model.scaling).cpu()
                for part in exact.split(bench.batch)
            ]
        )
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


@app.command()
def main(
    cases: Annotated[
        int, typer.Option(help="cases for each bar; 200 gives the bars' own figures")
    ] = 200,
    first: Annotated[int, typer.Option(help="first held-out seed")] = FIRST_HELD_OUT,
    only: Annotated[
        list[str] | None, typer.Option(help="only these bars, by name: " + ", ".join(BARS))
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(help="a folder with the three variants; the bundled one by default"),
    ] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, ...")] = "cpu",
    batch: Annotated[int, typer.Option(help="pictures sampled together; more on a GPU")] = 8,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="write the figures there too")
    ] = None,
) -> None:
    """Measure the sketchbook.

    Example: limn bench sketchbook --cases 40 --json sketchbook.json
    """
    path = model or folder()
    bench = Bench(load_models(path, device), path, load_judge(), cases, first, batch)
    table = Table(
        "figure", "measured", "bar", "", title=f"the sketchbook, {cases} cases a bar, on {device}"
    )
    figures: dict[str, Any] = {}
    for name in only or BARS:
        measure, bars = BARS[name]
        begun = time.monotonic()
        for figure, value in measure(bench).items():
            bar = bars.get(figure)
            met = None if bar is None else value <= bar if "seconds" in figure else value >= bar
            figures[figure] = {"value": value, "bar": bar, "met": met}
            table.add_row(
                figure,
                f"{value:.3g}",
                "" if bar is None else f"{bar:g}",
                "" if met is None else "yes" if met else "no",
            )
        Console(stderr=True).print(f"{name}: {time.monotonic() - begun:.0f} s")
    Console().print(table)
    if json_file:
        json_file.write_text(
            json.dumps({"cases": cases, "first": first, "figures": figures}, indent=2) + "\n"
        )
