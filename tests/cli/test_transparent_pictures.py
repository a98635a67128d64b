"""A transparent picture is as transparent after an edit.

Through the real `limn edit`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from limn.protocol.messages import Pixels, Region
from limn.server.cli.pictures import Picture, composed, read

from .conftest import FAST, Limn

WORDS = "make the square blue"


def with_opacity(alpha: int, mode: str, file: Path) -> Path:
    """A red square on green, all of one opacity; "RGBA16" with 16 bits."""
    image = Image.new("RGBA", (64, 48), (60, 150, 70, alpha))
    ImageDraw.Draw(image).rectangle((20, 10, 44, 34), fill=(200, 30, 40, alpha))
    if mode == "RGBA16":
        from limn.server.cli.pictures import write

        write(Picture("RGBA", True, np.asarray(image).astype(np.uint16) * 257), file)
    else:
        image.convert(mode).save(file)
    return file


@pytest.mark.parametrize("mode", ["RGBA", "LA", "RGBA16"])
@pytest.mark.parametrize("alpha", [3, 153, 255])
def test_opacity_stays(limn: Limn, tmp_path: Path, mode: str, alpha: int) -> None:
    file, out = with_opacity(alpha, mode, tmp_path / "in.png"), tmp_path / "out"
    done = limn("edit", file, WORDS, *FAST, "--out", out)
    assert done.returncode == 0, done.stderr
    before, after = read(file), read(out / "result.png")
    assert (before.own != after.own).any() and after.mode == before.mode
    step = 257 if before.deep else 1
    assert abs(after.own[..., 3].astype(int) - alpha * step).max() <= step / 2 + 1
    outside = read(out / "layer.png").own[..., 3] == 0
    assert (after.own[outside] == before.own[outside]).all()


def test_opaque_is_a_choice(limn: Limn, tmp_path: Path) -> None:
    file, out = with_opacity(153, "RGBA", tmp_path / "in.png"), tmp_path / "out"
    assert limn("edit", file, WORDS, *FAST, "--opaque", "--out", out).returncode == 0
    mask = np.asarray(Image.open(out / "mask.png"))
    after = read(out / "result.png").own
    assert (after[mask == 255][:, 3] == 255).all() and (after[mask == 0][:, 3] == 153).all()


def gray(levels: np.ndarray) -> Region:
    return Region(0, 0, Pixels(levels.shape[1], levels.shape[0], "gray8", levels.tobytes()))


@pytest.mark.parametrize("deep", [False, True])
def test_the_share_replaces_and_does_not_pile_up(deep: bool) -> None:
    """P = (1 - m) P + A F for each pair of a mask and an opacity."""
    most = 65535 if deep else 255
    kind = np.uint16 if deep else np.uint8
    shares, opacities = np.meshgrid(np.arange(256), np.arange(256))
    own = np.zeros((256, 256, 4))
    own[..., 0], own[..., 3] = most, opacities * (most / 255)
    layer = np.zeros((256, 256, 4))
    layer[..., 2], layer[..., 3] = most, shares / 255 * opacities * (most / 255)
    picture = Picture("RGBA", deep, own.astype(kind), None)
    over = layer.round().astype("<u2" if deep else "u1")
    region = Region(0, 0, Pixels(256, 256, "rgba16" if deep else "rgba8", over.tobytes()))
    after = composed(picture, region, gray(shares.astype(np.uint8))).own.astype(float)
    assert abs(after[..., 3] - picture.own[..., 3]).max() <= (258 if deep else 1)
    strong = opacities >= 64
    assert abs(after[..., 2] - shares / 255 * most)[strong].max() <= most * 0.02
    assert abs(after[..., 0] + after[..., 2] - most)[strong].max() <= most * 0.02


@pytest.mark.parametrize("mode", ["P", "RGB", "L"])
def test_modes_that_can_not_be_transparent_by_half_get_alpha(mode: str, tmp_path: Path) -> None:
    levels = np.zeros((8, 8, 3), np.uint8)
    levels[2:6, 2:6] = 200
    image = Image.fromarray(levels).quantize(4) if mode == "P" else Image.fromarray(levels)
    image = image if mode == "P" else image.convert(mode)
    key = {"P": int(np.asarray(image).flat[0]) if mode == "P" else 0, "RGB": (0, 0, 0), "L": 0}[
        mode
    ]
    image.save(tmp_path / "in.png", transparency=key)
    picture = read(tmp_path / "in.png")
    layer = np.zeros((8, 8, 4), np.uint8)
    layer[0, 0] = (0, 0, 255, 100)  # new, outside the old shape
    layer[3, 3] = (0, 0, 255, 255)
    share = np.zeros((8, 8), np.uint8)
    share[0, 0] = share[3, 3] = 255
    region = Region(0, 0, Pixels(8, 8, "rgba8", layer.tobytes()))
    after = composed(picture, region, gray(share))
    assert after.mode == ("LA" if mode == "L" else "RGBA") and "transparency" in after.warnings[-1]
    assert after.own[0, 0, 3] == 100 and after.own[3, 3, 3] == 255
    assert after.own[1, 1, 3] == 0 and after.own[4, 4, 3] == 255
