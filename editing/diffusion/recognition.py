"""What a checkpoint is, and whether Limn can use it.

Names, headers and small JSON files tell; no weights are read.

    recognise(path) -> Checkpoint

Takes milliseconds, loads no weights, imports no torch, and never raises: what cannot be used says
why, and what to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import UnreadableModel
from .checked_json import read as read_json
from .configuration import UNet
from .families import CONV_IN, EMA, UNET, addition_or_family, other
from .families import FAMILY as SD1
from .folder_weights import PRECISION_MARKS, STEMS, Part, object_in, precision_of, weights_in
from .pipelines import SD2, check_configuration, misfit, other_pipeline
from .weights_file import AGAIN, OTHER, READABLE, Header, Tensor, Trouble, read

VARIANTS = {4: "text-to-image", 9: "inpainting", 8: "instruction"}
"""The variants by the number of the UNet's input channels.

4: latents. 9: latents, a mask and a masked picture. 8: latents and a picture.
"""

V_PREDICTION, ZERO_SNR = "v_pred", "ztsnr"
"""Empty tensors by which a single file tells its training, as ComfyUI reads them."""
MOST_QUOTED = 200
"""Characters of a name that is told."""

SINGLE_FILE_PARTS = {"vae": "first_stage_model.", "text_encoder": "cond_stage_model.transformer."}

COUNTS = {"unet": 686, "vae": 248, "text_encoder": 196}
"""How many tensors Stable Diffusion 1.x's networks have.

Fewer in a file mean that it is not whole.
"""


@dataclass(frozen=True)
class Checkpoint:
    """What lies in one place.

    parts: the networks that are in it, and the precision of each. missing: those that it lacks and
    that another model's can stand in for. size: bytes of weights. ema: it holds a moving average
    of the UNet's weights, which is the better half. weights: a folder's, by network and mark.
    marks: of V_PREDICTION and ZERO_SNR, those in a single file.
    donors: whose networks stand in for those that it lacks, by network. trouble: why it cannot be
    used; None if it can.
    """

    place: Path
    family: str = ""
    variant: str = ""
    parts: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    ema: bool = False
    size: int = 0
    weights: Mapping[str, Mapping[str, Part]] = field(default_factory=dict)
    marks: frozenset[str] = frozenset()
    donors: Mapping[str, Checkpoint] = field(default_factory=dict)
    trouble: Trouble | None = None

    @property
    def name(self) -> str:
        """What a person calls it: the file's or folder's name, or the hub's name of it."""
        for folder in self.place.parents:
            if folder.name.startswith("models--") and "snapshots" in self.place.parts:
                inside = folder.name.removeprefix("models--").rpartition("--")[2]
                return inside if self.place.is_dir() else self.place.stem
        return self.place.stem if self.place.is_file() else self.place.name

    def checked(self) -> Checkpoint:
        """Itself. Raises UnreadableModel if it cannot be used."""
        if self.trouble is not None:
            raise UnreadableModel(self.trouble.code, self.trouble.sentence, self.trouble.remedy)
        return self


def recognise(place: Path | str) -> Checkpoint:
    """What lies there: a single file, or a folder in the diffusers format."""
    place = Path(place)
    try:
        check_name(place)
        return _folder(place) if place.is_dir() else _file(place)
    except UnreadableModel as error:
        return _unusable(place, error.code, error.sentence, error.remedy)
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        sentence = f"{place} can't be read: {getattr(error, 'strerror', '') or error}."
        return _unusable(place, "unreadable-model", sentence, READABLE)


def check_name(place: Path) -> None:
    """Raises UnreadableModel for a name that is no UTF-8.

    safetensors does not open such a file.
    """
    try:
        str(place).encode()
    except UnicodeEncodeError as error:
        shown = str(place).encode("utf-8", "backslashreplace").decode()[:MOST_QUOTED]
        sentence = f"The name of {shown} is not in UTF-8."
        raise UnreadableModel("bad-name", sentence, "Rename it, or the folder it is in.") from error


