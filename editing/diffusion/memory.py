"""How an edit uses a card's memory, chosen so that it fits.

    plan = choose(device, weights, demand)

Each plan after the first needs less of the card, and takes longer; all but the last give the same
picture within float error. What is needed is reckoned from the files' headers and the working
size, what is free is asked of card and host.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import psutil
import torch

from ..errors import EditError
from ..said import Said, say
from .checked_json import read
from .configuration import VAE, UNet
from .networks import configuration_of, files_of
from .recognition import EMA, SINGLE_FILE_PARTS, UNET, Checkpoint
from .weights_file import BITS, Header
from .weights_file import read as read_header


@dataclass(frozen=True)
class Plan:
    """One way of using a card.

    code, words: for programs and for painters. swaps: one variant at a time is on the card. visits:
    autoencoder and text encoder are there only while they compute; gradients are computed with
    checkpointing. apart: branches go through the UNet one after another, and the UNet leaves while
    the autoencoder works. layers: so does each of the UNet's layers. tiles: the autoencoder works
    on tiles.
    """

    code: str
    words: str
    swaps: bool = False
    visits: bool = False
    apart: bool = False
    layers: bool = False
    tiles: bool = False


ALL = Plan("all", "everything stays on the card")
SWAP = Plan("swap", "models are swapped", swaps=True)
VISIT = Plan("visit", "the networks take turns", swaps=True, visits=True)
APART = replace(VISIT, code="apart", words="the networks take turns, in small batches", apart=True)
LAYERS = replace(APART, code="layers", words="the network is moved layer by layer", layers=True)
TILES = replace(
    LAYERS, code="tiles", words="the network is moved layer by layer, pictures in tiles", tiles=True
)

PLANS = (ALL, SWAP, VISIT, APART, LAYERS, TILES)
"""From the roomiest to the smallest."""

ON_CPU = (ALL, SWAP, APART)
"""Those that spare memory where networks compute in the host's own."""

UNET_UNITS = 26
"""Numbers that a UNet holds at its widest place.

For each position of the latents and each channel of its first level. This and the three below:
counted at full size, in a pass without values
(tests/editing/test_memory_plans.py)."""

BACKWARD, CHECKPOINTED = 10.0, 3.2
"""Times as many where gradients are wanted, and with checkpointing."""

VAE_UNITS = 6
"""Numbers that an autoencoder holds for each pixel and first channel."""

TILED = 0.3
"""Share of them that tiles need, at 512 x 512 pixels; it falls with the size."""

LARGEST_LAYER = 0.035
"""Share of Stable Diffusion 1.x's UNet that its largest layer has."""

SLACK = 1.2
"""Over what is reckoned: workspace, gaps, attention in float32."""


@dataclass(frozen=True)
class Demand:
    """What an edit asks of the networks.

    variants: those that it uses. size: (height, width) in pixels. rows: the most that go through
    the UNet at once; inseparable: those of them that must, because they look at each other.
    gradients: whether it goes backwards. rounds: how often it uses each variant anew.
    """

    variants: tuple[str, ...]
    size: tuple[int, int]
    rows: int = 4
    inseparable: int = 4
    gradients: bool = False
    rounds: int = 1


@dataclass(frozen=True)
class Weights:
    """What a variant's networks take.

    bytes: of each, in the precision that it computes in. copied: of those that are copied for
    that, because the files have another. channels: of the first level, UNet and
    autoencoder.
    """

    bytes: Mapping[str, int]
    copied: int
    item: int
    channels: tuple[int, int]

    @property
    def total(self) -> int:
        """Of all networks."""
        return sum(self.bytes.values())


def weigh(checkpoint: Checkpoint, dtype: torch.dtype) -> Weights:
    """What its networks take, by configuration and headers. Raises UnreadableModel."""
    item = torch.empty((), dtype=dtype).element_size()
    sizes, copied = {}, 0
    for part in ("unet", "vae", "text_encoder"):
        source = checkpoint.donors.get(part, checkpoint)
        sizes[part], other = _counted(source, part, dtype, item)
        copied += other
    unet = read(UNet, configuration_of(checkpoint, "unet"))
    vae = read(VAE, configuration_of(checkpoint.donors.get("vae", checkpoint), "vae"))
    channels = (unet.block_out_channels[0], vae.block_out_channels[0])
    return Weights(sizes, copied, item, channels)


def _counted(checkpoint: Checkpoint, part: str, dtype: torch.dtype, item: int) -> tuple[int, int]:
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
            here = tensor.size * 8 // BITS[tensor.dtype] * item
            size += here
            copied += here if f"torch.{NAMES.get(tensor.dtype)}" != str(dtype) else 0
    return size, copied


NAMES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}


def needed(plan: Plan, demand: Demand, weights: Mapping[str, Weights], host: bool = False) -> int:
    """Bytes that an edit takes at its peak, reckoned.

    host: of the host's memory, where networks
    compute there: files that need no copy are mapped, and take none."""
    used = [weights[variant] for variant in demand.variants]
    kept = max if plan.swaps else sum
    unet = max(_unet_work(plan, demand, one) for one in used)
    vae = max(_vae_work(plan, demand, one) for one in used)
    if host:
        return int(kept([one.copied for one in used]) + SLACK * max(unet, vae))
    large = {part: max(one.bytes[part] for one in used) for part in used[0].bytes}
    unet_at_work = large["unet"] * (LARGEST_LAYER if plan.layers else 1) + SLACK * unet
    vae_at_work = large["vae"] + SLACK * vae
    if not plan.visits:
        return int(kept([one.total for one in used]) + SLACK * max(unet, vae))
    beside = 0 if plan.apart else large["unet"]
    return int(max(unet_at_work, beside + vae_at_work, beside + large["text_encoder"]))


def _unet_work(plan: Plan, demand: Demand, weights: Weights) -> float:
    rows = demand.inseparable if plan.apart else demand.rows
    positions = demand.size[0] * demand.size[1] / 64
    work = rows * positions * UNET_UNITS * weights.channels[0] * weights.item
    if not demand.gradients:
        return work
    one = positions * UNET_UNITS * weights.channels[0] * weights.item  # fitted row by row
    return max(work, one * (CHECKPOINTED if plan.visits else BACKWARD))


def _vae_work(plan: Plan, demand: Demand, weights: Weights) -> float:
    pixels = demand.size[0] * demand.size[1]
    return pixels * VAE_UNITS * weights.channels[1] * weights.item * (TILED if plan.tiles else 1)


def choose(
    plans: Sequence[Plan], free: int, demand: Demand, weights: Mapping[str, Weights], host: bool
) -> Plan:
    """The roomiest plan that fits into the free bytes; the smallest where none does."""
    for plan in plans:
        if needed(plan, demand, weights, host) <= free:
            return plan
    return plans[-1]


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


def gigabytes(count: int) -> str:
    """A size for people."""
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.0f} MB"
