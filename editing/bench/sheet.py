"""Pictures in rows and columns, with names: a contact sheet to look at."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor
from torch.nn import functional as F

OUTLINE = (255, 0, 220)  # a colour that pictures seldom have
GAP = 4  # pixels between cells
HEAD = 18  # pixels for the columns' names
SIDE = 132  # pixels for a row's name
LETTERS = 21  # of the default font that fit beside a row


@dataclass(frozen=True)
class Row:
    """A row's name and its cells; None leaves one empty."""

    name: str
    cells: Sequence[Image.Image | None]


def to_image(picture: Tensor) -> Image.Image:
    """(1, 3, H, W) in 0..1 -> an 8-bit picture."""
    return Image.fromarray(
        (picture[0].permute(1, 2, 0).clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy()
    )


def to_tensor(picture: Image.Image) -> Tensor:
    """A picture -> (1, 3, H, W) in 0..1; a grey one -> (1, 1, H, W)."""
    values = torch.from_numpy(np.array(picture, dtype=np.float32) / 255)
    return values[None, None] if values.ndim == 2 else values.permute(2, 0, 1)[None]


def mask_image(mask: Tensor) -> Image.Image:
    """(1, 1, H, W) in 0..1 -> an 8-bit grey picture."""
    return Image.fromarray((mask[0, 0].clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy())


def outlined(picture: Image.Image, mask: Image.Image | None) -> Image.Image:
    """The picture with the mask's outline, one pixel wide, on its inner side.

    The whole picture's mask has no outline.
    """
    if mask is None:
        return picture
    inside = (torch.from_numpy(np.array(mask.convert("L"))) > 127).float()[None, None]
    eroded = -F.max_pool2d(
        -inside, 3, stride=1, padding=1
    )  # padding never wins, so the picture's own edge is no outline
    edge = ((inside - eroded)[0, 0] > 0).numpy()
    shown = np.array(picture.convert("RGB"))
    shown[edge] = OUTLINE
    return Image.fromarray(shown)


def contact_sheet(
    columns: Sequence[str], rows: Sequence[Row], cell: tuple[int, int], file: Path
) -> None:
    """Write a PNG. cell: (width, height) of one picture; others are made to fit."""
    width, height = cell
    sheet = Image.new(
        "RGB",
        (SIDE + len(columns) * (width + GAP), HEAD + max(1, len(rows)) * (height + GAP)),
        "white",
    )
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default()
    for x, name in enumerate(columns):
        draw.text((SIDE + x * (width + GAP) + 2, 3), name, fill="black", font=font)
    for y, row in enumerate(rows):
        top = HEAD + y * (height + GAP)
        draw.multiline_text(
            (2, top + 2),
            "\n".join(textwrap.wrap(row.name, LETTERS)[: height // 12]),
            fill="black",
            font=font,
        )
        for x, picture in enumerate(row.cells):
            if picture is not None:
                shown = picture if picture.size == cell else picture.resize(cell)
                sheet.paste(shown, (SIDE + x * (width + GAP), top))
    file.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(file)
