"""Trains the sketchbook: ``python -m limn.editing.sketchbook.train STAGE``.

One command a stage, each resumable at any kill.

    autoencoder  ->  data  ->  denoiser (small latents, then full size)  ->  decoder  ->  export

On a GPU, ``--device cuda`` and a larger ``--batch``. Everything is kept in ``training/``:
checkpoints, rendered and encoded edits. To look at what it makes, at any time in between: ``export
--folder training/now``, then ``limn bench samples --model training/now``.
"""

from __future__ import annotations

import time
from multiprocessing import Pool
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from diffusers import AutoencoderKL
from torch import Tensor

from ..diffusion.attention import choose_kernels
from . import checkpoints, dataset
from .autoencoder import (
    autoencoder_loss,
    crops,
    decibels,
    half_precision,
    measure_scaling,
    new_autoencoder,
)
from .checkpoints import WORK
from .denoiser import GROUND_WEIGHT, RECOGNITION_WEIGHT, Dataset, Denoiser, averaged
from .drawing import KINDS
from .networks import new_tokenizer, save_variants
from .processes import processes, side_by_side
from .scenes import render, scene

app = typer.Typer(help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False)

WEIGHTS = Path(__file__).parent / "weights"
DEFAULTS: dict[str, dict[str, float | str]] = {  # measured: see the model card
    "foi": {"gamma": "loose", "tau": 0.2, "text_guidance": 1.5},
    "ip2p": {"text_guidance": 1.5},
    "instdiffedit": {"start_map": "plain", "phi": 0.5, "guidance": 1.5},
    "adapedit": {"guidance": 1.5},
}
FIRST_EDIT, FIRST_PICTURE = 0, 500_000  # training seeds of the two data sets

Workers = Annotated[
    int,
    typer.Option(
        help="processes, one core each, that train the same weights; on a GPU there is one"
    ),
]
Device = Annotated[str, typer.Option(help="cpu, cuda, cuda:1, ...")]
Minutes = Annotated[
    float, typer.Option(help="stop after this much time in this stage, all runs together")
]


def _picture(seed: int) -> np.ndarray:
    return render(scene(seed)).image


def _pictures(first: int, count: int) -> np.ndarray:
    with Pool() as pool:
        return np.stack(pool.map(_picture, range(first, first + count), chunksize=64))


def to_images(arrays: np.ndarray) -> Tensor:
    """(batch, height, width, 3) uint8 -> (batch, 3, height, width) in -1..1."""
    return torch.from_numpy(np.ascontiguousarray(arrays)).permute(0, 3, 1, 2).float() / 127.5 - 1


def learning_rate(highest: float, done: float, warm: float, hold: float) -> float:
    """The learning rate: linear warm-up, constant, then linear decay.

    Constant until ``hold``. ``done`` and ``warm`` are shares of the stage.
    """
    return (
        highest
        * min(1.0, (done + 1e-4) / warm)
        * (1.0 if done < hold else max(0.02, (1 - done) / (1 - hold)))
    )


@app.command()
def autoencoder(
    minutes: Minutes = 15,
    pictures: int = 10_000,
    batch: int = 16,
    rate: float = 2e-3,
    workers: Workers = 2,
    device: Device = "cpu",
) -> None:
    """Stage 1: the autoencoder."""
    torch.manual_seed(0)
    _train_autoencoder(
        new_autoencoder(),
        False,
        WORK / "autoencoder.pt",
        minutes,
        pictures,
        batch,
        rate,
        workers,
        device,
    )


@app.command()
def decoder(
    minutes: Minutes = 10,
    pictures: int = 10_000,
    batch: int = 16,
    rate: float = 1e-3,
    workers: Workers = 2,
    device: Device = "cpu",
) -> None:
    """Stage 4: trains the decoder alone, further.

    The latents, which the denoiser knows, stay as they are.
    """
    network = AutoencoderKL.from_pretrained(WORK / "vae")
    _train_autoencoder(
        network, True, WORK / "decoder.pt", minutes, pictures, batch, rate, workers, device
    )


