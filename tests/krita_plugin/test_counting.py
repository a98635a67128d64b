"""Pixels are counted without numpy; held against a plain count."""

from __future__ import annotations

import random
from typing import Any

import pytest


def plain(pixels: bytes, step: int, size: int) -> list[bool]:
    return [any(pixels[at + step - size : at + step]) for at in range(0, len(pixels), step)]


SPACES = [(4, "U8", 1), (8, "U16", 2), (10, "U16", 2), (2, "U8", 1), (16, "F32", 4)]


@pytest.mark.parametrize(("step", "depth", "size"), SPACES)
def test_a_count_is_that_of_a_plain_loop(counting: Any, step: int, depth: str, size: int) -> None:
    from limn.krita_plugin.document.geometry import Rect

    draw = random.Random(step)
    strip, area = Rect(5, 7, 13, 6), Rect(9, 3, 30, 7)
    pixels = bytes(draw.choice((0, 0, 0, 1, 255)) for _ in range(strip.width * strip.height * step))
    mask = bytes(draw.choice((0, 0, 1, 200)) for _ in range(area.width * area.height))
    seen = plain(pixels, step, size)
    inside = []
    for y in range(strip.y, strip.bottom):
        for x in range(strip.x, strip.right):
            here = area.x <= x < area.right and area.y <= y < area.bottom
            inside.append(here and mask[(y - area.y) * area.width + x - area.x] > 0)
    found = counting.counted(
        counting.covered(pixels, strip.width * strip.height, depth),
        counting.masked(mask, area, strip),
    )
    outside = sum(a and not b for a, b in zip(seen, inside, strict=True))
    assert found == (sum(seen), outside) and 0 < outside < sum(seen)


def test_the_count_is_said(words: Any, counting: Any) -> None:
    from limn.protocol.messages import Done

    done = Done("a", 1, "foi", 7)
    said = words.done_words(done, 3.2, False, counted=counting.Counted(70, 0, 1000))
    assert said == "done in 3 s · seed 7 · 7% of the picture changed, 0 pixels outside the mask"
    said = words.done_words(done, 3.2, False, counted=counting.Counted(3, 1234, 100_000))
    assert said.endswith("less than 1% of the picture changed, 1,234 pixels outside the mask")
    assert words.done_words(done, 3.2, False) == "done in 3 s · seed 7"
