"""When something is said of the layer below a result."""

from __future__ import annotations

import pytest

from limn.krita_plugin.remarks import SENTENCES, Remark, is_half_transparent


def layer(*alphas: int) -> bytes:
    return b"".join(bytes((1, 2, 3, alpha)) for alpha in alphas)


@pytest.mark.parametrize(
    ("pixels", "opacity", "half"),
    [
        (layer(*[255] * 9, 128, *[0] * 40), 255, False),  # a shape with a soft edge
        (layer(*[255] * 9), 153, True),
        (layer(*[153] * 9, *[0] * 40), 255, True),
        (layer(*[250] * 9), 250, False),
        (layer(0, 0), 255, False),
        (b"", 255, False),
    ],
)
def test_half_transparent(pixels: bytes, opacity: int, half: bool) -> None:
    assert is_half_transparent(pixels, opacity) == half


@pytest.mark.parametrize("code", SENTENCES)
def test_a_remark_names_the_layer(code: str) -> None:
    assert "“ink {0}”" in Remark(code, "ink {0}").sentence
