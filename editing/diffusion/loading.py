"""From a folder or a single file to a Model, variant by variant, each loaded when it is first
wanted.
"""

from __future__ import annotations

import gc
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, AutoencoderTiny, UNet2DConditionModel
from safetensors import SafetensorError, safe_open
from transformers import CLIPTextModel, CLIPTokenizer
from transformers.utils import logging as transformers_logging

from ..errors import MissingVariant, UnreadableModel
from .attention import Sites, choose_kernels
from .configuration import Notes, Scheduler, UNet, parse, read
from .model import Model
from .schedule import Schedule

VARIANTS = {4: "text-to-image", 9: "inpainting", 8: "instruction"}
"""The UNet's input channels tell the variants apart: latents, and a mask with a masked picture, or
a picture.
"""

SD1_SEMANTIC_LEVEL = (
    2  # 16 x 16 positions at 512 x 512 pixels: where Stable Diffusion 1.x localises nouns best
)
# its second axis is the number of input channels
SINGLE_FILE_INPUT = "model.diffusion_model.input_blocks.0.0.weight"
NOTES = "limn.json"


class Models:
    """The variants that a folder or file holds.

    `get` loads one and keeps it, as long as there is room.
    """

    def __init__(
        self,
        name: str,
        source: Path,
        places: Mapping[str, Path],
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self.name = name
        self.device = device
        self.dtype = dtype
        self.variants = tuple(places)
        self._source = source
        self._places = dict(places)
        self._loaded: dict[str, Model] = {}

    def get(self, variant: str) -> Model:
        """The model of a variant; where memory is too small for it beside others, those are
        dropped, to be loaded again when wanted.

        Raises MissingVariant, UnreadableModel if its files are damaged, or torch.OutOfMemoryError
        if it is too large by itself.
        """
        if variant not in self._places:
            held = ", ".join(self.variants)
            put = f"Put a {variant} checkpoint there, as {self._source / variant} in the diffusers format or as {variant}.safetensors"
            if self._source.is_file():
                put = f"Put it and a {variant} checkpoint into one folder, as {self.variants[0]}.safetensors and {variant}.safetensors"
            raise MissingVariant(
                "missing-variant",
                f"The model {self.name!r} in {self._source} has no {variant} variant (it has: {held}).",
                f"{put}; or choose another algorithm or model.",
            )
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

    def unload(self) -> None:
        """Drop what is loaded, and hand a GPU's memory back; an edit that is under way keeps its
        own until it ends.
        """
        self._loaded.clear()
        gc.collect()  # networks refer to themselves
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def _load(self, variant: str) -> Model:
        return _load(self.name, variant, self._places[variant], self.device, self.dtype)

    def defaults(self, variant: str, algorithm: str) -> Mapping[str, Any]:
        """The model's own defaults for an algorithm, from limn.json; nothing is loaded for it."""
        place = self._places.get(variant)
        return {} if place is None else _notes(place).defaults.get(algorithm, {})


def load_models(
    folder: Path | str, device: str = "cpu", dtype: torch.dtype | None = None
) -> Models:
    """The models in a diffusers folder, in a .safetensors file, or in a folder with either under
    the variants' names.

    A diffusers folder may hold further variants so, inside it.

    dtype: float16 on a GPU and float32 on the CPU, unless given. Raises UnreadableModel.
    """
    source = Path(folder).expanduser()
    target = torch.device(device)
    if dtype is None or (
        target.type == "cpu" and dtype == torch.float16
    ):  # half precision on a CPU is slower, and lacks operations
        dtype = torch.float32 if target.type == "cpu" else torch.float16
    if target.type == "cuda":
        choose_kernels()
    places = _places(source)
    names = [notes.name for notes in map(_notes, places.values()) if notes.name]
    return Models(names[0] if names else source.stem, source, places, target, dtype)


def _places(source: Path) -> dict[str, Path]:
    """Where each variant lies."""
    if source.is_file():
        return {_single_file_variant(source): source}
    own = {_folder_variant(source): source} if (source / "model_index.json").is_file() else {}
    found = {
        name: place
        for name in VARIANTS.values()
        if name not in own and (place := _named(source, name)) is not None
    }
    if not own and not found:
        raise UnreadableModel(
            "no-model",
            f"There is no model in {source}.",
            "Give a folder with a model_index.json, a .safetensors file, or a folder that holds either under the name text-to-image, "
            "inpainting or instruction.",
        )
    for name, place in found.items():
        if (
            actual := _single_file_variant(place) if place.is_file() else _folder_variant(place)
        ) != name:
            raise UnreadableModel(
                "wrong-variant",
                f"{place} should hold the {name} variant but holds {actual}.",
                "Rename it.",
            )
    return own | found


def _named(source: Path, variant: str) -> Path | None:
    """The checkpoint under a variant's name, a file before a folder: beside a file the folder holds
    its configuration.
    """
    file, folder = source / f"{variant}.safetensors", source / variant
    if file.is_file():
        return file
    return folder if (folder / "model_index.json").is_file() else None


def _folder_variant(folder: Path) -> str:
    return _variant(folder, read(UNet, folder / "unet" / "config.json").in_channels)


def _single_file_variant(file: Path) -> str:
    try:
        with safe_open(file, framework="pt") as tensors:
            channels = tensors.get_slice(SINGLE_FILE_INPUT).get_shape()[1]
    except (SafetensorError, OSError) as error:
        raise UnreadableModel(
            "unreadable-model",
            f"{file} is not a Stable Diffusion 1.x checkpoint in the safetensors format.",
            "Choose another file.",
        ) from error
    return _variant(file, channels)


def _variant(place: Path, channels: Any) -> str:
    if channels not in VARIANTS:
        known = ", ".join(f"{n} ({name})" for n, name in VARIANTS.items())
        raise UnreadableModel(
            "unknown-variant", f"The UNet in {place} takes {channels} channels; Limn knows {known}."
        )
    return VARIANTS[channels]


def _notes(place: Path) -> Notes:
    """limn.json beside the model, or in the folder above; empty if there is none."""
    folder = place.parent if place.is_file() else place
    for candidate in (folder / NOTES, folder.parent / NOTES):
        if candidate.is_file():
            return read(Notes, candidate)
    return Notes()


def _load(name: str, variant: str, place: Path, device: torch.device, dtype: torch.dtype) -> Model:
    transformers_logging.disable_progress_bar()
    try:
        parts = _from_file(place, variant, dtype) if place.is_file() else _from_folder(place, dtype)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        remedy = (
            "It may be incomplete or of another family than Stable Diffusion 1.x; fetch it again."
        )
        if place.is_file() and _beside(place) is None:
            remedy = (
                f"A single file lacks configuration and tokenizer, and they could not be fetched: put a folder named "
                f"{place.with_suffix('').name!r} beside it with the model's model_index.json, its folders tokenizer and scheduler, and the "
                "config.json of unet, vae and text_encoder, each in its folder."
            )
        raise UnreadableModel(
            "unreadable-model", f"The {variant} model in {place} cannot be loaded: {error}", remedy
        ) from error
    unet, vae, text_encoder, tokenizer, scheduler = parts
    tiny = place / "vae_tiny"
    decoder = (
        AutoencoderTiny.from_pretrained(
            tiny, dtype=dtype, local_files_only=True, low_cpu_mem_usage=False
        )
        if tiny.is_dir()
        else None
    )
    for network in (unet, vae, text_encoder, decoder):
        if network is not None:
            network.requires_grad_(False).eval().to(device)
    notes = _notes(place)
    levels = len(unet.config["block_out_channels"])
    factor = 2 ** (len(vae.config["block_out_channels"]) - 1)
    return Model(
        name=name,
        variant=variant,
        unet=unet,
        vae=vae,
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        schedule=Schedule.of(scheduler.arguments()),
        prediction=scheduler.prediction_type,
        sites=Sites(unet),
        device=device,
        semantic_level=min(
            SD1_SEMANTIC_LEVEL if notes.semantic_level is None else notes.semantic_level, levels - 1
        ),
        native_size=notes.native_size or (unet.config["sample_size"] or 64) * factor,
        identity=_identity(unet, variant),
        tiny=decoder,
    )


def _identity(unet: UNet2DConditionModel, variant: str) -> str:
    """A name for these very weights, from a few of their bytes."""
    sample = (
        unet.conv_in.weight.detach().float().cpu().numpy().tobytes()
        + unet.conv_out.weight.detach().float().cpu().numpy().tobytes()
    )
    return f"{variant}-{hashlib.sha256(sample).hexdigest()[:16]}-{unet.dtype}"


Parts = tuple[UNet2DConditionModel, AutoencoderKL, CLIPTextModel, CLIPTokenizer, Scheduler]


def _from_folder(folder: Path, dtype: torch.dtype) -> Parts:
    def part(kind: Any, name: str) -> Any:
        files = [f.name for f in (folder / name).glob("*.safetensors")]
        half = [f for f in files if ".fp16." in f]
        variant = "fp16" if half and (dtype == torch.float16 or len(half) == len(files)) else None
        options = (
            {} if kind is CLIPTextModel else {"low_cpu_mem_usage": False}
        )  # else diffusers warns that accelerate is absent
        return kind.from_pretrained(
            folder / name,
            variant=variant,
            dtype=dtype,
            use_safetensors=True,
            local_files_only=True,
            **options,
        )

    return (
        part(UNet2DConditionModel, "unet"),
        part(AutoencoderKL, "vae"),
        part(CLIPTextModel, "text_encoder"),
        CLIPTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True),
        read(Scheduler, folder / "scheduler" / "scheduler_config.json"),
    )


