"""The papers' data sets as samples.

Tells where each keeps its pictures, texts and masks. Sets that their authors published are read in
their own layout. FoI's multi-instruction and ablation sets were not: for those, and for any
pictures of one's own, a `cases.json` lists {"image", "instructions": [...], "caption", "target",
"mask" (optional)}, files relative to it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from . import sheet
from .methods import Words

PICTURES = frozenset((".png", ".jpg", ".jpeg", ".webp", ".bmp"))
SEPARATOR = " <> "
PIE_SIDE = 512  # pixels; PIE-Bench's masks are run lengths over this square
HALF = 0.5


class DataError(ValueError):
    """The folder does not hold the data set; says which file is missing or wrong."""


@dataclass(frozen=True)
class Sample:
    """One edit of a data set.

    picture: None where the picture is to be generated from the source text. group: its type or
    class.
    """

    name: str
    picture: Path | None
    words: Words
    mask: Tensor | None = None  # (1, 1, H, W), 0 or 1
    group: str = ""

    def load(self) -> Tensor:
        """The picture, (1, 3, H, W) in 0..1."""
        assert self.picture is not None
        with Image.open(self.picture) as file:
            return sheet.to_tensor(file.convert("RGB"))


# ---------------------------------------------------------------- finding files


def need(folder: Path, *names: str) -> Path:
    """The first of these files that is there. Raises DataError."""
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise DataError(f"{folder} lacks {' or '.join(names)}.")


def read_json(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{file} is not JSON: {error}.") from error


class Files:
    """Pictures and masks below a folder, by their names without ending.

    A file is a mask if its name or a folder's says so.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pictures: dict[str, Path] = {}
        self._masks: dict[str, Path] = {}
        for file in sorted(folder.rglob("*")):
            if file.suffix.lower() in PICTURES:
                is_mask = "mask" in file.relative_to(folder).as_posix().lower()
                name = re.sub(r"[-_ ]?mask$", "", file.stem, flags=re.IGNORECASE)
                (self._masks if is_mask else self._pictures).setdefault(name, file)

    def picture(self, *names: str) -> Path:
        """The picture of the first name that has one. Raises DataError."""
        for name in names:
            if name in self._pictures:
                return self._pictures[name]
        raise DataError(f"There is no picture {names[0]!r} (.jpg, .png, ...) below {self._folder}.")

    def mask(self, *names: str) -> Tensor | None:
        """The mask of the first name that has one, (1, 1, H, W)."""
        return next((load_mask(self._masks[name]) for name in names if name in self._masks), None)


def load_mask(file: Path) -> Tensor:
    """A grey picture as a binary mask (1, 1, H, W)."""
    with Image.open(file) as picture:
        return (sheet.to_tensor(picture.convert("L")) >= HALF).float()


def listed(file: Path) -> Iterator[list[str]]:
    """The fields of InstDiffEdit's lists."""
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.strip():
            yield [field.strip() for field in line.split(SEPARATOR)]


# ---------------------------------------------------------------- one reader a set


def instructpix2pix(folder: Path) -> Iterator[Sample]:
    """InstructPix2Pix's 700 human-written triplets.

    Lines of {"input", "edit", "output"}; pictures images/0.png, 1.png, ... or generated.
    """
    file = next(iter(sorted(folder.glob("*.jsonl"))), None)
    if file is None:
        raise DataError(
            f"{folder} lacks a .jsonl file with input, edit and output "
            "(human-written-prompts.jsonl)."
        )
    files = Files(folder)
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines()):
        if line.strip():
            row = json.loads(line)
            try:
                picture: Path | None = files.picture(str(number))
            except DataError:
                picture = None
            yield Sample(str(number), picture, Words(row["edit"], row["input"], row["output"]))


def foi_single(folder: Path) -> Iterator[Sample]:
    """InstructPix2Pix's generated set, which FoI takes single edits from.

    NAME/prompt.json {"input", "edit", "output"} and NAME/SEED_0.jpg; seeds.json chooses, if there.
    """
    chosen = read_json(folder / "seeds.json") if (folder / "seeds.json").is_file() else None
    names = (
        [name for name, _ in chosen]
        if chosen
        else sorted(f.parent.name for f in folder.glob("*/prompt.json"))
    )
    if not names:
        raise DataError(
            f"{folder} lacks folders with a prompt.json (the layout of InstructPix2Pix's data)."
        )
    for name in names:
        row = read_json(need(folder / name, "prompt.json"))
        befores = sorted((folder / name).glob("*_0.*"))
        if not befores:
            raise DataError(f"{folder / name} lacks a picture SEED_0.jpg.")
        yield Sample(
            name,
            befores[0],
            Words(row["edit"], row["input"], row["output"]),
            group=row.get("object", ""),
        )


