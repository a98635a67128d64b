"""What a layer above another can't do, as remarks for the painter.

Each remark has a code, the English sentence and its data. No Krita, no Qt.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..protocol.messages import Said
from .translations import told, tr

SENTENCES = {
    "blended-below": "“{layer}” is blended with what lies below it, and so is the result: both "
    "count there. To replace it, choose it and press Delete: the place is selected.",
    "seen-below": "“{layer}” is half transparent, and is seen below the result, too. To replace it "
    "there, choose it and press Delete: the place is selected.",
    "not-cleared": "A layer above can't make “{layer}” transparent. Press Delete to clear it: the "
    "place is selected.",
}

INSTEAD = {"get-a-model": "For other pictures, press Get a model… below."}
"""What the docker says in place of the server's words, by their code.

Those name a command.
"""

FAINT, STRONG = 26, 229
"""Of 255: from one to the other a pixel is half transparent."""

SHARE = 0.25
"""Of a layer's pixels: if more are half transparent, that is no soft edge."""


@dataclass(frozen=True)
class Remark:
    """A remark by its code; layer: the name of the one that is meant."""

    code: str
    layer: str

    @property
    def sentence(self) -> str:
        """In the painter's language."""
        return tr(SENTENCES[self.code], layer=self.layer)


def noted(said: Said) -> str:
    """What the server has noted, in the painter's language, and for a painter."""
    return tr(INSTEAD[said.code]) if said.code in INSTEAD else told(said)


def is_half_transparent(pixels: bytes, opacity: int) -> bool:
    """Whether a layer lets be seen what is below it.

    pixels: a small picture of it, 4 bytes each, the last alpha. opacity: the layer's, 0..255.
    """
    if opacity <= STRONG:
        return True
    alphas = pixels[3::4]
    seen = len(alphas) - alphas.count(0)
    half = sum(alphas.count(level) for level in range(FAINT, STRONG + 1))
    return half > SHARE * seen
