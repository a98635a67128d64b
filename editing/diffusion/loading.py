"""From a folder or a single file to a Model.

Each variant is loaded when it is first wanted.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from ..errors import MissingVariant
from ..said import Said
from . import memory, moving
from .assembly import Geometry, assemble, geometry_of
from .attention import choose_kernels
from .budget import Demand, Plan, Weights
from .folder_weights import object_in
from .lora_file import Lora
from .lora_file import check as check_lora
from .model import Model
from .model_locations import NETWORKS, locate
from .networks import check
from .notes import notes_of
from .planning import Forecast, Planner
from .precision import of_small, usual
from .recognition import Checkpoint
from .sharing import equal
from .stamps import Stamps, are_others, looked_at_again, stamps

log = logging.getLogger("limn.models")


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
        loras: Sequence[Lora] = (),
    ) -> None:
        """tiny: a folder with a small decoder for previews, for variants that have none.

        loras: what is put into each variant.
        """
        self.name = name
        self._tiny = tiny
        self._loras = tuple(loras)
        self.device = device
        self.dtype = dtype
        self.variants = tuple(checkpoints)
        self.checkpoints = dict(checkpoints)
        self._source = source
        self.native_size: int | None = None
        """Another working size than the networks' own, in pixels: for trials."""
        self.context: float | None = None
        """Another share of a place's side around it than the model's own: for trials."""
        self.narrowed = False
        """Whether the UNet's bfloat16 is what is usual here, and nobody's own choice."""
        self._loaded: dict[str, Model] = {}
        self._stamps: dict[str, Stamps] = {}
        self._geometries: dict[str, Geometry] = {}
        self._weights: dict[str, Weights] = {}
        self._planner = Planner(device, self._weigh)

    def geometry(self, variant: str) -> Geometry:
        """What its working sizes depend on; nothing is loaded for it.

        Raises MissingVariant, UnreadableModel.
        """
        self.require(variant)
        if variant not in self._geometries:  # kept: the files may be deleted while it is used
            self._geometries[variant] = geometry_of(self.checkpoints[variant])
        own = self._geometries[variant]
        if self.native_size is not None:
            own = replace(own, native_size=self.native_size)
        return own if self.context is None else replace(own, context=self.context)

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

    def compute_in(self, precise: bool) -> None:
        """Computes in float32 from now on where an algorithm wants it, else as usual.

        What is loaded in the other precision is dropped. A precision that was asked for stays.
        """
        wanted = torch.float32 if precise else torch.bfloat16
        if self.narrowed and self.dtype != wanted:
            self.unload()
            self._weights.clear()
            self.dtype = wanted

    def forecast(self, demand: Demand) -> Forecast | None:
        """How an edit would use the device's memory; None where that tells nothing.

        Nothing is loaded or changed. Raises MissingVariant, UnreadableModel.
        """
        for variant in demand.variants:
            self.require(variant)
        return self._planner.forecast(demand, tuple(self._loaded))

    def together(self, demand: Demand, most: int) -> int:
        """How many edits like this one fit into memory side by side, 1 to `most`.

        Raises MissingVariant, UnreadableModel.
        """
        for variant in demand.variants:
            self.require(variant)
        return self._planner.together(demand, tuple(self._loaded), most)

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
            small = of_small(self.device, self.dtype)
            checkpoint = self.checkpoints[variant]
            self._weights[variant] = memory.weigh(checkpoint, self.dtype, small, self.device)
        return self._weights[variant]

    def check(self) -> None:
        """Compares all tensors' names and shapes with the configurations.

        No values are read. Raises UnreadableModel.
        """
        for checkpoint in self.checkpoints.values():
            check(checkpoint)

    def get(self, variant: str) -> Model:
        """The model of a variant; loaded anew where its files have been written since.

        Where memory is too small for it beside others, those are dropped, to be loaded again when
        wanted. Raises MissingVariant, UnreadableModel if its files are damaged, or
        torch.OutOfMemoryError if it is too large by itself.
        """
        self.require(variant)
        if variant in self._loaded and are_others(
            self._stamps[variant], stamps(self.checkpoints[variant])
        ):
            self.unload()
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
        self.checkpoints[variant] = looked_at_again(self.checkpoints[variant])
        self._stamps[variant] = stamps(self.checkpoints[variant])
        self._geometries.pop(variant, None)
        loaded = assemble(
            self.name,
            self.checkpoints[variant],
            self.device,
            self.dtype,
            self._tiny,
            self.plan,
            self._loras,
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
            if part in checkpoint.missing
            else f"Of {donor.place} the {NETWORKS[part]} is used, as limn.json says."
            for checkpoint in self.checkpoints.values()
            for part, donor in checkpoint.donors.items()
        )

    def defaults(self, variant: str, algorithm: str) -> Mapping[str, Any]:
        """The model's own defaults for an algorithm, from limn.json.

        Nothing is loaded for it.
        """
        checkpoint = self.checkpoints.get(variant)
        return {} if checkpoint is None else notes_of(checkpoint.place).defaults.get(algorithm, {})

    @property
    def auto(self) -> Mapping[str, str]:
        """Which algorithm Auto takes for a kind of change, where limn.json says so."""
        told = [notes_of(checkpoint.place).auto for checkpoint in self.checkpoints.values()]
        return {kind: name for own in reversed(told) for kind, name in own.items()}


def load_models(
    folder: Path | str,
    device: str = "cpu",
    dtype: torch.dtype | None = None,
    others: Iterable[Path] = (),
    loras: Sequence[Lora] = (),
) -> Models:
    """The models in a place that `places.locate` knows. Only headers are read.

    dtype: of the UNet, `precision.usual` unless given. others: further models, whose autoencoder or
    text encoder may stand in for one that a single file lacks. loras: put into each variant when
    it is loaded. Raises UnreadableModel.
    """
    source = Path(folder).expanduser()
    target = torch.device(device)
    if target.type == "cpu" and dtype == torch.float16:
        dtype = torch.float32  # half precision on a CPU is slower, and lacks operations
    if target.type == "cuda":
        choose_kernels()
    found = locate(source, others)
    names = [notes.name for c in found.values() if (notes := notes_of(c.place)).name]
    only = next(iter(found.values())).name if len(found) == 1 else source.stem
    tiny = object_in(source).get("vae_tiny") if source.suffix == ".json" else None
    previews = source.parent / Path(tiny).expanduser() if isinstance(tiny, str) else None
    for one in loras:
        check_lora(one.place)
    name = names[0] if names else only
    is_usual = dtype is None
    if dtype is None:
        size = memory.unet_numbers(next(iter(found.values()))) if target.type == "cpu" else 0
        dtype = usual(target, size)
    models = Models(name, source, found, target, dtype, previews, loras)
    models.narrowed = is_usual and dtype == torch.bfloat16
    return models
