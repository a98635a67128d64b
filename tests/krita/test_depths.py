"""The same edit in documents of other depths and colour models."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from .harness import Outcome
from .pictures import bgra, grey

pytestmark = [pytest.mark.krita, pytest.mark.timeout(2700)]

WIDTH, HEIGHT = 256, 192
SPACES = ("rgba_u8", "rgba_u16", "rgba_f32", "graya_u8", "cmyka_u8")

OFF = 0.02
"""How far the colour may be off, as a share of the whole range.

For two conversions.
"""

ALPHA_AT = {
    "rgba_u8": (4, "u1", 3),
    "rgba_u16": (4, "<u2", 3),
    "rgba_f32": (4, "<f4", 3),
    "graya_u8": (2, "u1", 1),
    "cmyka_u8": (5, "u1", 4),
}
"""Channels, type and place of alpha in Krita's own pixels."""


@pytest.fixture(scope="module")
def depths(play: Callable[[str], Outcome]) -> Outcome:
    return play("depths.py")


@pytest.mark.parametrize("space", SPACES)
def test_nothing_else_changes(depths: Outcome, space: str) -> None:
    told = depths.of(space)
    assert told["note"].startswith("done in"), told["note"]
    assert told["new layer's space"] == told["space"]
    assert told["other layers untouched"]
    channels, kind, place = ALPHA_AT[space]
    raw = np.frombuffer((depths.folder / f"{space}-layer.raw").read_bytes(), kind).reshape(
        HEIGHT, WIDTH, channels
    )
    before, _ = bgra(depths.folder / f"{space}-seen-before.bgra", WIDTH, HEIGHT)
    after, _ = bgra(depths.folder / f"{space}-seen-after.bgra", WIDTH, HEIGHT)
    outside = raw[..., place] == 0
    assert outside.any() and not outside.all()
    assert np.array_equal(before[outside], after[outside])
    assert told["undone"] == {"layers": ["Background", "painting"], "same": True}


@pytest.mark.parametrize("space", SPACES)
def test_the_server_sees_what_the_painter_sees(depths: Outcome, space: str) -> None:
    """The layer on the wire, in sRGB, beside the picture before the edit.

    2% apart at most.
    """
    sent = depths.of(space)["sent"]
    assert sent["format"] == ("bgra8" if space.endswith("u8") else "bgra16"), (
        "a deeper document must travel with 16 bits"
    )
    got, alpha = bgra(depths.folder / f"{space}-sent.bgra", sent["width"], sent["height"])
    seen, _ = bgra(depths.folder / f"{space}-seen-before.bgra", WIDTH, HEIGHT)
    rows, columns = (
        slice(sent["y"], sent["y"] + sent["height"]),
        slice(sent["x"], sent["x"] + sent["width"]),
    )
    full = alpha == 255
    off = np.abs(got[full].astype(float) - seen[rows, columns][full]).max() / 255
    print(f"{space}: {full.sum()} opaque pixels sent, largest difference {off:.4f}")
    assert full.sum() >= 128 * 128 and np.ptp(got[full]) > 100
    assert off <= OFF


def test_a_shallow_layer_in_a_deeper_document(depths: Outcome) -> None:
    told = depths.of("shallow_layer")
    assert told["note"].startswith("done in") and told["untouched"]
    assert told["format"] == "bgra16" and told["depths"] == ["U8", "U16"]


@pytest.mark.parametrize("space", SPACES)
def test_the_colour_is_right(depths: Outcome, space: str) -> None:
    """What the painter sees is what the server sent.

    As it looks in the document's colour space: 2% apart at most.
    """
    told = depths.of(space)
    wire = told["wire"]
    assert wire["format"] == ("bgra8" if space.endswith("u8") else "bgra16"), (
        "a deeper document must travel with 16 bits"
    )
    wanted, alpha = bgra(depths.folder / f"{space}-wire.bgra", wire["width"], wire["height"])
    got, _ = bgra(depths.folder / f"{space}-seen-after.bgra", WIDTH, HEIGHT)
    rows, columns = (
        slice(wire["y"], wire["y"] + wire["height"]),
        slice(wire["x"], wire["x"] + wire["width"]),
    )
    mask = grey(depths.folder / f"{space}-mask.gray", wire["width"], wire["height"])
    full = (alpha == 255) & (mask == 255)
    off = np.abs(got[rows, columns][full].astype(float) - wanted[full]).max() / 255
    before, _ = bgra(depths.folder / f"{space}-seen-before.bgra", WIDTH, HEIGHT)
    print(f"{space}: {full.sum()} opaque pixels, largest difference {off:.4f}")
    assert full.any() and (got != before).any()
    assert off <= OFF


@pytest.mark.parametrize("space", ["u16", "cmyk", "cmyk_u16"])
def test_several_instructions_change_what_is_in_their_masks(depths: Outcome, space: str) -> None:
    told = depths.of(f"apart_{space}")
    assert told["note"].startswith("done in"), told["note"]
    assert told["spaces"] == [told["space"]] * 2
    for inside, outside in (told["seen"], *told["alone"]):
        assert inside > 100 and outside == 0, told
    assert told["untouched"] and told["undone"]