def _train_autoencoder(
    network: AutoencoderKL,
    frozen: bool,
    file: Path,
    minutes: float,
    pictures: int,
    batch: int,
    rate: float,
    workers: int,
    device: str,
) -> None:
    network.to(device)
    workers = processes(workers, device)
    for part in (network.encoder, network.quant_conv) if frozen else ():
        part.requires_grad_(False)
    parts = [weight for weight in network.parameters() if weight.requires_grad]
    spent = 0.0
    if file.exists():
        state = torch.load(file, weights_only=True, map_location="cpu")
        network.load_state_dict(state["network"])
        spent = state["spent"]
    images = to_images(_pictures(FIRST_PICTURE, pictures)).share_memory_()
    held_out = to_images(_pictures(1_000_000, 64)).to(device)

    def work(worker: int) -> None:
        begun, step, saved = time.monotonic() - spent, 0, time.monotonic()
        optimiser = torch.optim.AdamW(parts, rate, betas=(0.9, 0.99))
        generator = torch.Generator().manual_seed(worker + int(spent))
        while (done := (time.monotonic() - begun) / (minutes * 60)) < 1:
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(rate, done, 0.02, 0.3)
            chosen = images[torch.randint(len(images), (batch,), generator=generator)]
            with half_precision(device):
                loss = autoencoder_loss(network, crops(chosen, generator).to(device))
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parts, 1.0)
            optimiser.step()
            step += 1
            if worker == 0 and time.monotonic() - saved > checkpoints.SAVE_EVERY:
                saved = time.monotonic()
                checkpoints.save({"network": network.state_dict(), "spent": saved - begun}, file)
                with torch.no_grad():
                    shown = network.decode(network.encode(held_out).latent_dist.mean).sample
                print(
                    f"step {step} x {workers}  {(saved - begun) / 60:.1f} min  loss "
                    f"{loss.item():.4f}  "
                    f"held-out {decibels(shown, held_out):.2f} dB",
                    flush=True,
                )

    side_by_side(work, workers, network)
    checkpoints.save({"network": network.state_dict(), "spent": minutes * 60}, file)
    if not frozen:
        network.register_to_config(scaling_factor=measure_scaling(network, held_out))
    network.save_pretrained(WORK / "vae")
    with torch.no_grad():
        shown = network.decode(network.encode(held_out).latent_dist.mean).sample
        print(f"held-out {decibels(shown, held_out):.2f} dB", flush=True)


@app.command()
def data(
    count: int = 12_000,
    first: int = FIRST_EDIT,
    side: Annotated[list[int] | None, typer.Option()] = None,
    type: Annotated[
        list[str] | None, typer.Option(help="only edits of these types, in turn")
    ] = None,
    kind: Annotated[
        list[str] | None, typer.Option(help="only scenes of these kinds of things")
    ] = None,
    a_file: Annotated[
        int,
        typer.Option(
            help="edits in one file; a denoiser that is training takes up each as it appears"
        ),
    ] = 12_000,
    processes: Annotated[
        int | None, typer.Option(help="that render; by default one a core")
    ] = None,
    device: Device = "cpu",
) -> None:
    """Stage 2: renders and encodes edits for the denoiser, file after file.

    What is there already is not made again.
    """
    vae, tokenizer, sides = (
        AutoencoderKL.from_pretrained(WORK / "vae").eval().to(device),
        new_tokenizer(),
        tuple(side or (16, 32)),
    )
    for begin in range(first, first + count, a_file):
        seeds = range(begin, min(begin + a_file, first + count))
        file = (
            WORK
            / "edits"
            / f"{'-'.join(map(str, (begin, len(seeds), *sides, *(type or ()), *(kind or ()))))}.pt"
        )
        if not file.exists():
            dataset.save(
                dataset.prepare(
                    vae, tokenizer, seeds, sides, processes, tuple(type or ()), tuple(kind or KINDS)
                ),
                file,
            )
        print(file, flush=True)


