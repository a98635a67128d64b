"""Real models: what loading takes, and a step, beside diffusers.

Each load is measured in a process of its own, steps in turns in one process.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import psutil
import torch
import typer
from rich.table import Table

from ..diffusion import moving
from ..diffusion.loading import Models, load_models
from ..diffusion.model import Model
from ..diffusion.recognition import recognise
from ..editor import edit
from ..events import Step
from ..request import EditRequest
from . import random_weights
from .printing import show
from .trial.pictures import pictures

app = typer.Typer(help=__doc__)

GIGA = 1e9

SAMPLE_SECONDS = 0.005
"""Between two looks at the memory."""

LOAD_SECONDS = 600
"""For one load."""


@dataclass(frozen=True)
class Load:
    """What loading a checkpoint took.

    place, size: what was loaded, its bytes on disk. by: "Limn" or "diffusers". seconds, cpu: on the
    wall's clock and on the processor's. peak, kept: bytes of memory beyond the libraries', at most
    and in the end; files that are mapped into memory are not counted, since they can be given back
    at once. trouble: why there are no figures.
    """

    place: str
    size: int
    by: str
    seconds: float = 0.0
    cpu: float = 0.0
    peak: int = 0
    kept: int = 0
    trouble: str = ""


def by_limn(place: Path, _: Path) -> object:
    """Everything that an edit needs of the place's first variant."""
    return _first(load_models(place))


def by_limn_wide(place: Path, _: Path) -> object:
    """The same in float32, whatever this CPU multiplies."""
    return _first(load_models(place, dtype=torch.float32))


def _first(models: Models) -> Model:
    return models.get(next(iter(models.checkpoints)))


def by_diffusers(place: Path, config: Path) -> object:
    """A stock pipeline.

    config: a folder with the configuration of a single file, offline.
    """
    import diffusers

    kind: Any = getattr(diffusers, random_weights.PIPELINES[recognise(place).variant or ""])
    if place.is_dir():
        half = any(place.glob("unet/*.fp16.*"))
        return kind.from_pretrained(place, variant="fp16" if half else None, safety_checker=None)
    return kind.from_single_file(
        str(place), config=str(config), local_files_only=True, safety_checker=None
    )


LOADERS: dict[str, Callable[[Path, Path], object]] = {
    "Limn": by_limn,
    "Limn, float32": by_limn_wide,
    "diffusers": by_diffusers,
}


def measure(by: str, place: Path, config: Path) -> dict[str, float]:
    """One load in this process, by one of LOADERS."""
    if by == "diffusers":
        import diffusers.loaders  # noqa: F401  what is imported is not what is loaded
    before = _anonymous()
    most, over = [before], threading.Event()

    def watch() -> None:
        while not over.wait(SAMPLE_SECONDS):
            most[0] = max(most[0], _anonymous())

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    began, cpu = time.perf_counter(), time.process_time()
    loaded = LOADERS[by](place, config)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    over.set()
    thread.join()
    kept = _anonymous() - before
    del loaded
    return {"seconds": seconds, "cpu": cpu, "peak": most[0] - before, "kept": max(0, kept)}


def load(by: str, place: Path, config: Path) -> Load:
    """One load in a process of its own."""
    size = sum(file.stat().st_size for file in _files(place))
    code = (
        "import json, sys; from pathlib import Path; from limn.editing.bench import models; "
        "print(json.dumps(models.measure(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))))"
    )
    command = [sys.executable, "-P", "-W", "ignore", "-c", code, by, str(place), str(config)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=LOAD_SECONDS, check=False
    )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [f"status {done.returncode}"]
        return Load(place.name, size, by, trouble=last[0][:200])
    return Load(place.name, size, by, **json.loads(done.stdout.splitlines()[-1]))


def _files(place: Path) -> Iterator[Path]:
    return place.rglob("*.safetensors") if place.is_dir() else iter((place,))


def _anonymous() -> int:
    """Bytes of this process without files that are mapped into it."""
    told = psutil.Process().memory_info()
    return int(told.rss - getattr(told, "shared", 0))


@dataclass(frozen=True)
class Steps:
    """Processor seconds of a step, by who makes it: the median, and beside diffusers'."""

    by: str
    seconds: float
    ratio: float


