"""What a folder in the diffusers format is, by its small JSON files.

Also whether its weights are those of its configuration, by the shapes of a few tensors. All of them
are compared when it is loaded (networks.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import UnreadableModel
from . import stable_diffusion_1 as sd1
from .checked_json import read as read_json
from .configuration import VAE, Scheduler, TextEncoder, UNet
from .families import FAMILY, distilled
from .folder_weights import STEMS, object_in
from .weights_file import OTHER, Trouble

SD2 = "Stable Diffusion 2.x"

PARTS = (*STEMS, "tokenizer", "scheduler")
"""What a pipeline of Stable Diffusion 1.x and 2.x is made of."""

OTHER_TASKS = re.compile(r"Marigold|GeoWizard|Upscale|UnCLIP|Zero1to3|Video")
"""In the names of pipelines that are made of the same parts for something else."""

EXPORTED = re.compile(r"(Onnx|OV|ORT|Flax)[A-Z]")
"""How the names of pipelines begin that other libraries compute."""

CLASSES = (
    ("unet", r"UNet", "UNet2DConditionModel"),
    ("text_encoder", r".*(Model|Encoder)", "CLIPTextModel"),
    ("tokenizer", r".*Tokenizer", "CLIPTokenizer"),
)
"""A part, how classes of its kind are called, and how the right one's begins."""

Shape = tuple[int | None, ...]


def other_pipeline(folder: Path, described: Mapping[str, Any]) -> Trouble | None:
    """What a folder is that is no Stable Diffusion, by model_index.json."""
    name = str(described.get("_class_name", ""))[:80]
    if EXPORTED.match(name):
        sentence = f"{folder} was exported for another library ({name})."
        return Trouble("exported", sentence, "Fetch the same model with .safetensors weights.")
    is_listed = any(isinstance(value, list) for value in described.values())
    is_other = {"transformer", "text_encoder_2", "prior"} & described.keys() or (
        is_listed and {*PARTS} - {"scheduler"} - described.keys()
    )
    if is_other or OTHER_TASKS.search(name):
        sentence = f"{folder} is a model of another family ({name or 'unknown'})"
        return Trouble("other-family", f"{sentence}; Limn works with {FAMILY}.", OTHER)
    for part, kind, right in CLASSES:
        entry = described.get(part)
        named = entry[-1] if isinstance(entry, list) and entry else ""
        if named is None:
            remedy = "Fetch one that has it, or save it with all its parts."
            return Trouble("missing-parts", f"{folder} was saved without its {part}.", remedy)
        named = str(named)[:60]
        if re.match(kind, named) and not named.startswith(right):
            sentence = f"The {part} in {folder} is a {named}; {FAMILY} has a {right}."
            return Trouble("other-family", sentence, OTHER)
    return None


def described_in(folder: Path | None, part: str) -> Path:
    """The JSON file that describes a part of a model.

    folder: the model's, or the one beside a single file. What it lacks is as in Stable Diffusion
    1.x.
    """
    if folder is not None:
        name = "scheduler_config.json" if part == "scheduler" else "config.json"
        if (own := folder / part / name).is_file():
            return own
    return sd1.HERE / f"{part}.json"


def check_configuration(place: Path) -> str:
    """A folder's family. Raises UnreadableModel for a configuration that cannot work."""
    file = described_in(place, "unet")
    config = object_in(file)
    width = config.get("cross_attention_dim")
    if config.get("addition_embed_type") is not None or width in (1280, 2048):
        sentence = f"{place} is an SDXL checkpoint; Limn works with {FAMILY}."
        raise UnreadableModel("sdxl", sentence, OTHER)
    if config.get("num_class_embeds") is not None or config.get("class_embed_type") is not None:
        raise UnreadableModel(
            "other-family", f"{place} is an upscaler or another model with classes.", OTHER
        )
    if config.get("time_cond_proj_dim") is not None:
        trouble = distilled(place)
        raise UnreadableModel(trouble.code, trouble.sentence, trouble.remedy)
    unet = read_json(UNet, file)
    read_json(VAE, described_in(place, "vae"))
    text = read_json(TextEncoder, described_in(place, "text_encoder"))
    read_json(Scheduler, described_in(place, "scheduler"))
    if isinstance(width, int) and width != text.hidden_size:
        raise UnreadableModel(
            "other-shapes",
            f"The text encoder in {place} gives words of {text.hidden_size} numbers, and its UNet "
            f"takes {unet.cross_attention_dim}.",
            "Its parts are of several models: fetch all of one.",
        )
    return SD2 if width == 1024 else FAMILY


def misfit(
    place: Path,
    folder: Path | None,
    shapes: Mapping[str, Mapping[str, tuple[int, ...]]],
    channels: int,
) -> Trouble | None:
    """Whether weights are of another shape than their configuration says.

    folder: as for `described_in`. shapes: by part and name, in either layout. channels: those that
    the UNet takes.
    """
    for part, pattern, wanted in _wanted(folder, channels):
        for name, shape in shapes.get(part, {}).items():
            if re.fullmatch(pattern, name) and not _fits(shape, wanted):
                return other_shape(place, name, shape, wanted, folder is not None)
    return None


def other_shape(
    place: Path, name: str, shape: tuple[int, ...], wanted: Shape, configured: bool
) -> Trouble:
    """A tensor of another shape than it should be, as a person is told.

    configured: whether the model has a configuration of its own.
    """
    by = "its configuration" if configured else FAMILY
    here, there = _told(shape), _told(wanted)
    sentence = f"{place} is not as {by} has it: {name[:200]} is {here}, not {there}."
    remedy = "Its parts are of several models: fetch all of one." if configured else OTHER
    return Trouble("other-shapes", sentence, remedy)


def _wanted(folder: Path | None, channels: int) -> Iterator[tuple[str, str, Shape]]:
    """A part, the names of its tensors as a pattern, and their shape."""
    unet = read_json(UNet, described_in(folder, "unet"))
    first, width = unet.block_out_channels[0], unet.cross_attention_dim
    yield "unet", r"(conv_in|input_blocks\.0\.0)\.weight", (first, channels, None, None)
    if isinstance(width, int):
        yield "unet", r".*\.attn2\.to_k\.weight", (None, width)
    vae = read_json(VAE, described_in(folder, "vae")).block_out_channels
    yield "vae", r"encoder\.conv_in\.weight", (vae[0], 3, None, None)
    yield "vae", r"decoder\.conv_in\.weight", (vae[-1], 4, None, None)
    text = read_json(TextEncoder, described_in(folder, "text_encoder"))
    words = r"(text_model\.)?embeddings\.token_embedding\.weight"
    yield "text_encoder", words, (text.vocab_size, text.hidden_size)


def _fits(shape: tuple[int, ...], wanted: Shape) -> bool:
    return len(shape) == len(wanted) and all(
        w is None or n == w for n, w in zip(shape, wanted, strict=True)
    )


def _told(shape: Shape) -> str:
    return " x ".join("any" if n is None else str(n) for n in shape) or "a single number"
