"""Trains the sketchbook: ``python -m limn.editing.sketchbook.train STAGE``.

One command a stage, each resumable at any kill.

    autoencoder  ->  data  ->  denoiser (small latents, then full size)  ->  decoder  ->  export

On a GPU, ``--device cuda`` and a larger ``--batch``. Everything is kept in ``training/``:
checkpoints, rendered and encoded edits. To look at what it makes, at any time in between: ``export
--folder training/now``, then ``limn bench samples --model training/now``.
"""

from __future__ import annotations

import copy
import os
import threading
import time
from collections.abc import Callable
from multiprocessing import Pool
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTokenizer

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
from .drawing import KINDS
from .grounding import grounding_loss, read_levels
from .networks import NOISE, join_variants, new_text_encoder, new_tokenizer, new_unet, save_variants
from .recognition import Recognition
from .scenes import render, scene

app = typer.Typer(help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False)

WEIGHTS = Path(__file__).parent / "weights"
SNR_LIMIT = 5.0  # min-SNR weighting: the nearly clean timesteps would otherwise rule the loss
# and the noisiest, where the layout is decided by small differences, count up to this much more
LAYOUT_LIMIT = 4.0
# the lowest timestep at which the noisy latents are made from the picture before an edit, as edits
# begin
EDITS_BEGIN = 600
GROUND_WEIGHT = 0.06
GROUND_LEVELS = (0, 1, 2)
RECOGNITION_WEIGHT = 0.03
EMA_DECAY = 0.999
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


def processes(workers: int, device: str) -> int:
    """How many processes train: as many as asked for on cores, one on a GPU."""
    return workers if device == "cpu" else 1


def side_by_side(work: Callable[[int], None], workers: int, *networks: nn.Module) -> None:
    """Run ``work(0)`` ..

    ``work(workers - 1)`` at once, one core each, on networks put into shared memory. Each worker
    has its own optimiser and changes the shared weights without a lock (Hogwild, Niu et al. 2011):
    on few cores that trains nearly twice as fast as two threads in one process, which wait for each
    other in every layer.
    """
    for network in networks:
        network.share_memory()
    torch.set_num_threads(1)
    context = torch.multiprocessing.get_context("fork")

    def follow(worker: int, leader: int) -> None:
        threading.Thread(target=_end_with, args=(leader,), daemon=True).start()
        work(worker)

    others = [
        context.Process(target=follow, args=(worker, os.getpid()), daemon=True)
        for worker in range(1, workers)
    ]
    for other in others:
        other.start()
    work(0)
    for other in others:
        other.join()


def _end_with(leader: int) -> None:
    """A worker whose leader was killed ends too, and does not train on for nobody."""
    while os.getppid() == leader:
        time.sleep(1)
    os._exit(1)


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


class Dataset:
    """The edits that a denoiser learns from.

    Files, and folders whose files may still be coming.
    """

    def __init__(self, places: list[Path], device: str) -> None:
        self.places, self.device = places, device
        self.files: dict[Path, dataset.Entries] = {}
        self.look()

    def look(self) -> None:
        """Take up the files that have come since the last look."""
        for place in self.places:
            for file in sorted(place.glob("*.pt")) if place.is_dir() else [place]:
                if file not in self.files:
                    self.files[file] = dataset.load(file).to(self.device)
        if not self.files:
            raise typer.BadParameter(
                f"No edits in {', '.join(map(str, self.places))}: make some with the stage data."
            )

    def pick(self, rng: np.random.Generator) -> dataset.Entries:
        """The entries of one file, each file as often as it has entries."""
        sizes = np.array([len(entries) for entries in self.files.values()])
        return list(self.files.values())[int(rng.choice(len(sizes), p=sizes / sizes.sum()))]


