"""How a LoRA file is named with its weight, and whether it can be used.

Its header tells; no weights are read, and torch is not imported.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ..errors import UnreadableModel
from .families import FAMILY, addition_or_family
from .weights_file import Header, read

MAX_BYTES = 2 * 1024**3
"""Of a file.

One of rank 128 for all layers of Stable Diffusion 1.x has some 300 MB.
"""

MAX_WEIGHT = 4.0
MAX_FILES = 16

OTHERS = f"Choose a LoRA for {FAMILY}."


@dataclass(frozen=True)
class Lora:
    """A file, and how much of it is put in: -4..4, 1 as it was trained."""

    place: Path
    weight: float = 1.0


def parse(text: str) -> tuple[Lora, ...]:
    """FILE:WEIGHT, several separated by commas.

    Without a weight it is 1. Raises UnreadableModel.
    """
    found = []
    for entry in filter(None, (part.strip() for part in text.split(","))):
        place, colon, number = entry.rpartition(":")
        given = re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)", number) if colon and place else None
        lora = Lora(Path(place), float(number)) if given else Lora(Path(entry))
        if abs(lora.weight) > MAX_WEIGHT:
            raise bad(
                entry, f"its weight is beyond {MAX_WEIGHT:g}", "Weights of 0.4 to 1 are usual."
            )
        found.append(Lora(lora.place.expanduser(), lora.weight))
    if len(found) > MAX_FILES:
        raise bad(text[:60], f"there are more than {MAX_FILES}", "Give fewer.")
    return tuple(found)


def check(place: Path) -> Header:
    """A LoRA's header, by which it can be used. Raises UnreadableModel."""
    header = read(place)
    if not isinstance(header, Header):
        raise UnreadableModel(header.code, header.sentence, header.remedy)
    trouble = addition_or_family(place, header.tensors)
    if trouble is None or trouble.code != "lora":
        what = trouble.sentence if trouble else f"{place} is no LoRA."
        raise UnreadableModel("no-lora", what, "Choose a LoRA for Stable Diffusion 1.x.")
    if any(re.search(r"\.(hada|lokr)_w\d|\.lora_mid\b|\.dora_scale\b", n) for n in header.tensors):
        raise bad(place, "it is of a kind that Limn does not know (LyCORIS, DoRA)", OTHERS)
    if any(name.startswith("lora_te2_") for name in header.tensors):
        raise bad(place, "it was made for SDXL", OTHERS)
    if sum(tensor.size for tensor in header.tensors.values()) > MAX_BYTES:
        raise bad(place, "it has more than 2 GiB", OTHERS)
    return header


def bad(place: object, why: str, remedy: str) -> UnreadableModel:
    return UnreadableModel("bad-lora", f"The LoRA {place} can't be used: {why}.", remedy)
