"""From a folder or a single file to a Model.

Each variant is loaded when it is first wanted.
"""

from __future__ import annotations

import gc
import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from diffusers import UNet2DConditionModel

from ..errors import EditError, MissingVariant, UnreadableModel
from ..said import Said
from . import memory, moving
from .attention import Sites, choose_kernels
from .configuration import VAE, Notes, UNet, read
from .folder_weights import object_in
from .memory import Demand, Plan, Weights
from .model import Model
from .networks import configuration_of, load, load_tiny_vae
from .places import NETWORKS, locate
from .planning import Planner
from .recognition import VARIANTS, Checkpoint
from .schedule import Schedule
from .sharing import equal

SD1_SEMANTIC_LEVEL = 2
"""The level at which Stable Diffusion 1.x localises nouns best.

It has 16 x 16 positions at 512 x 512 pixels.
"""

NOTES = "limn.json"

log = logging.getLogger("limn.models")


@dataclass(frozen=True)
class Geometry:
    """What working sizes depend on, in pixels.

    The shorter side that a model was trained on, what
    sides must be multiples of, and the side of one of its latents.
    """

    native_size: int
    multiple: int
    factor: int


class Models:
    """The variants that a folder or file holds.

    `get` loads one and keeps it, as long as there is room.
    """

    def __init__(
        self,
        name: str,
        source: Path,
        checkpoints: Mapping[str, Checkpoint],
        device: torch.device,
        dtype: torch.dtype,
        tiny: Path | None = None,
    ) -> None:
        """tiny: a folder with a small decoder for previews, for variants that have none."""
        self.name = name
        self._tiny = tiny
        self.device = device
        self.dtype = dtype
        self.variants = tuple(checkpoints)
        self.checkpoints = dict(checkpoints)
        self._source = source
        self._loaded: dict[str, Model] = {}
        self._weights: dict[str, Weights] = {}
        self._planner = Planner(device, self._weigh)

    def geometry(self, variant: str) -> Geometry:
        """What its working sizes depend on; nothing is loaded for it.

        Raises MissingVariant, UnreadableModel.
        """
        self.require(variant)
        return _geometry(self.checkpoints[variant])

    def plan_for(self, demand: Demand) -> Said | None:
        """Choose how the card is used from now on, so that an edit fits.

        What does not fit beside it is dropped. Returns what is to be said of it (`memory.told`),
        None where there is nothing.

        Raises MissingVariant, UnreadableModel, or EditError where the host's memory is too small.
        """
        for variant in demand.variants:
            self.require(variant)
        before = self.plan
        told = self._planner.choose(demand, tuple(self._loaded))
        if self.plan != before or self._planner.is_tight:
            self.unload()
        return told

    def smaller_plan(self) -> bool:
        """Memory ran out: drops everything, and looks for a plan that needs less.

        It counts from the next `plan_for` on. False if there is none.
        """
        self.unload()
        return self._planner.failed()

    @property
    def plan(self) -> Plan:
        """How the card is used."""
        return self._planner.plan

    def measure(self, clock: Callable[[], float]) -> None:
        """Measures how fast networks come to the device, for what plans cost."""
        if self.device.type != "cpu":
            began = clock()
            size = moving.probe(self.device)
            self._planner.rate = size / max(1e-6, clock() - began)

    def shortage(self) -> str:
        """Why the last edit cannot be done, where no plan was small enough, in figures."""
        return self._planner.shortage()

    def _weigh(self, variant: str) -> Weights:
        if variant not in self._weights:
            self._weights[variant] = memory.weigh(self.checkpoints[variant], self.dtype)
        return self._weights[variant]

    def get(self, variant: str) -> Model:
        """The model of a variant.

        Where memory is too small for it beside others, those are dropped, to be loaded again when
        wanted. Raises MissingVariant, UnreadableModel if its files are damaged, or
        torch.OutOfMemoryError if it is too large by itself.
        """
        self.require(variant)
        if self.plan.swaps and variant not in self._loaded:
            self.unload()
        if variant not in self._loaded:
            try:
                self._loaded[variant] = self._load(variant)
            except torch.OutOfMemoryError:
                if not self._loaded:
                    raise
            if (
                variant not in self._loaded
            ):  # tried again out here, where the error no longer holds on to what was half loaded
                self.unload()
                self._loaded[variant] = self._load(variant)
        return self._loaded[variant]

    def require(self, variant: str) -> None:
        """Raises MissingVariant if there is no such variant; loads nothing."""
        if variant not in self.checkpoints:
            held = ", ".join(self.variants)
            put = (
                f"Put a {variant} checkpoint there, as {self._source / variant} in the "
                f"diffusers format or as {variant}.safetensors"
            )
            if self._source.is_file():
                put = (
                    f"Put it and a {variant} checkpoint into one folder, as "
                    f"{self.variants[0]}.safetensors and {variant}.safetensors"
                )
            raise MissingVariant(
                "missing-variant",
                f"The model {self.name!r} in {self._source} has no {variant} variant (it has: "
                f"{held}).",
                f"{put}; or choose another algorithm or model.",
            )

    def is_loaded(self, variant: str) -> bool:
        """Whether `get` has it at hand."""
        return variant in self._loaded

    def unload(self) -> None:
        """Drops what is loaded, and hands a GPU's memory back.

        An edit that is under way keeps its own until it ends.
        """
        self._loaded.clear()
        gc.collect()  # networks refer to themselves
        if self.device.type != "cpu":
            torch.get_device_module(self.device).empty_cache()

    def _load(self, variant: str) -> Model:
        loaded = _load(
            self.name, self.checkpoints[variant], self.device, self.dtype, self._tiny, self.plan
        )
        return self._shared(loaded)

    def _shared(self, loaded: Model) -> Model:
        """A model whose autoencoder and text encoder another variant has.

        They are shared where all their values are equal: Stable Diffusion's variants were made from
        each other. Saves 0.41 GB a variant in half precision.
        """
        for other in self._loaded.values():
            for part in ("vae", "text_encoder"):
                mine, theirs = getattr(loaded, part), getattr(other, part)
                if mine is not theirs and equal(mine, theirs):
                    loaded = replace(loaded, **{part: theirs})
        return loaded

    @property
    def notes(self) -> tuple[str, ...]:
        """What is worth knowing about where its networks come from."""
        return tuple(
            f"{checkpoint.place.name} has no {NETWORKS[part]}: that of {donor.place} is used."
            for checkpoint in self.checkpoints.values()
            for part, donor in checkpoint.donors.items()
        )

    def defaults(self, variant: str, algorithm: str) -> Mapping[str, Any]:
        """The model's own defaults for an algorithm, from limn.json.

        Nothing is loaded for it.
        """
        checkpoint = self.checkpoints.get(variant)
        return {} if checkpoint is None else _notes(checkpoint.place).defaults.get(algorithm, {})