def _unusable(place: Path, code: str, sentence: str, remedy: str, family: str = "") -> Checkpoint:
    return Checkpoint(place, family, trouble=Trouble(code, sentence, remedy))


CONFIGURATION = ("model_index.json", "unet/config.json", "scheduler/scheduler_config.json")
"""By any of these a folder is known to hold a single file's configuration."""


def config_beside(file: Path) -> Path | None:
    """The folder that holds a single file's own configuration, if any.

    It has the file's name. What it lacks is as in Stable Diffusion 1.x.
    """
    folder = file.with_suffix("")
    return folder if any((folder / name).is_file() for name in CONFIGURATION) else None


def _file(file: Path) -> Checkpoint:
    header = read(file)
    if isinstance(header, Trouble):
        return Checkpoint(file, trouble=header)
    tensors = header.tensors
    if UNET + CONV_IN not in tensors:
        bare = {UNET + name: tensor for name, tensor in tensors.items()}
        if UNET + CONV_IN not in bare or addition_or_family(file, tensors) is not None:
            return Checkpoint(file, parts=_lone_vae(file, header), trouble=other(file, header))
        tensors = bare  # a UNet by itself, its names without the prefix
    if trouble := addition_or_family(file, tensors):
        return Checkpoint(file, trouble=trouble)
    family = SD1
    if (beside := config_beside(file)) is not None:
        family = check_configuration(beside)
    else:
        width = next((t.shape[-1] for n, t in tensors.items() if _is_cross(n)), None)
        if width == 1024:
            return _unusable(
                file,
                "stable-diffusion-2",
                f"{file} is a Stable Diffusion 2.x checkpoint in one file.",
                f"Get the same model as a folder in the diffusers format. {OTHER}",
                SD2,
            )
        if width is not None and width != 768:
            return _unusable(file, "other-family", _not_sd1(file), OTHER)
    shape = tensors[UNET + CONV_IN].shape
    variant = _variant(file, shape[1] if len(shape) == 4 else None)
    parts = {}
    unet = [tensor for name, tensor in tensors.items() if name.startswith(UNET)]
    whole = beside is not None or len(unet) >= COUNTS["unet"]
    if not whole:
        sentence = (
            f"{file} lacks {COUNTS['unet'] - len(unet)} of the UNet's {COUNTS['unet']} tensors."
        )
        return _unusable(file, "incomplete", sentence, AGAIN, family)
    parts["unet"] = precision_of(file, unet)
    for part, prefix in SINGLE_FILE_PARTS.items():
        own = [t for n, t in tensors.items() if n.startswith(prefix) and "position_ids" not in n]
        if own and (beside is not None or len(own) >= COUNTS[part]):
            parts[part] = precision_of(file, own)
    own_shapes = _shapes(tensors, UNET, *SINGLE_FILE_PARTS.values())
    if trouble := misfit(file, beside, own_shapes, shape[1]):
        return Checkpoint(file, family, variant, trouble=trouble)
    marks = frozenset(mark for mark in (V_PREDICTION, ZERO_SNR) if mark in header.tensors)
    ema = sum(name.startswith(EMA) for name in tensors) >= len(unet)
    missing = tuple(part for part in SINGLE_FILE_PARTS if part not in parts)
    size = sum(tensor.size for tensor in tensors.values())
    return Checkpoint(file, family, variant, parts, missing, ema, size, marks=marks)


def _shapes(tensors: Mapping[str, Tensor], *prefixes: str) -> dict[str, dict[str, tuple[int, ...]]]:
    """A single file's shapes by network and name; prefixes: in the order of STEMS."""
    return {
        part: {n.removeprefix(prefix): t.shape for n, t in tensors.items() if n.startswith(prefix)}
        for part, prefix in zip(STEMS, prefixes, strict=True)
    }


