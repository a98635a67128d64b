"""The files of weights in a folder, whole or in pieces."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import UnreadableModel
from .checked_json import read_bytes
from .weights_file import Header, Tensor, Trouble, read

PRECISIONS = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}


STEMS = {
    "unet": "diffusion_pytorch_model",
    "vae": "diffusion_pytorch_model",
    "text_encoder": "model",
}
"""How the weights are called in a folder in the diffusers format."""

PRECISION_MARKS = ("", "fp16", "bf16")
"""Between the stem and `.safetensors`.

Other marks (`non_ema`) are copies for training.
"""


@dataclass(frozen=True)
class Part:
    """The weights of one network in a folder, in one precision: whole, or in shards."""

    files: tuple[Path, ...]
    precision: str
    size: int  # bytes
    shapes: Mapping[str, tuple[int, ...]]


def precision_of(place: Path, tensors: Iterable[Tensor]) -> str:
    """The number type that most bytes have.

    Raises UnreadableModel for weights of which any are compressed. Whole numbers among them are
    counters, unless they are the most.
    """
    sizes: dict[str, int] = {}
    for tensor in tensors:
        sizes[tensor.dtype] = sizes.get(tensor.dtype, 0) + tensor.size
    most = max(sizes, key=lambda dtype: sizes[dtype], default="")
    small = next((name for name in sizes if name.startswith(("F8_", "F6_", "F4"))), "")
    if small or most not in PRECISIONS:
        what = small or most or "none"
        part = " in part" if small and small != most else ""
        raise UnreadableModel(
            "compressed",
            f"The weights in {place} are compressed{part} ({what}): fp8 and smaller lose what "
            "masks are read from.",
            "Get the same model in fp16 or fp32.",
        )
    return PRECISIONS[most]


def weights_in(folder: Path, stem: str) -> Mapping[str, Part] | Trouble:
    """A network's weights in its folder, by mark; or why there are none."""
    found = {}
    trouble: Trouble | None = None
    for mark in PRECISION_MARKS:
        name = f"{stem}.{mark}" if mark else stem
        whole = folder / f"{name}.safetensors"
        files = [whole] if whole.is_file() else _shards(folder, name)
        if isinstance(files, Trouble):
            trouble = files
        elif files:
            headers = [read(file) for file in files]
            trouble = next((h for h in headers if isinstance(h, Trouble)), trouble)
            whole_ones = [h for h in headers if isinstance(h, Header)]
            if len(whole_ones) == len(headers):
                named = {n: t for header in whole_ones for n, t in header.tensors.items()}
                size = sum(tensor.size for tensor in named.values())
                precision = precision_of(folder, named.values())
                shapes = {name: tensor.shape for name, tensor in named.items()}
                found[mark] = Part(tuple(files), precision, size, shapes)
    if trouble is not None and not found:
        return trouble
    if not found:
        if exported := next((what for end, what in EXPORTS if any(folder.glob(end))), ""):
            sentence = f"{folder} has its weights for {exported} only."
            return Trouble("exported", sentence, f"Fetch {stem}.safetensors of the same model.")
        pickles = [f.name for f in sorted(folder.glob("*.bin"))[:1]]
        if pickles:
            return Trouble(
                "pickle",
                f"{folder} has its weights as pickles only ({pickles[0]}): loading one may run "
                "any program that is in it.",
                f"Fetch {stem}.safetensors or {stem}.fp16.safetensors of the same model; Limn "
                "loads no pickles.",
            )
        sentence = f"There are no weights in {folder}."
        return Trouble("missing-parts", sentence, f"Fetch {stem}.safetensors into it.")
    return found


EXPORTS = (
    ("*.onnx", "ONNX"),
    ("openvino_model.*", "OpenVINO"),
    ("*.msgpack", "Flax"),
    ("*.mlmodelc", "Core ML"),
    ("*.gguf", "GGUF"),
)
"""Files that other programs compute by, and what they are for."""


def _shards(folder: Path, name: str) -> list[Path] | Trouble:
    """The files of weights that come in pieces.

    They are named name-00001-of-00002.safetensors, and so on.
    """
    pattern = re.compile(re.escape(name) + r"-(\d{5})-of-(\d{5})\.safetensors")
    there = {m[1]: file for file in folder.iterdir() if (m := pattern.fullmatch(file.name))}
    if not there:
        return []
    files = [there[number] for number in sorted(there)]
    count = int(files[0].stem[-5:])
    if len(files) != count:
        sentence = f"{folder} has {len(files)} of the {count} pieces of {name}.safetensors."
        return Trouble("missing-parts", sentence, "Fetch the missing pieces.")
    return files


def object_in(file: Path) -> dict[str, Any]:
    """A small JSON file that holds an object.

    Raises UnreadableModel where it does not.
    """
    try:
        content = json.loads(read_bytes(file))
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        sentence = f"{file} should hold a JSON object."
        raise UnreadableModel("unreadable-model", sentence, "Fetch the model again.")
    return content
