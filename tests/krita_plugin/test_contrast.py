"""Colours are legible on every theme."""

from __future__ import annotations

import pytest

from limn.krita_plugin.ui.contrast import LEAST_CONTRAST, contrast, legible


def test_contrast_is_that_of_the_guidelines() -> None:
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert contrast((119, 119, 119), (255, 255, 255)) == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("level", range(0, 256, 5))
@pytest.mark.parametrize("colour", [(224, 115, 108), (217, 163, 43), (76, 175, 106)])
def test_every_colour_is_legible_on_every_grey(level: int, colour: tuple[int, int, int]) -> None:
    ground = (level, level, level)
    assert contrast(legible(colour, ground), ground) >= LEAST_CONTRAST


def test_a_legible_colour_stays() -> None:
    assert legible((160, 0, 0), (255, 255, 255)) == (160, 0, 0)