class Denoiser:
    """All that a denoiser's checkpoint holds.

    Trunk and text encoder, their running averages, and how far they are.
    """

    def __init__(self, scaling: float, device: str = "cpu") -> None:
        torch.manual_seed(0)
        self.device = device
        self.trunk, self.text = (
            new_unet().to(memory_format=torch.channels_last),
            new_text_encoder(new_tokenizer()),
        )
        for network in (self.trunk, self.text):
            nn.Module.to(network, device)
        self.averages = [copy.deepcopy(self.trunk), copy.deepcopy(self.text)]
        self.recognition = Recognition(self.trunk).to(device)
        self.parameters = [
            *self.trunk.parameters(),
            *self.text.parameters(),
            *self.recognition.parameters(),
        ]
        self.maps = read_levels(self.trunk, GROUND_LEVELS)
        self.scaling, self.alphas = scaling, DDIMScheduler(**NOISE).alphas_cumprod.to(device)
        self.progress = torch.zeros(
            3, dtype=torch.float64
        ).share_memory_()  # steps, images, seconds, over all workers

    def begin(self, folder: Path) -> None:
        """Start from published weights instead of random ones."""
        for network, average, weights in zip(
            (self.trunk, self.text), self.averages, join_variants(folder), strict=True
        ):
            network.load_state_dict(weights.state_dict())
            average.load_state_dict(weights.state_dict())

    def state(self) -> dict[str, Any]:
        return {
            "trunk": self.trunk.state_dict(),
            "text": self.text.state_dict(),
            "recognition": self.recognition.state_dict(),
            "progress": self.progress,
            "averages": [network.state_dict() for network in self.averages],
        }

    def load(self, state: dict[str, Any]) -> None:
        self.trunk.load_state_dict(state["trunk"])
        self.text.load_state_dict(state["text"])
        self.recognition.load_state_dict(state["recognition"])
        for network, weights in zip(self.averages, state["averages"], strict=True):
            network.load_state_dict(weights)
        self.progress.copy_(state["progress"])

    def losses(
        self,
        entries: dataset.Entries,
        side: int,
        rows: int,
        generator: torch.Generator,
        instructions: float,
    ) -> Tensor:
        """The losses of one batch drawn anew, (3).

        Noise prediction (weighted by the signal-to-noise ratio), grounding and recognition.
        """
        batch = dataset.draw(entries, side, rows, generator, self.scaling, instructions)
        target, start = batch.target * self.scaling, batch.start * self.scaling
        least = torch.where(batch.begun, EDITS_BEGIN, 0)
        times = (
            (least + torch.rand(rows, generator=generator, device=self.device) * (1000 - least))
            .long()
            .clamp(max=999)
        )
        noise = torch.randn(target.shape, generator=generator, device=self.device)
        alpha = self.alphas[times].view(-1, 1, 1, 1)
        noisy = alpha.sqrt() * start + (1 - alpha).sqrt() * noise
        noise = noise + (alpha / (1 - alpha)).sqrt() * (
            start - target
        )  # what is left of the noisy latents beside the target
        inputs = torch.cat([noisy, batch.condition], 1).contiguous(
            memory_format=torch.channels_last
        )
        weight = torch.where(
            batch.looks, 1, alpha.flatten().sqrt()
        )  # the picture shows where things are, at any noise
        predicted = self.trunk(inputs, times, self.text(batch.tokens).last_hidden_state).sample
        ratio = alpha.flatten() / (1 - alpha.flatten())
        weights = ratio.clamp(max=SNR_LIMIT) / ratio * ratio.rsqrt().clamp(1, LAYOUT_LIMIT)
        loss = ((predicted.float() - noise).square().mean((1, 2, 3)) * weights).mean()
        ground = torch.stack(
            [grounding_loss(maps, batch.masks, batch.places, weight) for maps in self.maps.values()]
        ).mean()
        for maps in self.maps.values():
            maps.clear()
        return torch.stack(
            [loss, ground, self.recognition.loss((batch.seen, batch.wanted), weight)]
        )

    def average(self, workers: int) -> None:
        """Move the running averages; called by one worker for the steps of all."""
        decay = (
            min(EMA_DECAY, (1 + float(self.progress[0])) / (10 + float(self.progress[0])))
            ** workers
        )
        with torch.no_grad():
            for average, network in zip(self.averages, (self.trunk, self.text), strict=True):
                torch._foreach_lerp_(
                    list(average.parameters()), list(network.parameters()), 1 - decay
                )


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


def averaged(
    file: Path = WORK / "denoiser.pt",
) -> tuple[UNet2DConditionModel, CLIPTextModel, CLIPTokenizer]:
    """The averaged trunk, text encoder and the tokenizer of a checkpoint."""
    tokenizer = new_tokenizer()
    trunk, text = new_unet(), new_text_encoder(tokenizer)
    state = torch.load(file, weights_only=True, map_location="cpu")
    for network, weights in zip((trunk, text), state["averages"], strict=True):
        network.load_state_dict(weights)
    return trunk.eval(), text.eval(), tokenizer


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
