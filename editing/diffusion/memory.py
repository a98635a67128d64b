"""What networks weigh, by their files' headers; and how a plan is told.

The plans themselves are in `budget.py`. What is free is asked of card and host in `room.py`.
"""

from __future__ import annotations

from collections.abc import Mapping

import psutil
import torch

from ..errors import EditError
from ..said import Said, say
from .budget import Demand, Plan, Weights, gigabytes
from .checked_json import read
from .configuration import VAE, UNet
from .families import EMA, UNET
from .networks import configuration_of, files_of
from .precision import kept
from .recognition import SINGLE_FILE_PARTS, Checkpoint
from .weights_file import BITS, Header
from .weights_file import read as read_header


def weigh(
    checkpoint: Checkpoint, unet: torch.dtype, small: torch.dtype, device: torch.device
) -> Weights:
    """What its networks take, by configuration and headers. Raises UnreadableModel.

    small: the number type in which autoencoder and text encoder compute.
    """
    sizes, copied, widened = {}, 0, 0
    for part, dtype in {"unet": unet, "vae": small, "text_encoder": small}.items():
        source = checkpoint.donors.get(part, checkpoint)
        sizes[part], other = _counted(source, part, dtype)
        if part != "unet" and kept(source, part, small, device) != small:
            widened = max(widened, other)  # in between it stays in the file
        else:
            copied += other
    of_unet = read(UNet, configuration_of(checkpoint, "unet"))
    of_vae = read(VAE, configuration_of(checkpoint.donors.get("vae", checkpoint), "vae"))
    channels = (of_unet.block_out_channels[0], of_vae.block_out_channels[0])
    return Weights(sizes, copied, (unet.itemsize, small.itemsize), channels, widened)


def unet_numbers(checkpoint: Checkpoint) -> int:
    """How many numbers its UNet has. Raises UnreadableModel."""
    return _counted(checkpoint, "unet", torch.float32)[0] // torch.float32.itemsize


def _counted(checkpoint: Checkpoint, part: str, dtype: torch.dtype) -> tuple[int, int]:
    """Bytes of a network, and of what is copied for it."""
    size = copied = 0
    for file in files_of(checkpoint, part, dtype):
        header = read_header(file)
        tensors = header.tensors if isinstance(header, Header) else {}
        if checkpoint.place.is_file():
            prefix = UNET if part == "unet" else SINGLE_FILE_PARTS[part]
            named = {name: tensor for name, tensor in tensors.items() if name.startswith(prefix)}
            lone = {name: tensor for name, tensor in tensors.items() if not name.startswith(EMA)}
            tensors = named or lone
        for tensor in tensors.values():
            here = tensor.size * 8 // BITS[tensor.dtype] * dtype.itemsize
            size += here
            copied += here if f"torch.{NAMES.get(tensor.dtype)}" != str(dtype) else 0
    return size, copied


NAMES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}


def swap_free() -> int:
    """Bytes of the host's swap space that are free."""
    return int(psutil.swap_memory().free)


def check_host(demand: Demand, weights: Mapping[str, Weights], free_bytes: int) -> None:
    """Raises EditError where a network does not fit into the host's memory.

    The system would
    end this process, or another one.
    """
    most = max(weights[variant].copied for variant in demand.variants)
    if most <= free_bytes + swap_free():
        return
    raise EditError(
        "out-of-memory",
        f"The model's files must be copied into memory for this device, which takes "
        f"{gigabytes(most)}; {gigabytes(free_bytes)} are free.",
        "Close other programs, or get the model in the precision that this device computes in: "
        "files that need no copy are not loaded as a whole.",
    )


def seconds_more(
    plan: Plan, demand: Demand, weights: Mapping[str, Weights], rate: float
) -> float | None:
    """How much longer an edit takes for moving networks.

    rate: in bytes a second, measured. None where that depends on its steps.
    """
    if plan.layers:
        return None
    used = [weights[variant] for variant in demand.variants]
    moved = 0.0
    for one in used:
        small = one.bytes["vae"] + one.bytes["text_encoder"]
        if len(used) > 1:
            moved += one.bytes["unet"] if plan.visits else one.total
        moved += VISITS * small if plan.visits else 0
        moved += VISITS * one.bytes["unet"] if plan.apart else 0
    return demand.rounds * moved / rate if plan.swaps else 0.0


VISITS = 3
"""Times that an autoencoder and a text encoder are wanted for an edit."""


def told(plan: Plan, free_bytes: int, wanted: int, seconds: float | None) -> Said:
    """What a painter is told of a plan: why, and its cost where that is known."""
    what = f"{plan.words[0].upper()}{plan.words[1:]}"
    facts = {"free": gigabytes(free_bytes), "needed": gigabytes(wanted)}
    template = f"{what}: {{free}} of memory are free, and {{needed}} would be needed"
    if seconds is None or seconds < 1:
        return say(f"{template}.", "memory-plan", **facts)
    return say(
        f"{template}; about {{seconds}} s more.", "memory-plan", **facts, seconds=round(seconds)
    )
