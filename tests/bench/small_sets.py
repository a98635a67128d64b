"""A small data set in the layout of each paper's evaluation."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import torch

from limn.editing.bench import sheet

from ..editing.conftest import picture

SHORT = {
    name: {"steps": 2}
    for name in (
        "sdedit",
        "ip2p",
        "p2p",
        "diffedit",
        "masactrl",
        "pnp",
        "edit-friendly",
        "null-text",
        "cyclediffusion",
        "foi",
        "adapedit",
    )
} | {"dds": {"iterations": 2}}


def save(file: Path, seed: int = 0) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    sheet.to_image(picture(seed=seed)).save(file)


def save_mask(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., 16:32, 16:32] = 1
    sheet.mask_image(mask).save(file)


def write_instructpix2pix(folder: Path) -> None:
    rows = [{"input": "a red star", "edit": "make the star blue", "output": "a blue star"}] * 2
    (folder / "human-written-prompts.jsonl").write_text("\n".join(map(json.dumps, rows)))
    save(folder / "images" / "0.png")  # the second one has no picture: it is generated


def write_foi_single(folder: Path) -> None:
    for name in ("0000001", "0000002"):
        save(folder / name / "123_0.jpg")
        save(folder / name / "123_1.jpg", seed=1)
        row = {
            "input": "a red star",
            "edit": "make the star blue",
            "output": "a blue star",
            "object": "star",
        }
        (folder / name / "prompt.json").write_text(json.dumps(row))
    (folder / "seeds.json").write_text(json.dumps([["0000002", ["123"]]]))


def write_foi_multi(folder: Path) -> None:
    save(folder / "a.png")
    row = {
        "image": "a.png",
        "instructions": ["make the star blue", "remove the cat"],
        "caption": "a red star and a cat",
        "target": "a blue star",
    }
    (folder / "cases.json").write_text(json.dumps([row]))


def write_editing_mask(folder: Path) -> None:
    lines = [
        "7 <> A red star on a cat. <> red star <> a blue star",
        "ILSVRC2012_val_00028602.JPEG <> cat <> dog",
    ]
    (folder / "Editing-Mask_list.txt").write_text("\n".join(lines) + "\n")
    save(folder / "image" / "7.jpg")
    save(folder / "image" / "28602.jpg", seed=1)
    save_mask(folder / "mask" / "7.png")
    save_mask(folder / "mask" / "28602.png")


def write_imagen(folder: Path) -> None:
    (folder / "dataset_txt").mkdir()
    (folder / "dataset_txt" / "Imagen_list.txt").write_text(
        "1 <> A cat with a red star. <> red star <> a blue star\n"
    )
    save(folder / "dataset" / "1.jpg")


def write_imagenet(folder: Path) -> None:
    (folder / "ImageNet_list.txt").write_text("ILSVRC2012_val_00000001.JPEG <> cat <> dog\n")
    save(folder / "val" / "ILSVRC2012_val_00000001.JPEG")


def write_tedbench(folder: Path) -> None:
    (folder / "input_list.json").write_text(
        json.dumps([{"img_name": "dog.png", "target_text": "A sitting dog."}])
    )
    save(folder / "originals" / "dog.png")


def write_pie_bench(folder: Path) -> None:
    row = {
        "image_path": "0_random/1.jpg",
        "original_prompt": "a [red] star",
        "editing_prompt": "a [blue] star",
        "editing_instruction": "make the star blue",
        "editing_type_id": "6",
        "blended_word": "star star",
        "mask": [512 * 100 + 100, 50, 512 * 101 + 100, 50],
    }
    (folder / "mapping_file.json").write_text(json.dumps({"000000000001": row}))
    save(folder / "annotation_images" / "0_random" / "1.jpg")


WRITERS: dict[str, Callable[[Path], None]] = {
    "instructpix2pix": write_instructpix2pix,
    "foi-single": write_foi_single,
    "foi-multi": write_foi_multi,
    "editing-mask": write_editing_mask,
    "imagen": write_imagen,
    "imagenet": write_imagenet,
    "tedbench": write_tedbench,
    "pie-bench": write_pie_bench,
}
