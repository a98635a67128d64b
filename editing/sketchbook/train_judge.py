"""Train the sketchbook's judge and towers on renders.

``python -m limn.editing.sketchbook.train_judge``; resumable, a few minutes on a core.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache
from multiprocessing import Pool
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
import typer
from diffusers import AutoencoderKL
from safetensors.torch import save_file
from torch import Tensor

from . import checkpoints, folder
from .autoencoder import half_precision
from .judge import FILE, LABELS, PLACES, Judge, Towers, framed, judge_of, new_judge, view
from .scenes import FIRST_HELD_OUT, SIZE, Scene, Thing, caption, render, scene, text

BATCH = 64
TOWERS_EVERY = 3  # steps: the towers are trained beside the judge
GROWN = 4  # pixels by which a mask may be larger than the thing, as an edit's mask is
VIEWS_OF_A_THING = 2  # each with its own margin


@dataclass(frozen=True)
class Row:
    """What the judge and the towers see of one thing, and the truth.

    Pictures are uint8: many fit into memory.
    """

    view: np.ndarray  # (4, VIEW, VIEW): the thing cut out, and its mask
    picture: np.ndarray  # (3, 64, 64): the whole scene, small
    thing: Thing
    scene: Scene
    exact: bool  # the mask is the thing's own, not a rectangle that it stands in


def region(whole: Scene, index: int) -> Tensor:
    """The part of the picture that belongs to thing ``index``: (1, 128, 128).

    By its relations it is all of it, a half or a quarter.
    """
    share = torch.zeros(1, SIZE, SIZE)
    top, bottom, left, right = 0, SIZE, 0, SIZE
    half = SIZE // 2
    for number, relation in enumerate(whole.relations, 1):
        mine = (
            relation
            if index == 0
            else {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}[
                relation
            ]
        )
        if index not in (0, number):  # the third thing shares the first one's other coordinate
            mine = relation
        if mine == "left of":
            right = half
        elif mine == "right of":
            left = half
        elif mine == "above":
            bottom = half
        else:
            top = half
    share[:, top:bottom, left:right] = 1
    return share


@cache
def _vae() -> AutoencoderKL:
    return AutoencoderKL.from_pretrained(
        folder() / "text-to-image", subfolder="vae", dtype=torch.float32
    ).eval()


@torch.no_grad()
def through_latents(picture: Tensor) -> Tensor:
    """A picture (3, 128, 128) in 0..1, encoded and decoded.

    So looks all that the model makes.
    """
    shown: Tensor = _vae().decode(_vae().encode(2 * picture[None] - 1).latent_dist.mean).sample
    return (shown[0] / 2 + 0.5).clamp(0, 1)


def rows_of(seed: int, rng: np.random.Generator, latents: bool = False) -> list[Row]:
    """The scene of ``seed`` as rows.

    Each thing with its own mask, a little grown, with its region of the picture, and with its
    frame. ``latents``: as it looks when it has been through latents and back.
    """
    whole = scene(seed)
    shown = render(whole)
    picture = torch.from_numpy(shown.image).permute(2, 0, 1).float() / 255
    picture = through_latents(picture) if latents else picture
    small = _bytes(F.interpolate(picture[None], size=(64, 64), mode="area")[0])
    out: list[Row] = []
    for index, thing in enumerate(whole.things):
        masks = [torch.from_numpy(shown.masks[index]).float()[None]] * VIEWS_OF_A_THING
        masks = [
            F.max_pool2d(mask[None], 2 * grown + 1, 1, grown)[0]
            for mask, grown in zip(
                masks, rng.integers(0, GROWN + 1, VIEWS_OF_A_THING).tolist(), strict=True
            )
        ]
        masks += (
            [region(whole, index), framed(picture, region(whole, index))]
            if thing.count == 1
            else []
        )
        views = _bytes(view(torch.stack([picture] * len(masks)), torch.stack(masks)))
        out += [
            Row(seen, small, thing, whole, number < VIEWS_OF_A_THING)
            for number, seen in enumerate(views)
        ]
    return out


def _bytes(levels: Tensor) -> np.ndarray:
    return (levels * 255 + 0.5).to(torch.uint8).numpy()


def _levels(rows: list[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.stack(rows)).float() / 255


def _rows(seed: int) -> list[Row]:
    torch.set_num_threads(1)
    return rows_of(seed, np.random.default_rng([seed, 7]), latents=seed % 2 == 1)


def answers(thing: Thing) -> dict[str, str]:
    return {
        "kind": thing.kind,
        "colour": thing.colour,
        "texture": thing.texture,
        "state": thing.state,
        "count": str(thing.count),
    }


def worsen(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Blur and noise, as an autoencoder leaves them.

    So the judge looks at shapes and not at crisp edges.
    """
    blur = torch.rand(len(pictures), 1, 1, 1, generator=generator)
    soft = F.avg_pool2d(F.pad(pictures, (1, 1, 1, 1), mode="replicate"), 3, 1)
    noise = (
        torch.randn(pictures.shape, generator=generator)
        * 0.05
        * torch.rand(len(pictures), 1, 1, 1, generator=generator)
    )
    return (pictures + (soft - pictures) * blur + noise).clamp(0, 1)