def load_models(
    folder: Path | str,
    device: str = "cpu",
    dtype: torch.dtype | None = None,
    others: Iterable[Path] = (),
) -> Models:
    """The models in a place that `places.locate` knows. Only headers are read.

    dtype: float16 on a GPU and float32 on the CPU, unless given. others: further models, whose
    autoencoder or text encoder may stand in for one that a single file lacks. Raises
    UnreadableModel.
    """
    source = Path(folder).expanduser()
    target = torch.device(device)
    if dtype is None or (
        target.type == "cpu" and dtype == torch.float16
    ):  # half precision on a CPU is slower, and lacks operations
        dtype = torch.float32 if target.type == "cpu" else torch.float16
    if target.type == "cuda":
        choose_kernels()
    found = locate(source, others)
    names = [notes.name for c in found.values() if (notes := _notes(c.place)).name]
    only = next(iter(found.values())).name if len(found) == 1 else source.stem
    tiny = object_in(source).get("vae_tiny") if source.suffix == ".json" else None
    previews = source.parent / Path(tiny).expanduser() if isinstance(tiny, str) else None
    return Models(names[0] if names else only, source, found, target, dtype, previews)


def _notes(place: Path) -> Notes:
    """A model's limn.json.

    It lies in the model's folder; for a file NAME.safetensors it is NAME.limn.json beside it. Where
    the folder's name or the file's is a variant's, the limn.json of the folder that holds it counts
    for all variants; so it does for a file that lies there alone.
    """
    parent = place.parent
    own = place / NOTES if place.is_dir() else place.with_suffix(f".{NOTES}")
    shared = place.stem in VARIANTS.values() or (
        place.is_file() and len(list(parent.glob("*.safetensors"))) == 1
    )
    for candidate in (own, parent / NOTES) if shared else (own,):
        if candidate.is_file():
            return read(Notes, candidate)
    return Notes()