def steps(place: Path, side: int, count: int, rounds: int) -> list[Steps]:
    """InstructPix2Pix by diffusers and on Limn's loop, and FoI.

    All have the same networks, and three rows a step. InstructPix2Pix also in bfloat16.

    side: pixels. In each of `rounds` rounds each of them makes `count` steps.
    """
    wide, narrow = (load_models(place, dtype=one) for one in (torch.float32, torch.bfloat16))
    wide.native_size = narrow.native_size = side
    model = wide.get("instruction")
    picture = pictures(side)[0]
    words = f"make the {next(iter(picture.masks))} blue"

    def limn(algorithm: str, parameters: dict[str, Any], models: Models = wide) -> list[float]:
        request = EditRequest(algorithm, words, picture.image, seed=1, parameters=parameters)
        clock = [time.process_time() for one in edit(models, request) if isinstance(one, Step)]
        return [after - before for before, after in pairwise(clock)]

    def stock() -> list[float]:
        clock: list[float] = []

        def stepped(pipe: Any, index: int, t: Any, kept: dict[str, Any]) -> dict[str, Any]:
            clock.append(time.process_time())
            return kept

        with _pipeline(model) as pipe:
            pipe(
                words,
                image=picture.image,
                num_inference_steps=count,
                output_type="latent",
                callback_on_step_end=stepped,
            )
        return [after - before for before, after in pairwise(clock)]

    makers: dict[str, Callable[[], list[float]]] = {
        "diffusers": stock,
        "Limn, InstructPix2Pix": lambda: limn("ip2p", {"steps": count}),
        "Limn, FoI": lambda: limn("foi", {"steps": count, "start": 1.0}),
        "Limn, InstructPix2Pix, bfloat16": lambda: limn("ip2p", {"steps": count}, narrow),
    }
    taken: dict[str, list[float]] = {name: [] for name in makers}
    for _ in range(rounds):
        for name, make in makers.items():
            taken[name] += make()
    theirs = statistics.median(taken["diffusers"])
    medians = {name: statistics.median(seconds) for name, seconds in taken.items()}
    return [Steps(name, median, median / theirs) for name, median in medians.items()]


@contextmanager
def _pipeline(model: Any) -> Iterator[Any]:
    """diffusers' own pipeline of the model's networks, with diffusers' own attention."""
    from diffusers import DDIMScheduler, StableDiffusionInstructPix2PixPipeline
    from diffusers.models.attention_processor import AttnProcessor2_0

    held = dict(model.unet.attn_processors)
    kind: Any = StableDiffusionInstructPix2PixPipeline
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipe = kind(
            model.vae, model.text_encoder, model.tokenizer, model.unet, DDIMScheduler(), None, None,
            requires_safety_checker=False,
        )  # fmt: skip
    pipe.set_progress_bar_config(disable=True)
    model.unet.set_attn_processor(AttnProcessor2_0())
    try:
        with moving.visiting((model.vae, model.text_encoder), model.device, model.unet.dtype):
            yield pipe
    finally:
        model.unet.set_attn_processor(held)


def build(folder: Path) -> list[Path]:
    """Stable Diffusion 1.5's size, random weights: two folders and three single files."""
    made = [
        random_weights.write_folder(folder / "folder-fp32", "instruction", "F32"),
        random_weights.write_folder(folder / "folder-fp16", "instruction", "F16"),
    ]
    for name, dtype, ema in (("fp16", "F16", False), ("fp32", "F32", False), ("ema", "F32", True)):
        shapes = random_weights.shapes(8, dtype, ema=ema)
        made.append(random_weights.write(folder / f"{name}.safetensors", shapes))
    return made


@app.command()
def main(
    places: Annotated[
        list[Path] | None,
        typer.Argument(help="Models; without any, random weights of full size, 21 GB for a while."),
    ] = None,
    side: Annotated[int, typer.Option(help="Pixels of the steps' picture.")] = 256,
    count: Annotated[int, typer.Option("--steps", min=2, help="Steps of each in a round.")] = 3,
    rounds: Annotated[int, typer.Option(help="Rounds; 0: loads alone.")] = 3,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the figures there, too.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(help="Where random weights are written, and stay.")
    ] = None,
) -> None:
    """Loads and steps beside diffusers.

    Example: limn bench models ~/models/instruct-pix2pix
    """
    with tempfile.TemporaryDirectory(prefix="limn-models-") as scratch:
        made = list(places or ()) or build(folder or Path(scratch))
        config = next((place for place in made if place.is_dir()), made[0])
        loads = [load(by, place.absolute(), config.absolute()) for place in made for by in LOADERS]
        table = Table("model", "GB", "by", "CPU s", "peak GB", "of its size", "kept GB")
        for one in loads:
            figures = (
                f"{one.cpu:.1f}", f"{one.peak / GIGA:.2f}", f"{one.peak / one.size:.2f}",
                f"{one.kept / GIGA:.2f}",
            )  # fmt: skip
            told = (one.trouble, "", "", "") if one.trouble else figures
            table.add_row(one.place, f"{one.size / GIGA:.2f}", one.by, *told)
        show(table)
        timed = []
        instruction = next(
            (place for place in made if recognise(place).variant == "instruction"), None
        )
        if rounds and instruction is not None:
            timed = steps(instruction, side, count, rounds)
            table = Table("a step by", "CPU s", "beside diffusers")
            for step in timed:
                table.add_row(step.by, f"{step.seconds:.2f}", f"{step.ratio:.3f}")
            show(table)
    if json_file:
        figures_of = {"loads": [*map(asdict, loads)], "steps": [*map(asdict, timed)]}
        json_file.write_text(json.dumps(figures_of, indent=1) + "\n", encoding="utf-8")