def own_cases(folder: Path) -> Iterator[Sample]:
    """cases.json, as in this file's docstring."""
    for number, row in enumerate(read_json(need(folder, "cases.json"))):
        words = Words(", ".join(row["instructions"]), row.get("caption", ""), row.get("target", ""))
        mask = load_mask(folder / row["mask"]) if row.get("mask") else None
        yield Sample(
            row.get("name", str(number)),
            folder / row["image"],
            words,
            mask,
            str(len(row["instructions"])),
        )


def editing_mask(folder: Path) -> Iterator[Sample]:
    """InstDiffEdit's 200 edits, with a picture and a mask for each.

    Editing-Mask_list.txt mixes the lines of its Imagen and ImageNet lists.
    """
    files = Files(folder)
    for fields in listed(
        need(folder, "Editing-Mask_list.txt", "dataset_txt/Editing-Mask_list.txt")
    ):
        sample = _imagen(fields, files) if len(fields) == 4 else _imagenet(fields, files)
        if sample.mask is None:
            raise DataError(f"There is no mask of {sample.name!r} below {folder}.")
        yield sample


def imagen(folder: Path) -> Iterator[Sample]:
    """Imagen_list.txt: id, long prompt, phrase, edit text."""
    files = Files(folder)
    return (
        _imagen(fields, files)
        for fields in listed(need(folder, "Imagen_list.txt", "dataset_txt/Imagen_list.txt"))
    )


def imagenet(folder: Path) -> Iterator[Sample]:
    """ImageNet_list.txt (FlexIT's protocol): file, class, edit class."""
    files = Files(folder)
    return (
        _imagenet(fields, files)
        for fields in listed(need(folder, "ImageNet_list.txt", "dataset_txt/ImageNet_list.txt"))
    )


def _imagen(fields: list[str], files: Files) -> Sample:
    if len(fields) != 4:
        raise DataError(
            f"A line should be: id <> prompt <> phrase <> edit text; it has {len(fields)} "
            f"fields: {SEPARATOR.join(fields)}"
        )
    name, prompt, phrase, edit = fields
    source = prompt.rstrip(".")
    article = (
        r"(?:\ban? )?" if edit.lower().startswith(("a ", "an ")) else ""
    )  # the edit's article stands for the phrase's
    target = re.sub(
        article + re.escape(phrase), lambda _: edit, source, count=1, flags=re.IGNORECASE
    )
    words = Words(f"{phrase} => {edit}", source, target)
    return Sample(
        name, files.picture(name, f"{prompt}_2", prompt), words, files.mask(name), "Imagen"
    )


def _imagenet(fields: list[str], files: Files) -> Sample:
    if len(fields) != 3:
        raise DataError(
            f"A line should be: file <> class <> edit class; it has {len(fields)} fields: "
            f"{SEPARATOR.join(fields)}"
        )
    stem = Path(fields[0]).stem
    number = stem[-5:]  # their name for the file
    words = Words(f"a {fields[1]} => a {fields[2]}", f"a {fields[1]}", f"a {fields[2]}")
    return Sample(stem, files.picture(stem, number), words, files.mask(stem, number), fields[1])


def tedbench(folder: Path) -> Iterator[Sample]:
    """input_list.json of {"img_name", "target_text"}, pictures in originals/."""
    for row in read_json(need(folder, "input_list.json")):
        picture = need(folder, f"originals/{row['img_name']}", row["img_name"])
        text = row["target_text"].strip().rstrip(".")
        yield Sample(f"{picture.stem}: {text}", picture, Words("", "", text))


def pie_bench(folder: Path) -> Iterator[Sample]:
    """mapping_file.json, pictures in annotation_images/, masks as run lengths."""
    for name, row in read_json(need(folder, "mapping_file.json")).items():
        source, target = (
            row[key].replace("[", "").replace("]", "")
            for key in ("original_prompt", "editing_prompt")
        )
        picture = need(folder, f"annotation_images/{row['image_path']}")
        yield Sample(
            name,
            picture,
            Words(row["editing_instruction"], source, target),
            run_lengths(row["mask"]),
            row["editing_type_id"],
        )


def run_lengths(pairs: list[int], side: int = PIE_SIDE) -> Tensor:
    """PIE-Bench's mask.

    It is start, length, start, length, ... over side x side pixels, row by row; its border always
    belongs to it.
    """
    flat = np.zeros(side * side, dtype=np.float32)
    for start, length in zip(pairs[::2], pairs[1::2], strict=True):
        flat[start : start + length] = 1
    mask = torch.from_numpy(flat).view(1, 1, side, side)
    for edge in (mask[..., 0, :], mask[..., -1, :], mask[..., :, 0], mask[..., :, -1]):
        edge.fill_(1)
    return mask


READERS: Mapping[str, Callable[[Path], Iterator[Sample]]] = {
    "instructpix2pix": instructpix2pix,
    "foi-single": foi_single,
    "foi-multi": own_cases,
    "editing-mask": editing_mask,
    "imagen": imagen,
    "imagenet": imagenet,
    "tedbench": tedbench,
    "pie-bench": pie_bench,
}
