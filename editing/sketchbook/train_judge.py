"""Train the sketchbook's judge and towers on renders: ``python -m editing.sketchbook.train_judge``; resumable, a few minutes on a core."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
import typer
from safetensors.torch import save_file
from torch import Tensor

from .judge import FILE, LABELS, PLACES, Judge, Towers, judge_of, new_judge, view
from .scenes import FIRST_HELD_OUT, SIZE, Scene, Thing, caption, render, scene, text

BATCH = 64
TOWER_SHARE = 0.5  # of the steps that train the towers too; a caption is harder than a label
Row = tuple[Tensor, Tensor, Thing, Scene]  # picture (3, 128, 128), mask (1, 128, 128), the thing in it, its scene


def region(whole: Scene, index: int) -> Tensor:
    """The part of the picture that belongs to thing ``index`` by its relations: all of it, a half or a quarter. (1, 128, 128)."""
    share = torch.zeros(1, SIZE, SIZE)
    top, bottom, left, right = 0, SIZE, 0, SIZE
    half = SIZE // 2
    for number, relation in enumerate(whole.relations, 1):
        mine = relation if index == 0 else {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}[relation]
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


def rows_of(seed: int, rng: np.random.Generator) -> list[Row]:
    """The scene of ``seed`` as rows: each thing with its own mask, a little grown, or with its region of the picture."""
    whole = scene(seed)
    shown = render(whole)
    picture = torch.from_numpy(shown.image).permute(2, 0, 1).float() / 255
    out: list[Row] = []
    for index, thing in enumerate(whole.things):
        grown = int(rng.integers(0, 5))
        mask = torch.from_numpy(shown.masks[index]).float()[None]
        out.append((picture, F.max_pool2d(mask[None], 2 * grown + 1, 1, grown)[0], thing, whole))
        if thing.count == 1:
            out.append((picture, region(whole, index), thing, whole))
    return out


def answers(thing: Thing) -> dict[str, str]:
    return {"kind": thing.kind, "colour": thing.colour, "texture": thing.texture, "state": thing.state, "count": str(thing.count)}


def worsen(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Blur and noise, as an autoencoder leaves them, so that the judge looks at shapes and not at crisp edges."""
    blur = torch.rand(len(pictures), 1, 1, 1, generator=generator)
    soft = F.avg_pool2d(F.pad(pictures, (1, 1, 1, 1), mode="replicate"), 3, 1)
    noise = torch.randn(pictures.shape, generator=generator) * 0.05 * torch.rand(len(pictures), 1, 1, 1, generator=generator)
    return (pictures + (soft - pictures) * blur + noise).clamp(0, 1)


def contrastive(towers: Towers, pictures: Tensor, captions: list[str]) -> Tensor:
    """CLIP's loss: each picture finds its caption among the batch's, each caption its picture."""
    scores = towers.image(pictures) @ towers.text(captions).T * towers.temperature.exp().clamp(max=50)
    target = torch.arange(len(pictures))
    return (F.cross_entropy(scores, target) + F.cross_entropy(scores.T, target)) / 2


def accuracy(judge: Judge, rows: list[Row]) -> dict[str, float]:
    """Share of right labels over the rows, one for each attribute, and for the background."""
    right: dict[str, list[bool]] = {name: [] for name in (*LABELS, "background")}
    for picture, mask, thing, whole in rows:
        seen = judge.look(picture[None], mask[None])
        for name in LABELS:
            right[name].append(seen[name] == answers(thing)[name])
        right["background"].append(judge.background(picture[None]) == whole.background)
    return {name: float(np.mean(values)) for name, values in right.items()}


def main(minutes: float = 6.0, scenes: int = 8000, file: Path = FILE, work: Path = Path("training/judge.pt"), rate: float = 2e-3) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    parts, generator, rng = new_judge(), torch.Generator().manual_seed(0), np.random.default_rng(0)
    spent = 0.0
    if work.exists():
        state = torch.load(work, weights_only=True)
        parts.load_state_dict(state["parts"])
        spent = state["spent"]
    rows = [row for seed in range(700_000, 700_000 + scenes) for row in rows_of(seed, rng)]
    optimiser = torch.optim.AdamW(parts.parameters(), rate, weight_decay=0.02)
    judge, begun, saved = judge_of(parts), time.monotonic() - spent, time.monotonic()
    step = 0
    while (done := (time.monotonic() - begun) / (minutes * 60)) < 1:
        for group in optimiser.param_groups:
            group["lr"] = rate * max(0.01, 1 - done)
        chosen = [rows[int(k)] for k in rng.integers(len(rows), size=BATCH)]
        pictures = worsen(torch.stack([row[0] for row in chosen]), generator)
        seen = judge.things(view(pictures, torch.stack([row[1] for row in chosen])))
        loss = sum((F.cross_entropy(seen[name], torch.tensor([labels.index(answers(row[2])[name]) for row in chosen]))
                    for name, labels in LABELS.items()), torch.zeros(()))
        small = F.interpolate(pictures, size=(32, 32), mode="area")
        loss = loss + F.cross_entropy(judge.places(small), torch.tensor([PLACES.index(row[3].background) for row in chosen]))
        if rng.random() < TOWER_SHARE:
            loss = loss + contrastive(judge.towers, pictures, [text(caption(row[3], rng)) for row in chosen])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        step += 1
        if time.monotonic() - saved > 60:
            saved = time.monotonic()
            torch.save({"parts": parts.state_dict(), "spent": saved - begun}, work.with_suffix(".part"))
            os.replace(work.with_suffix(".part"), work)
            print(f"step {step}  {(saved - begun) / 60:.1f} min  loss {float(loss):.3f}", flush=True)
    parts.eval()
    file.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: weight.contiguous() for name, weight in parts.state_dict().items()}, file)
    held_out = [row for seed in range(FIRST_HELD_OUT, FIRST_HELD_OUT + 500) for row in rows_of(seed, rng)]
    print({name: round(value, 4) for name, value in accuracy(judge, held_out).items()})


if __name__ == "__main__":
    typer.run(main)
