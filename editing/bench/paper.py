"""The papers' own evaluations, on their data sets and with real weights.

Our figures stand beside those that they printed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from statistics import mean
from typing import Annotated, Any

import torch
import typer
from PIL import Image
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import Tensor
from torch.nn import functional as F

from .. import ALGORITHMS
from ..diffusion.loading import Models, load_models
from ..diffusion.model import Branch, Model
from ..diffusion.sampling import classifier_free, denoise
from ..diffusion.schedule import DDIM, Timestep, randn
from ..sketchbook import folder
from . import metrics, sheet
from .methods import PRESETS, ask, known_methods
from .options import Device
from .paper_figures import figures
from .paper_sets import READERS, DataError, Sample
from .paper_tables import EVALUATIONS, Evaluation
from .perception import MissingWeights, Perception, Sources
from .quality import listed
from .records import Record, Records

app = typer.Typer(help=__doc__)

GUIDANCE = 7.5
STEPS = 50  # of a picture that is generated because the data set has texts only


# ---------------------------------------------------------------- the run


def generated(model: Model, text: str, seed: int) -> Tensor:
    """A picture of a text: 50 DDIM steps at guidance 7.5.

    For data sets that have texts only.
    """
    branches = [Branch("null", model.embed("")), Branch("text", model.embed(text))]
    side = model.native_size // model.factor
    z = randn((1, 4, side, side), torch.Generator("cpu").manual_seed(seed), model.device)

    def predict(z: Tensor, now: Timestep, _: Timestep) -> Tensor:
        noise = model.predict(z, now.t, branches)
        return classifier_free(noise["null"], noise["text"], GUIDANCE)

    for progress in denoise(z, model.schedule.ddim(STEPS), DDIM(), predict):
        z = progress.latents
    return model.decode(z).cpu()


def before_of(models: Models, sample: Sample, number: int, out: Path) -> Tensor:
    """A sample's picture, kept as a file for FID.

    One that has to be generated is read from there the second time.
    """
    file = out / "before" / f"{number}.png"
    if not file.exists():
        made = (
            sample.load()
            if sample.picture is not None
            else generated(models.get("text-to-image"), sample.words.source, number)
        )
        sheet.to_image(made).save(file)
    with Image.open(file) as kept:
        return sheet.to_tensor(kept.convert("RGB"))


def fitted(sample: Sample, image: Tensor) -> Sample:
    """The sample with its mask at the picture's size."""
    if sample.mask is None or sample.mask.shape[2:] == image.shape[2:]:
        return sample
    mask = F.interpolate(sample.mask, size=image.shape[2:], mode="nearest")
    return Sample(sample.name, sample.picture, sample.words, mask, sample.group)


def shares(records: Sequence[Record]) -> dict[str, list[float]]:
    """PickScore as the papers print it, by method.

    The softmax over the compared methods of a sample's logits.
    """
    by_sample: dict[tuple[str, int], dict[str, float]] = defaultdict(dict)
    for record in records:
        if record.get("pickscore") is not None:
            by_sample[record["sample"], record["seed"]][record["method"]] = record["pickscore"]
    found: dict[str, list[float]] = defaultdict(list)
    for scores in by_sample.values():
        for method, share in zip(
            scores, torch.tensor(list(scores.values())).softmax(0).tolist(), strict=True
        ):
            found[method].append(share)
    return found


def frechet(eyes: Perception, records: Sequence[Record], out: Path) -> dict[str, float]:
    """FID between the pictures before and each method's edits."""
    found = {}
    for method in {record["method"] for record in records}:
        own = [
            record for record in records if record["method"] == method and "refusal" not in record
        ]
        try:
            metric = eyes.fid()
        except MissingWeights as error:
            eyes.missing["fid"] = str(error)
            return {}
        for record in own:
            for side, real in (("before", True), ("edits", False)):
                name = (
                    f"{record['number']}.png"
                    if real
                    else f"{record['number']}-{record['seed']}-{method}.png"
                )
                picture = F.interpolate(
                    sheet.to_tensor(Image.open(out / side / name).convert("RGB")),
                    size=(299, 299),
                    mode="bilinear",
                )
                metric.update(picture.to(eyes.device), real=real)
        if len(own) > 1:
            found[method] = float(metric.compute())
    return found


def table_of(
    evaluation: Evaluation,
    records: Sequence[Record],
    methods: Sequence[str],
    fid: Mapping[str, float],
) -> Table:
    """One line a method; under it, in brackets, what its paper printed."""
    table = Table("method", "samples", *evaluation.columns, "rows", title=evaluation.title)
    preference = shares(records)
    for method in methods:
        own = [
            record for record in records if record["method"] == method and "refusal" not in record
        ]
        cells = []
        for column in evaluation.columns:
            values = [record[column] for record in own if record.get(column) is not None]
            if column == "ratio":
                value = metrics.ratio(
                    [r["c_m"] for r in own if r.get("c_m") is not None],
                    [r["c_non"] for r in own if r.get("c_non") is not None],
                )
            elif column == "pickscore":
                value = mean(preference[method]) if preference.get(method) else None
            else:
                value = fid.get(method) if column == "fid" else mean(values) if values else None
            cells.append("-" if value is None else f"{value:.4g}")
        rows = [record["rows"] for record in own]
        table.add_row(method, str(len(own)), *cells, f"{mean(rows):.0f}" if rows else "-")
        if method in evaluation.printed:
            table.add_row(
                "  (printed)",
                "",
                *("-" if v is None else f"({v:g})" for v in evaluation.printed[method]),
                "",
                style="dim",
            )
    return table


