"""The contact sheet: what stands where, and the mask's outline."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from limn.editing.bench import sheet


def test_outline_is_one_pixel_on_the_masks_inner_side() -> None:
    mask = torch.zeros(1, 1, 12, 12)
    mask[..., 2:8, 3:9] = 1
    shown = np.array(
        sheet.outlined(sheet.to_image(torch.zeros(1, 3, 12, 12)), sheet.mask_image(mask))
    )
    edge = (shown == sheet.OUTLINE).all(-1)
    expected = np.zeros((12, 12), dtype=bool)
    expected[2:8, 3:9] = True
    expected[3:7, 4:8] = False
    np.testing.assert_array_equal(edge, expected)


def test_a_mask_of_the_whole_picture_has_no_outline() -> None:
    picture = sheet.to_image(torch.full((1, 3, 8, 8), 0.5))
    whole = sheet.outlined(picture, sheet.mask_image(torch.ones(1, 1, 8, 8)))
    assert np.array_equal(np.array(whole), np.array(picture))


def test_pictures_survive_the_way_to_bytes_and_back() -> None:
    image = torch.arange(0, 256, dtype=torch.float32).view(1, 1, 16, 16).expand(1, 3, 16, 16) / 255
    assert torch.equal(sheet.to_tensor(sheet.to_image(image)), image)
    assert sheet.to_tensor(sheet.mask_image(image[:, :1])).shape == (1, 1, 16, 16)


def test_cells_stand_in_rows_and_columns(tmp_path: Path) -> None:
    red, blue = Image.new("RGB", (10, 10), (255, 0, 0)), Image.new("RGB", (20, 20), (0, 0, 255))
    rows = [sheet.Row("first", [red, None]), sheet.Row("second", [None, blue])]
    sheet.contact_sheet(["one", "two"], rows, (10, 10), tmp_path / "sheet.png")
    shown = np.array(Image.open(tmp_path / "sheet.png"))
    step = 10 + sheet.GAP
    assert shown.shape == (sheet.HEAD + 2 * step, sheet.SIDE + 2 * step, 3)
    assert tuple(shown[sheet.HEAD + 5, sheet.SIDE + 5]) == (255, 0, 0)
    assert tuple(shown[sheet.HEAD + 5, sheet.SIDE + step + 5]) == (255, 255, 255)
    assert tuple(shown[sheet.HEAD + step + 5, sheet.SIDE + step + 5]) == (0, 0, 255)
