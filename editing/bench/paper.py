"""The papers' own evaluations, on their data sets and with real weights.

Our figures stand beside those that they printed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from PIL import Image
from rich.console import Console
from rich.progress import track
from torch import Tensor
from torch.nn import functional as F

from .. import ALGORITHMS
from ..diffusion.loading import Models, load_models
from ..diffusion.model import Branch, Model
from ..diffusion.sampling import classifier_free, denoise
from ..diffusion.schedule import DDIM, Timestep, randn
from ..sketchbook import folder
from . import page, sheet
from .methods import PRESETS, Answer, Changes, ask, known_methods
from .options import Device, Sets, Sweeps
from .paper_figures import figures
from .paper_report import frechet, table_of
from .paper_sets import READERS, DataError, Sample
from .paper_tables import EVALUATIONS, Evaluation
from .perception import Perception, Sources
from .printing import show
from .quality import listed
from .quality_cases import written
from .records import Record, Records
from .variations import merged, settings

app = typer.Typer(help=__doc__)

GUIDANCE = 7.5
STEPS = 50  # of a picture that is generated because the data set has texts only


# ---------------------------------------------------------------- the run


def generated(
    model: Model, text: str, seed: int, steps: int = 0, guidance: float = GUIDANCE
) -> Tensor:
    """A picture of a text: 50 DDIM steps at guidance 7.5, or as many as asked for.

    For data sets that have texts only, and for edits from a picture's own noise.
    """
    branches = [Branch("null", model.embed("")), Branch("text", model.embed(text))]
    side = model.native_size // model.factor
    z = randn((1, 4, side, side), torch.Generator("cpu").manual_seed(seed), model.device)

    def predict(z: Tensor, now: Timestep, _: Timestep) -> Tensor:
        noise = model.predict(z, now.t, branches)
        return classifier_free(noise["null"], noise["text"], guidance)

    for progress in denoise(z, model.schedule.ddim(steps or STEPS), DDIM(), predict):
        z = progress.latents
    return model.decode(z).cpu()


def own_noise_of(methods: Sequence[str]) -> Changes:
    """The parameters with which methods edit a generated picture from its own noise.

    Those that cannot keep theirs.
    """
    can = [m for m in methods if any(p.name == "origin" for p in ALGORITHMS[m].parameters)]
    return {m: {"origin": "seed", "steps": STEPS, "guidance": GUIDANCE} for m in can}


def before_of(
    models: Models, sample: Sample, number: int, out: Path, generate: bool = False
) -> Tensor:
    """A sample's picture, kept as a file for FID.

    One that has to be generated is read from there the second time. generate: also where the set
    has a picture.
    """
    file = out / "before" / f"{number}.png"
    if not file.exists():
        made = (
            sample.load()
            if sample.picture is not None and not generate
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
    set_: Sets = None,
    sweep: Sweeps = None,
    composite: Annotated[
        bool,
        typer.Option(
            "--composite",
            help="Measure what a painter gets, with the original outside the mask; the methods' "
            "own pictures else, which is what the papers measured.",
        ),
    ] = False,
    own_noise: Annotated[
        bool,
        typer.Option(
            "--own-noise",
            help="Make each picture from its caption, and edit it from its own noise where the "
            "method can (AdapEdit, p2p, masactrl).",
        ),
    ] = False,
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

    They are written as index.html, too, with a plot of success against damage.

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
        chosen = settings(wanted, sets=set_ or (), sweeps=sweep or ())
        if own_noise:
            base = own_noise_of(wanted)
            chosen = [replace(one, changed=merged(base, one.changed)) for one in chosen]
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
    (place / "before").mkdir(parents=True, exist_ok=True)
    pieces = [
        (i, sample, seed, method)
        for i, sample in enumerate(samples)
        for seed in range(seeds or evaluation.seeds)
        for method in wanted
    ]
    by_setting: dict[str, list[Record]] = {}
    tables = []
    for setting in chosen:
        home = setting.folder(place)
        records = records_of(home / f"{name}.jsonl", setting.changed, composite)
        (home / "edits").mkdir(parents=True, exist_ok=True)
        todo = [piece for piece in pieces if (piece[1].name, piece[2], piece[3]) not in records]
        err.print(f"{len(pieces)} edits, {len(pieces) - len(todo)} of them done before")
        for number, sample, seed, method in track(
            todo, setting.name or "editing", console=err, disable=not todo
        ):
            before = before_of(models, sample, number, place, own_noise)
            drawn = number if own_noise else seed
            answer = ask(models, method, sample.words, before, drawn, preset, setting.changed)
            record: dict[str, Any] = {
                "sample": sample.name,
                "number": number,
                "seed": seed,
                "method": method,
                "group": sample.group,
                "changed": written(setting.changed),
                "composite": composite,
            }
            if answer.done is None:
                records.add(record | {"refusal": answer.refusal})
                continue
            answer = answer if composite else uncomposited(answer)
            assert answer.done is not None
            file = home / "edits" / f"{number}-{seed}-{method}.png"
            sheet.to_image(answer.done.image).save(file)
            found = figures(evaluation, eyes, fitted(sample, before), before, answer)
            records.add(record | found)
        asked = {(sample.name, seed, method) for _, sample, seed, method in pieces}
        own = by_setting[setting.name] = [r for r in records.all if key_of(r) in asked]
        fid = {}
        if "fid" in evaluation.columns:
            fid = frechet(eyes, own, place / "before", home / "edits")
        tables.append(table_of(evaluation, own, wanted, fid, setting.name))
        show(tables[-1])
    shown = page.write(
        place, f"limn bench paper {name}", tables, by_setting, wanted, axes_of(evaluation)
    )
    err.print(str(shown))
    for reason in dict.fromkeys(eyes.missing.values()):
        err.print(f"[yellow]left out[/] {reason}")
    refused = [r["refusal"] for own in by_setting.values() for r in own if "refusal" in r]
    if refused:
        err.print(
            f"[yellow]note[/] {len(refused)} edits were refused, the first with: {refused[0]}"
        )


def records_of(file: Path, changed: Changes, composite: bool) -> Records:
    """The records of a run. Raises typer.BadParameter for those of other settings."""
    try:
        records = Records(file, key_of)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    now = (written(changed), composite)
    for record in records.all:
        if (record.get("changed", []), record.get("composite", True)) != now:
            raise typer.BadParameter(
                f"{file} holds a run with other --set or --composite; choose another --out."
            )
    return records


def uncomposited(answer: Answer) -> Answer:
    """The method's own whole picture, without the mask that puts the original back."""
    done = answer.done
    if done is None or done.whole is None:
        return answer
    top, left, bottom, right = done.box
    image = done.image.clone()
    image[..., top:bottom, left:right] = done.whole()
    return replace(answer, done=replace(done, image=image))


def axes_of(evaluation: Evaluation) -> page.Axes:
    """What its plot shows: TAS's Fig. 6, or the nearest to it."""
    columns = evaluation.columns
    success = next((c for c in ("clip_score", "clip_direction", "c_m") if c in columns), columns[0])
    if "lpips" in columns:
        return page.Axes("lpips", success, "LPIPS (to the right: more damage)", success)
    if "clip_i" in columns:
        return page.Axes("clip_i", success, "CLIP-I (to the right: more damage)", success, True)
    return page.Axes("c_non", success, "change outside the mask", success)