def contrastive(towers: Towers, pictures: Tensor, captions: list[str]) -> Tensor:
    """CLIP's loss.

    Each picture finds its caption among the batch's, each caption its picture.
    """
    scores = (
        towers.image(pictures) @ towers.text(captions).T * towers.temperature.exp().clamp(max=50)
    )
    target = torch.arange(len(pictures))
    return (F.cross_entropy(scores, target) + F.cross_entropy(scores.T, target)) / 2


@torch.no_grad()
def accuracy(judge: Judge, rows: list[Row]) -> dict[str, float]:
    """Share of right labels over the rows.

    One for each attribute, and for the background.
    """
    right: dict[str, list[bool]] = {}
    for row in rows:
        seen = judge.things(_levels([row.view]))
        for name, labels in LABELS.items():
            right.setdefault(name, []).append(
                labels[int(seen[name][0].argmax())] == answers(row.thing)[name]
            )
        right.setdefault("background", []).append(
            judge.background(_levels([row.picture])) == row.scene.background
        )
    return {name: float(np.mean(values)) for name, values in right.items()}


def main(
    minutes: float = 12.0,
    scenes: int = 16_000,
    file: Path = FILE,
    work: Path = checkpoints.WORK / "judge.pt",
    rate: float = 2e-3,
) -> None:
    """Trains the judge and the towers for so many minutes.

    All runs count together. Writes ``file``; goes on from ``work``.
    """
    torch.set_num_threads(1)
    torch.manual_seed(0)
    parts, generator, rng = new_judge(), torch.Generator().manual_seed(0), np.random.default_rng(0)
    # torch takes it, its stubs do not
    parts["things"].to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    spent = 0.0
    if work.exists():
        state = torch.load(work, weights_only=True)
        parts.load_state_dict(state["parts"])
        spent = state["spent"]
    with Pool() as pool:
        rows = [
            row
            for some in pool.imap(_rows, range(700_000, 700_000 + scenes), chunksize=64)
            for row in some
        ]
    truth = {
        name: torch.tensor([labels.index(answers(row.thing)[name]) for row in rows])
        for name, labels in LABELS.items()
    }
    places = torch.tensor([PLACES.index(row.scene.background) for row in rows])
    print(f"{len(rows)} views of {scenes} scenes", flush=True)
    optimiser = torch.optim.AdamW(parts.parameters(), rate, weight_decay=0.02)
    judge, begun, saved = judge_of(parts), time.monotonic() - spent, time.monotonic()
    step = 0
    while (done := (time.monotonic() - begun) / (minutes * 60)) < 1:
        for group in optimiser.param_groups:
            group["lr"] = rate * max(0.01, 1 - done)
        chosen = torch.from_numpy(rng.integers(len(rows), size=BATCH))
        views = _levels([rows[k].view for k in chosen.tolist()])
        pictures = worsen(_levels([rows[k].picture for k in chosen.tolist()]), generator)
        with half_precision():
            seen = judge.things(
                torch.cat([worsen(views[:, :3], generator), views[:, 3:]], 1).to(
                    memory_format=torch.channels_last
                )
            )
            loss = sum(
                (F.cross_entropy(seen[name].float(), truth[name][chosen]) for name in LABELS),
                torch.zeros(()),
            )
            place = judge.places(F.interpolate(pictures, size=(32, 32), mode="area"))
            loss = loss + F.cross_entropy(place.float(), places[chosen])
            if step % TOWERS_EVERY == 0:
                loss = loss + contrastive(
                    judge.towers,
                    pictures,
                    [text(caption(rows[k].scene, rng)) for k in chosen.tolist()],
                )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        step += 1
        if time.monotonic() - saved > checkpoints.SAVE_EVERY:
            saved = time.monotonic()
            checkpoints.save({"parts": parts.state_dict(), "spent": saved - begun}, work)
            print(
                f"step {step}  {(saved - begun) / 60:.1f} min  loss {float(loss):.3f}", flush=True
            )
    parts.eval()
    file.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: weight.contiguous() for name, weight in parts.state_dict().items()}, file)
    held_out = [
        row for seed in range(FIRST_HELD_OUT, FIRST_HELD_OUT + 500) for row in rows_of(seed, rng)
    ]
    for name, some in (
        ("own mask", [row for row in held_out if row.exact]),
        ("rectangle", [row for row in held_out if not row.exact]),
    ):
        print(
            name, {attribute: round(value, 4) for attribute, value in accuracy(judge, some).items()}
        )


if __name__ == "__main__":
    typer.run(main)