def _beside(file: Path) -> Path | None:
    """The folder that holds a single file's configuration, if there is one."""
    folder = file.with_suffix("")
    return folder if (folder / "model_index.json").is_file() else None


def _from_file(file: Path, variant: str, dtype: torch.dtype) -> Parts:
    """A single file holds weights only. Configuration and tokenizer come from a folder beside it of
    the same name, where there is one, else diffusers fetches them once from its model hub."""
    beside = _beside(file)
    config = {} if beside is None else {"config": str(beside), "local_files_only": True}
    # Imported here: the pipelines draw in image processors that nothing else needs.
    from diffusers import (
        StableDiffusionInpaintPipeline,
        StableDiffusionInstructPix2PixPipeline,
        StableDiffusionPipeline,
    )

    kinds: dict[str, Any] = {
        "text-to-image": StableDiffusionPipeline,
        "inpainting": StableDiffusionInpaintPipeline,
        "instruction": StableDiffusionInstructPix2PixPipeline,
    }
    pipeline = kinds[variant].from_single_file(
        str(file),
        dtype=dtype,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
        **config,
    )
    return (
        pipeline.unet,
        pipeline.vae,
        pipeline.text_encoder,
        pipeline.tokenizer,
        parse(Scheduler, json.dumps(dict(pipeline.scheduler.config)), "the scheduler"),
    )