def _lone_vae(file: Path, header: Header) -> dict[str, str]:
    """The autoencoder in a file that holds nothing else.

    Only if it may be Stable Diffusion 1.x's. SDXL's has the same shapes; only its name tells, if
    anything does.
    """
    first = header.tensors.get("decoder.conv_in.weight")
    if first is None or first.shape != (512, 4, 3, 3) or "xl" in file.name.lower():
        return {}
    if len(header.tensors) < COUNTS["vae"]:
        return {}
    return {"vae": precision_of(file, header.tensors.values())}


def _is_cross(name: str) -> bool:
    return name.startswith(UNET) and name.endswith(".attn2.to_k.weight")


def _not_sd1(place: Path) -> str:
    return f"{place} is a model of another family than Stable Diffusion 1.x."


def _variant(place: Path, channels: Any) -> str:
    if not isinstance(channels, int) or channels not in VARIANTS:
        known = ", ".join(f"{n} ({name})" for n, name in VARIANTS.items())
        raise UnreadableModel(
            "unknown-variant",
            f"The UNet in {place} takes {channels!r:.20} channels; Limn knows {known}.",
            "Models for depth or for upscaling take others. Choose one of the three kinds.",
        )
    return VARIANTS[channels]


def is_folder(place: Path) -> bool:
    """Whether a folder is in the diffusers format, whole or not."""
    return (place / "model_index.json").is_file() or (place / "unet" / "config.json").is_file()


def _folder(folder: Path) -> Checkpoint:
    if not is_folder(folder):
        if (folder / "config.json").is_file() and is_folder(folder.parent):
            remedy = f"Name the folder that it lies in: {folder.parent}"
            return _unusable(folder, "one-network", f"{folder} is one part of a model.", remedy)
        sentence = f"There is no model in {folder}."
        remedy = "A folder in the diffusers format has a model_index.json."
        return _unusable(folder, "no-model", sentence, remedy)
    index = folder / "model_index.json"
    described = object_in(index) if index.is_file() else {}
    if trouble := other_pipeline(folder, described):
        return Checkpoint(folder, trouble=trouble)
    lacks = [part for part in STEMS if not (folder / part / "config.json").is_file()]
    lacks += [] if _has_tokenizer(folder / "tokenizer") else ["tokenizer"]
    lacks += [] if _scheduler(folder).is_file() else ["scheduler"]
    if lacks:
        sentence = f"The model in {folder} is incomplete: it lacks {', '.join(lacks)}."
        remedy = (
            "Fetch it again, with the folders unet, vae, text_encoder, tokenizer and scheduler."
        )
        return _unusable(folder, "missing-parts", sentence, remedy)
    family = check_configuration(folder)
    channels = read_json(UNet, folder / "unet" / "config.json").in_channels
    variant = _variant(folder, channels)
    weights = {}
    for part, stem in STEMS.items():
        found = weights_in(folder / part, stem)
        if isinstance(found, Trouble):
            return Checkpoint(folder, family, variant, trouble=found)
        weights[part] = found
    for mark in PRECISION_MARKS:
        shapes = {part: of[mark].shapes for part, of in weights.items() if mark in of}
        if trouble := misfit(folder, folder, shapes, channels):
            return Checkpoint(folder, family, variant, trouble=trouble)
    marks = {part: _first(found) for part, found in weights.items()}
    parts = {part: chosen.precision for part, chosen in marks.items()}
    size = sum(chosen.size for chosen in marks.values())
    return Checkpoint(folder, family, variant, parts, (), False, size, weights)


def _first(found: Mapping[str, Part]) -> Part:
    return next(found[mark] for mark in PRECISION_MARKS if mark in found)


def _has_tokenizer(folder: Path) -> bool:
    old = all((folder / name).is_file() for name in ("vocab.json", "merges.txt"))
    return old or (folder / "tokenizer.json").is_file()


def _scheduler(folder: Path) -> Path:
    return folder / "scheduler" / "scheduler_config.json"
