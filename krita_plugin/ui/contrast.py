"""Colours that can be read on any theme of Krita's.

The contrast of two colours is that of WCAG 2.1 (success criterion 1.4.3): 4.5 is the least for text
of normal size. No Krita, no Qt: colours are (red, green, blue), 0..255.
"""

from __future__ import annotations

LEAST_CONTRAST = 4.5

Colour = tuple[int, int, int]


def luminance(colour: Colour) -> float:
    """Relative luminance, 0..1."""
    shares = (level / 255 for level in colour)
    red, green, blue = (
        share / 12.92 if share <= 0.03928 else ((share + 0.055) / 1.055) ** 2.4 for share in shares
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Colour, other: Colour) -> float:
    """From 1, no difference, to 21, black and white."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def legible(colour: Colour, ground: Colour) -> Colour:
    """A colour mixed with as little black or white as makes it legible on a ground."""
    white, black = (255, 255, 255), (0, 0, 0)
    end = white if contrast(white, ground) > contrast(black, ground) else black
    for percent in range(0, 101, 2):
        red, green, blue = (
            round(own + (far - own) * percent / 100) for own, far in zip(colour, end, strict=True)
        )
        if contrast((red, green, blue), ground) >= LEAST_CONTRAST:
            return red, green, blue
    return end
