"""How fast the algorithms are beside stock diffusers pipelines.

Ratios of pairs timed in one run, with rows and forwards counted.
"""

from __future__ import annotations

import json
import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from diffusers import StableDiffusionImg2ImgPipeline, StableDiffusionInstructPix2PixPipeline
from rich.table import Table

from .. import EditRequest, Models, Store, edit, events, load_models
from ..sketchbook import folder
from ..sketchbook.edit_sentences import instruction, join, source_caption, target_caption
from ..sketchbook.edits import edit as exact_edit
from ..sketchbook.edits import render_edit
from ..sketchbook.scenes import FIRST_HELD_OUT, text
from ..sketchbook.verdict import to_tensor
from .printing import show

app = typer.Typer(help=__doc__)

GUIDANCE = {"guidance_scale": 7.5, "output_type": "pt"}


class Kept(dict[str, object]):
    """The simplest store: it keeps everything."""

    def put(self, key: str, value: object) -> None:
        self[key] = value


@dataclass(frozen=True)
class Pair:
    """One of our edits and the stock pipeline to compare it with.

    The edit should be faster or as fast, row for row.
    """

    name: str
    ours: Callable[[], events.Done]
    peer: Callable[[], Any]
    peer_rows: int


class Pairs:
    """Makes both sides of each pair.

    From the same weights, picture, words and number of rows.
    """

    def __init__(self, path: Path, device: str, seed: int, steps: int) -> None:
        self.models: Models = load_models(path, device)
        self.path, self.device, self.seed, self.steps = path, device, seed, steps
        self.case = exact_edit(seed, "recolour")
        size = self.models.get("instruction").native_size
        picture = to_tensor(render_edit(self.case).before.image)
        self.image = torch.nn.functional.interpolate(
            picture, size=(size, size), mode="area" if size < 128 else "nearest"
        )

    def stock(self, kind: Any, variant: str) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = kind.from_pretrained(
                self.path / variant, torch_dtype=self.models.dtype, safety_checker=None
            )
        made.set_progress_bar_config(disable=True)
        return made.to(self.device)

    def run(
        self, algorithm: str, parameters: dict[str, Any], words: str, store: Store | None = None
    ) -> events.Done:
        request = EditRequest(
            algorithm,
            words,
            self.image,
            seed=self.seed,
            parameters=parameters,
            caption=source_caption(self.case),
        )
        return [
            event for event in edit(self.models, request, store) if isinstance(event, events.Done)
        ][-1]

    def all(self) -> list[Pair]:
        words, both = (
            text(join(instruction(self.case))),
            f"{source_caption(self.case)} => {target_caption(self.case)}",
        )
        pix2pix = self.stock(StableDiffusionInstructPix2PixPipeline, "instruction")
        img2img = self.stock(StableDiffusionImg2ImgPipeline, "text-to-image")
        run = round(0.8 * self.steps)
        store, schedule = Kept(), {"steps": self.steps}

        def instruct() -> Any:
            return pix2pix(
                words,
                image=self.image,
                num_inference_steps=run,
                image_guidance_scale=1.5,
                **GUIDANCE,
            )

        def noised() -> Any:
            return img2img(
                target_caption(self.case),
                image=self.image,
                strength=0.5,
                num_inference_steps=self.steps,
                **GUIDANCE,
            )

        return [
            Pair(
                "FoI, beside InstructPix2Pix of as many rows",
                lambda: self.run("foi", schedule, words),
                instruct,
                3 * run,
            ),
            Pair(
                "InstructPix2Pix on our loop, beside the stock one",
                lambda: self.run("ip2p", schedule, words),
                instruct,
                3 * run,
            ),
            Pair(
                "SDEdit on our loop, beside image to image",
                lambda: self.run("sdedit", schedule, both),
                noised,
                2 * (self.steps // 2),
            ),
            Pair(
                "AdapEdit again on the same layer, beside its first edit",
                lambda: self.run("adapedit", schedule, both, store),
                lambda: self.run("adapedit", schedule, both),
                0,
            ),
        ]


def seconds(work: Callable[[], Any], device: str) -> tuple[float, Any]:
    begun = time.perf_counter()
    result = work()
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    return time.perf_counter() - begun, result


@app.command()
def main(
    pairs: Annotated[int, typer.Option(help="timed pairs of each; their median counts")] = 5,
    steps: Annotated[int, typer.Option(help="steps of the whole schedule")] = 50,
    device: Annotated[str, typer.Option(help="cpu or cuda")] = "cpu",
    model: Annotated[
        Path | None,
        typer.Option(help="a folder with the three variants; the bundled one by default"),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="write the figures there too")
    ] = None,
) -> None:
    """Time pairs in turn, after one warm-up each. Example: limn bench speed --pairs 5"""
    table = Table(
        "pair",
        "ratio of seconds",
        "lowest",
        "highest",
        "our rows",
        "forwards",
        "peer's rows",
        title=f"speed on {device}",
    )
    figures = []
    for pair in Pairs(model or folder(), device, FIRST_HELD_OUT + 3, steps).all():
        pair.ours(), pair.peer()
        ratios = []
        for _ in range(pairs):
            mine, done = seconds(pair.ours, device)
            theirs, other = seconds(pair.peer, device)
            ratios.append(mine / theirs)
        rows = pair.peer_rows or other.report.rows
        middle = statistics.median(ratios)
        figures.append(
            {
                "pair": pair.name,
                "ratio": middle,
                "lowest": min(ratios),
                "highest": max(ratios),
                "rows": done.report.rows,
                "forwards": done.report.forwards,
                "peer rows": rows,
            }
        )
        table.add_row(
            pair.name,
            f"{middle:.2f}",
            f"{min(ratios):.2f}",
            f"{max(ratios):.2f}",
            str(done.report.rows),
            str(done.report.forwards),
            str(rows),
        )
    show(table)
    if json_file:
        json_file.write_text(
            json.dumps({"device": device, "steps": steps, "pairs": figures}, indent=2) + "\n"
        )
