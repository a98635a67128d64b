"""The numbers that networks compute in.

    device                               UNet         autoencoder, text encoder
    card                                 float16      float16
    CPU                                  float32      float32
    CPU that multiplies bfloat16,        bfloat16     float32
    for a UNet of full size

bfloat16 has 8 bits of mantissa: an autoencoder that computes in it gives pictures whose bright
parts go in steps of 2/255. It takes a small share of an edit's time, and stays in float32.

Why bfloat16: at full size (random weights, three rows of 256 x 256, amx_bf16) a step takes 0.39
times the processor's time of float32 (`limn bench models`). With the bundled model the same 9 of 12
edits are right in both (seeds from 62000000, preset quick: FoI 4, InstDiffEdit 4, AdapEdit 3, TAS
1); IoU with the exact mask is the same to 0.001; masks overlap those of float32 by 0.994, those of
another seed by 0.963; the results' median distance is 54 dB and more, that of another seed 48 and
less (`limn bench precision`). In 15 further edits (64000000: 5 each of FoI, InstDiffEdit and
AdapEdit) the same 10 are right, masks overlap by 1.000, 0.997 and 0.987, and pictures are 60, 54
and 56 dB apart (medians). Real weights of Stable Diffusion were not at hand.

Not for TAS (`Algorithm.precise`). Its inversion adds up what each step rounds, and another seed
changes little of it: in 7 fresh edits (64000000, quick) as many are right (4; 3 in float32), but
bfloat16 moves 6 of 7 masks further than another seed does (IoU with float32's 0.968, with another
seed 0.982), and the pictures, too (median 45.1 dB, 56.6).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch

from ..errors import EditError
from .recognition import Checkpoint

AUTO = "auto"
NAMES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
"""What may be asked for, besides AUTO."""

FULL_SIZE = 100_000_000
"""Numbers in a UNet from which bfloat16 is taken where it is multiplied.

Stable Diffusion 1.x's has 860 million. The bundled model has 9 million.
"""


def multiplies_bfloat16() -> bool:
    """Whether this CPU has instructions that multiply bfloat16, as torch finds it.

    Without them torch takes each number apart, which is slower than float32. A torch that can't
    tell counts as a CPU without.
    """
    told: Mapping[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(bool(told.get(name)) for name in ("amx_bf16", "avx512_bf16", "bf16"))


HEAVY = 500_000_000
"""Bytes of a checkpoint from which its small networks are not copied for a CPU.

Those of Stable Diffusion 1.x take 0.8 GB in float32.
"""


def kept(
    checkpoint: Checkpoint, part: str, small: torch.dtype, device: torch.device
) -> torch.dtype:
    """The precision that an autoencoder or text encoder is kept in between its uses.

    On a CPU that of a large model's files, which are mapped then. It is widened for each use.
    """
    files = NAMES.get(checkpoint.parts.get(part, ""), small)
    is_mapped = device.type == "cpu" and checkpoint.size >= HEAVY
    return files if is_mapped else small


def of_small(device: torch.device, unet: torch.dtype) -> torch.dtype:
    """What autoencoder and text encoder compute in beside a UNet in this precision."""
    return torch.float32 if device.type == "cpu" and unet == torch.bfloat16 else unet


def named(name: str, device: str) -> torch.dtype | None:
    """The number type of a name of NAMES; None for AUTO.

    Raises EditError for another name, and for float16 on a CPU, where torch lacks operations.
    """
    if name == AUTO:
        return None
    if name not in NAMES:
        raise EditError(
            "bad-precision",
            f"There is no precision {name!r}.",
            f"Choose one of {', '.join((AUTO, *NAMES))}.",
        )
    if torch.device(device).type == "cpu" and name == "float16":
        raise EditError(
            "bad-precision",
            "A CPU does not compute in float16.",
            "Choose float32, or bfloat16 where the CPU multiplies it; auto knows.",
        )
    return NAMES[name]


def usual(device: torch.device, numbers: int) -> torch.dtype:
    """What a UNet with so many numbers computes in, if nothing is asked for."""
    if device.type != "cpu":
        return torch.float16
    is_faster = numbers >= FULL_SIZE and multiplies_bfloat16()
    return torch.bfloat16 if is_faster else torch.float32