@app.command()
def denoiser(
    files: list[Path],
    side: int = 32,
    minutes: Minutes = 60,
    until: float = 1.0,
    batch: int = 32,
    rate: float = 1e-3,
    hold: float = 0.6,
    workers: Workers = 2,
    instructions: float = 0.5,
    begin: Path | None = None,
    device: Device = "cpu",
    compile: Annotated[
        bool,
        typer.Option("--compile", help="by torch.compile: some minutes first, faster afterwards"),
    ] = False,
) -> None:
    """Stage 3: the three variants' common trunk and the text encoder.

    ``files``: what the stage data made, or folders of it, which are looked at again every minute:
    edits can be rendered beside the training. ``--side 16 --until 0.4`` first, then ``--side 32``:
    the clock of ``--minutes`` runs over both, and the rate falls after the share ``--hold`` of it.
    ``--begin editing/sketchbook/weights`` goes on from the published model, whose autoencoder
    belongs in ``training/vae``."""
    model, file = (
        Denoiser(AutoencoderKL.from_pretrained(WORK / "vae").config.scaling_factor, device),
        WORK / "denoiser.pt",
    )
    if file.exists():
        model.load(torch.load(file, weights_only=True, map_location="cpu"))
    elif begin:
        model.begin(begin)
    if device != "cpu":
        choose_kernels()
    if compile:
        model.trunk.forward = torch.compile(model.trunk.forward)
    dataset = Dataset(files, device)
    workers = processes(workers, device)
    weights = torch.tensor([1.0, GROUND_WEIGHT, RECOGNITION_WEIGHT], device=device)

    def work(worker: int) -> None:
        rng, generator = (
            np.random.default_rng([worker, int(model.progress[0])]),
            torch.Generator(device),
        )
        generator.manual_seed(int(rng.integers(2**62)))
        optimiser = torch.optim.AdamW(
            model.parameters, rate, betas=(0.9, 0.99), weight_decay=0.01, fused=device != "cpu"
        )
        begun, saved = time.monotonic() - float(model.progress[2]), time.monotonic()
        losses: list[Tensor] = []
        first = float(model.progress[0])
        while (done := (time.monotonic() - begun) / (minutes * 60)) < until:
            warm = min(
                1.0, (float(model.progress[0]) - first + 1) / (100 * workers)
            )  # a fresh optimiser begins softly
            for group in optimiser.param_groups:
                group["lr"] = warm * learning_rate(rate, done, 0.001, hold)
            with half_precision(device):
                parts = model.losses(dataset.pick(rng), side, batch, generator, instructions)
            optimiser.zero_grad()
            (parts * weights).sum().backward()
            if bool(
                torch.nn.utils.clip_grad_norm_(model.parameters, 1.0).isfinite()
            ):  # one bad batch must not spoil all weights
                optimiser.step()
            model.progress[:2] += torch.tensor([1.0, batch])
            losses.append(parts.detach())
            if worker == 0:
                model.average(workers)
                if time.monotonic() - saved > checkpoints.SAVE_EVERY:
                    saved = time.monotonic()
                    model.progress[2] = saved - begun
                    checkpoints.save(model.state(), file)
                    main, ground, recognised = torch.stack(losses).mean(0).tolist()
                    print(
                        f"step {int(model.progress[0])}  {int(model.progress[1])} images  "
                        f"{(saved - begun) / 60:.1f} min  "
                        f"loss {main:.4f}  grounding {ground:.3f}  recognition {recognised:.3f}",
                        flush=True,
                    )
                    losses.clear()
                    dataset.look()

    begun = time.monotonic() - float(model.progress[2])
    side_by_side(work, workers, model.trunk, model.text, model.recognition, *model.averages)
    model.progress[2] = time.monotonic() - begun
    checkpoints.save(model.state(), file)


@app.command()
def export(folder: Path = WEIGHTS, side: int = 32) -> None:
    """Stage 5: writes the three variants as diffusers folders.

    In half precision; ``--side`` as training ended.
    """
    trunk, text, tokenizer = averaged()
    save_variants(
        folder, trunk, text, tokenizer, AutoencoderKL.from_pretrained(WORK / "vae"), DEFAULTS, side
    )
    print(
        f"{folder}: {sum(f.stat().st_size for f in folder.rglob('*') if f.is_file()) / 1e6:.1f} MB"
    )


if __name__ == "__main__":
    app()