def key_of(record: Record) -> tuple[str, int, str]:
    return record["sample"], record["seed"], record["method"]


@app.command()
def main(
    name: Annotated[str, typer.Argument(help=f"One of: {', '.join(READERS)}.")],
    data: Annotated[
        Path, typer.Option(metavar="FOLDER", help="The data set, as its authors publish it.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Where to write; an interrupted run there goes on. Default: paper-NAME.",
        ),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Real weights. The bundled model says nothing about a paper."
        ),
    ] = None,
    device: Device = "cpu",
    methods: Annotated[
        list[str] | None,
        typer.Option(metavar="A,B", help="Default: those that the paper compared."),
    ] = None,
    cases: Annotated[int, typer.Option(min=0, help="Only the first N samples; 0: all.")] = 0,
    preset: Annotated[
        str, typer.Option(help="paper: each paper's own settings; fast, quick: fewer steps.")
    ] = "paper",
    seeds: Annotated[
        int, typer.Option(min=0, help="Edits of each sample; 0: as many as the paper made.")
    ] = 0,
    clip: Annotated[
        str, typer.Option(help="CLIP's weights: a name or a folder; empty leaves it out.")
    ] = Sources.clip,
    dino: Annotated[str, typer.Option(help="DINOv2's, for DINO-I.")] = Sources.dino,
    pick: Annotated[str, typer.Option(help="PickScore's.")] = Sources.pick,
    structure: Annotated[
        str, typer.Option(help="DINO's, for structure distance.")
    ] = Sources.structure,
    aesthetic: Annotated[
        str, typer.Option(help="The aesthetic predictor's file.")
    ] = Sources.aesthetic,
    lpips: Annotated[
        str, typer.Option(help="LPIPS's backbone: alex, vgg or squeeze; empty leaves it out.")
    ] = Sources.lpips,
) -> None:
    """Run a paper's evaluation and print our figures above those that it printed.

    Example:  limn bench paper editing-mask --data Editing-Mask --model stable-diffusion
    """
    if name not in READERS:
        raise typer.BadParameter(
            f"There is no evaluation {name!r}; there are {', '.join(READERS)}."
        )
    if preset not in PRESETS:
        raise typer.BadParameter(f"There is no preset {preset!r}; there are {', '.join(PRESETS)}.")
    evaluation = EVALUATIONS[name]
    place = out or Path(f"paper-{name}")
    err = Console(stderr=True)
    try:
        samples = list(islice(READERS[name](data), cases or None))
        wanted = known_methods(
            listed(methods) or [m for m in evaluation.methods if m in ALGORITHMS]
        )
        records = Records(place / f"{name}.jsonl", key_of)
    except DataError as error:
        raise typer.BadParameter(
            f"{error} Is this the data set {name!r}?", param_hint="--data"
        ) from error
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    if not samples:
        raise typer.BadParameter(f"{data} holds no samples.", param_hint="--data")
    if model is None:
        err.print(
            "[yellow]note[/] This is the bundled model; the printed figures are of Stable "
            "Diffusion. Give real weights with --model."
        )
    models = load_models(model or folder(), device)
    eyes = Perception(Sources(clip, dino, pick, structure, aesthetic, lpips), device)
    for part in ("before", "edits"):
        (place / part).mkdir(parents=True, exist_ok=True)
    work = [
        (i, sample, seed, method)
        for i, sample in enumerate(samples)
        for seed in range(seeds or evaluation.seeds)
        for method in wanted
    ]
    todo = [piece for piece in work if (piece[1].name, piece[2], piece[3]) not in records]
    err.print(f"{len(work)} edits, {len(work) - len(todo)} of them done before")
    for number, sample, seed, method in track(todo, "editing", console=err, disable=not todo):
        before = before_of(models, sample, number, place)
        answer = ask(models, method, sample.words, before, seed, preset)
        record: dict[str, Any] = {
            "sample": sample.name,
            "number": number,
            "seed": seed,
            "method": method,
            "group": sample.group,
        }
        if answer.done is None:
            records.add(record | {"refusal": answer.refusal})
            continue
        sheet.to_image(answer.done.image).save(place / "edits" / f"{number}-{seed}-{method}.png")
        records.add(record | figures(evaluation, eyes, fitted(sample, before), before, answer))
    asked = {(sample.name, seed, method) for _, sample, seed, method in work}
    chosen = [record for record in records.all if key_of(record) in asked]
    fid = frechet(eyes, chosen, place) if "fid" in evaluation.columns else {}
    Console().print(table_of(evaluation, chosen, wanted, fid))
    for reason in dict.fromkeys(eyes.missing.values()):
        err.print(f"[yellow]left out[/] {reason}")
    refused = [record["refusal"] for record in chosen if "refusal" in record]
    if refused:
        err.print(
            f"[yellow]note[/] {len(refused)} edits were refused, the first with: {refused[0]}"
        )