def _load(
    name: str,
    checkpoint: Checkpoint,
    device: torch.device,
    dtype: torch.dtype,
    tiny: Path | None = None,
    plan: Plan = memory.ALL,
) -> Model:
    place, variant = checkpoint.place, checkpoint.variant
    tiny = place / "vae_tiny" if (place / "vae_tiny").is_dir() else tiny
    try:
        networks = load(checkpoint, dtype)
        decoder = load_tiny_vae(tiny, dtype) if tiny is not None else None
    except (EditError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # whatever the libraries make of a stranger's files
        why = " ".join(str(error).split())[:200]
        raise UnreadableModel(
            "unreadable-model",
            f"The {variant} model in {place} cannot be loaded: {why}",
            "It may be incomplete or of another family than Stable Diffusion 1.x; fetch it again.",
        ) from error
    unet, vae = networks.unet, networks.vae
    visitors = (vae, networks.text_encoder) if plan.visits else ()
    for network in (unet, vae, networks.text_encoder, decoder):
        if network is not None:
            network.requires_grad_(False).eval()
            stays = network not in visitors and not (network is unet and plan.apart)
            torch.nn.Module.to(network, device if stays else "cpu")
    notes = _notes(place)
    geometry = _geometry(checkpoint)
    levels = len(unet.config["block_out_channels"])
    level = SD1_SEMANTIC_LEVEL if notes.semantic_level is None else notes.semantic_level
    model = Model(
        name=name,
        variant=variant,
        unet=unet,
        vae=vae,
        text_encoder=networks.text_encoder,
        tokenizer=networks.tokenizer,
        schedule=Schedule.of(networks.scheduler.arguments()),
        prediction=networks.scheduler.prediction_type,
        sites=Sites(unet),
        device=device,
        semantic_level=min(level, levels - 1),
        native_size=geometry.native_size,
        identity=_identity(unet, variant),
        tiny=decoder,
        world=notes.world,
        plan=plan,
    )
    moving.in_tiles(vae, plan.tiles)
    if plan.layers:
        moving.by_layers(unet, device)
    return model


def _geometry(checkpoint: Checkpoint) -> Geometry:
    unet = read(UNet, configuration_of(checkpoint, "unet"))
    vae = read(VAE, configuration_of(checkpoint.donors.get("vae", checkpoint), "vae"))
    factor = 2 ** (len(vae.block_out_channels) - 1)
    native = _notes(checkpoint.place).native_size or (unet.sample_size or 64) * factor
    return Geometry(native, factor * 2 ** (len(unet.block_out_channels) - 1), factor)


def _identity(unet: UNet2DConditionModel, variant: str) -> str:
    """A name for these very weights, from a few of their bytes."""
    sample = (
        unet.conv_in.weight.detach().float().cpu().numpy().tobytes()
        + unet.conv_out.weight.detach().float().cpu().numpy().tobytes()
    )
    return f"{variant}-{hashlib.sha256(sample).hexdigest()[:16]}-{unet.dtype}"
