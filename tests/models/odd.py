"""Checkpoints that no list of formats has, each built from small ones."""

from __future__ import annotations

import json
import os
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from ..editing.single_file import Shapes, shapes, sparse
from . import formats as f
from .formats import UNET, Kit
from .test_formats import pieces


def shaped(kit: Kit, tensors: Shapes) -> Path:
    """A file with these tensors, whose weights are a hole."""
    return sparse(kit.root / "mine.safetensors", tensors)


def prefixed(prefix: str) -> Callable[[Kit], Path]:
    """Every name with more before it."""
    return lambda kit: shaped(kit, {prefix + name: value for name, value in shapes().items()})


def with_more(channels: int = 4, **more: tuple[str, tuple[int, ...]]) -> Callable[[Kit], Path]:
    """Stable Diffusion 1.x's tensors and others, named with __ for a dot."""
    added = {name.replace("__", "."): value for name, value in more.items()}
    return lambda kit: shaped(kit, shapes(channels) | added)


def resized(change: Callable[[str, tuple[int, ...]], tuple[int, ...]]) -> Callable[[Kit], Path]:
    """Stable Diffusion 1.x's names with other shapes."""
    return lambda kit: shaped(
        kit, {name: (dtype, change(name, shape)) for name, (dtype, shape) in shapes().items()}
    )


def half_renamed(kit: Kit) -> Path:
    names = enumerate(shapes().items())
    return shaped(kit, {n.removeprefix("model.") if i % 2 else n: v for i, (n, v) in names})


def average_only(kit: Kit) -> Path:
    tensors = shapes(ema=True)
    return shaped(kit, {n: v for n, v in tensors.items() if not n.startswith(UNET)})


def one_file(kit: Kit) -> Path:
    """All networks of a folder in one file."""
    folder, file = kit.folder(), kit.root / "mine.safetensors"
    tensors = {
        f"{part}.{name}": value
        for part in f.WEIGHTS
        for name, value in load_file(f.weights(folder, part)).items()
    }
    save_file(tensors, file)
    return file


def reheaded(change: Callable[[dict[str, object]], dict[str, object]]) -> Callable[[Kit], Path]:
    """A file with another header."""

    def build(kit: Kit) -> Path:
        file = kit.file()
        content = file.read_bytes()
        (length,) = struct.unpack("<Q", content[:8])
        header = json.dumps(change(json.loads(content[8 : 8 + length]))).encode()
        file.write_bytes(struct.pack("<Q", len(header)) + header + content[8 + length :])
        return file

    return build


def overlapping(header: dict[str, object]) -> dict[str, object]:
    first, second = list(header)[1:3]
    return header | {first: header[second]}


def pipeline(name: str, variant: str = "text-to-image", **parts: object) -> Callable[[Kit], Path]:
    """A folder with another model_index.json; a part that is None is not in it."""

    def build(kit: Kit) -> Path:
        folder = kit.folder(variant)
        described = json.loads((folder / "model_index.json").read_text())
        for part, value in parts.items():
            if value is None:
                described.pop(part)
                shutil.rmtree(folder / part)
        told = {part: value for part, value in parts.items() if value is not None}
        f.write(folder / "model_index.json", described | told | {"_class_name": name})
        return folder

    return build


def configured(
    part: str, variant: str = "text-to-image", **changes: object
) -> Callable[[Kit], Path]:
    return lambda kit: f.configure(kit.folder(variant), part, **changes)


def exported(name: str) -> Callable[[Kit], Path]:
    """A UNet for another library."""

    def build(kit: Kit) -> Path:
        folder = kit.folder()
        f.weights(folder, "unet").rename(folder / "unet" / name)
        return folder

    return build


def empty_piece(kit: Kit) -> Path:
    folder = pieces(kit.folder())
    next(folder.glob("unet/*-00002-of-00002.*")).write_bytes(b"")
    return folder


def index_elsewhere(kit: Kit) -> Path:
    """An index that names weights outside of the folder."""
    folder = kit.folder()
    f.weights(folder, "unet").rename(kit.root / "elsewhere.safetensors")
    index = {"weight_map": {"conv_in.weight": "../../elsewhere.safetensors"}}
    f.write(folder / "unet" / "diffusion_pytorch_model.safetensors.index.json", index)
    return folder


def linked(kit: Kit) -> Path:
    (kit.root / "mine.safetensors").symlink_to(kit.root / "gone.safetensors")
    return kit.root / "mine.safetensors"


def not_utf8(kit: Kit) -> Path:
    name = os.fsencode(kit.root) + b"/m\xff[red]"
    os.rename(kit.folder(), name)
    return Path(os.fsdecode(name))


def unfinished(kit: Kit) -> Path:
    kit.bytes("mine.safetensors.aria2", b"\0")
    return kit.file()


def longer(kit: Kit) -> Path:
    file = kit.file()
    os.truncate(file, file.stat().st_size + 4096)
    return file


def part_of(kit: Kit) -> Path:
    return f.weights(kit.folder(), "text_encoder")


def selecting(place: str) -> Callable[[Kit], Path]:
    def build(kit: Kit) -> Path:
        f.write(kit.root / "mine.json", {"text-to-image": place})
        return kit.root / "mine.json"

    return build


def described_elsewhere(kit: Kit) -> Path:
    """A LoRA by its metadata, a model by its tensors."""
    file = kit.file()
    save_file(load_file(file), file, {"ss_network_module": "networks.lora"})
    return file


def mixed(kit: Kit) -> Path:
    kinds = (torch.bfloat16, torch.float16, torch.float32)
    return kit.file(
        change=lambda tensors: {
            name: value.to(kinds[number % 3]) if value.is_floating_point() else value.half()
            for number, (name, value) in enumerate(tensors.items())
        }
    )


def with_leftovers(kit: Kit) -> Path:
    """What training and other programs leave in a file."""
    more = {"first_stage_model.loss.logvar": (), "bundle_emb.hand.string_to_param.*": (2, 32)}
    zeros = {name: torch.zeros(shape) for name, shape in more.items()}
    return kit.file(change=lambda tensors: tensors | zeros)


def renamed(end: str) -> Callable[[Kit], Path]:
    """Under another suffix, found in its folder."""

    def build(kit: Kit) -> Path:
        file = kit.file()
        file.rename(file.with_suffix(end))
        return kit.root

    return build


def on_windows(kit: Kit) -> Path:
    """JSON as an editor on Windows saves it."""
    folder = kit.folder()
    for name in ("unet/config.json", "model_index.json", "limn.json"):
        (folder / name).write_bytes(b"\xef\xbb\xbf" + (folder / name).read_bytes())
    return folder


def deep(kit: Kit) -> Path:
    (kit.root / "x/y").mkdir(parents=True)
    kit.folder(name="x/y/日本 $(x) '\"\n[bold]")
    return kit.root
