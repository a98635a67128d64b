"""Numbers that are looked at before they become pixels.

Half precision ends at 65,504: some autoencoders go beyond it, and on some cards (GTX 16xx) the UNet
gives NaN. A network whose numbers are not finite is taken to float32, for as long as the process
lives, and its work is done again; what is not finite then, either, is an error with a sentence and
never a picture.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..errors import NotFinite

NAMES = {"unet": "denoising network", "vae": "autoencoder", "text_encoder": "text encoder"}
"""What the parts of a model are called in messages."""

_WIDE: set[tuple[str, str]] = set()
"""Parts that need float32, as (identity of the model and card, part).

They are loaded in float32 the next time, too.
"""


class Widened(Exception):
    """A network was taken to float32, so the edit must begin again.

    What it has computed so far is worth nothing.
    """

    def __init__(self, part: str) -> None:
        super().__init__(part)
        self.sentence = (
            f"The model's {NAMES[part]} gave numbers that are not finite in half precision; "
            "it runs in float32 now, which takes longer and more memory."
        )


def is_finite(x: Tensor) -> bool:
    """Whether no number of a floating-point tensor is infinite or NaN.

    Allocates nothing.
    """
    if not x.numel():
        return True
    low, high = x.detach().aminmax()  # NaN goes through
    return bool(low.isfinite() & high.isfinite())


def widen(network: Any, part: str, owner: str) -> None:
    """Take a network to float32, and remember it for its owner.

    Raises NotFinite if it is in float32 already: then the numbers are the weights' or the
    parameters' own.
    """
    if network.dtype in (torch.float32, torch.float64):
        raise NotFinite(f"The model's {NAMES[part]} gives numbers that are not finite.")
    _WIDE.add((owner, part))
    torch.nn.Module.to(network, torch.float32)


def remember(network: Any, part: str, owner: str) -> None:
    """Take a network that was just loaded to float32 if it was found to need it."""
    if (owner, part) in _WIDE:
        torch.nn.Module.to(network, torch.float32)
