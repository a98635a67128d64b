"""Ways of using a card's memory, and what an edit needs in each.

Arithmetic, without torch. Each plan after the first needs less of the card, and takes longer; all
but the last give the same picture within float error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace


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
    that, because the files have another. item, channels: bytes of a number, and channels of the
    first level, of UNet and autoencoder. widened: of the largest that is copied only while it
    computes (see precision.kept).
    """

    bytes: Mapping[str, int]
    copied: int
    item: tuple[int, int]
    channels: tuple[int, int]
    widened: int = 0

    @property
    def total(self) -> int:
        """Of all networks."""
        return sum(self.bytes.values())


def needed(plan: Plan, demand: Demand, weights: Mapping[str, Weights], host: bool = False) -> int:
    """Bytes that an edit takes at its peak, reckoned.

    host: of the host's memory, where networks
    compute there: files that need no copy are mapped, and take none."""
    used = [weights[variant] for variant in demand.variants]
    kept = max if plan.swaps else sum
    unet = max(_unet_work(plan, demand, one) for one in used)
    vae = max(_vae_work(plan, demand, one) for one in used)
    if host:
        beside = SLACK * vae + max(one.widened for one in used)
        return int(kept([one.copied for one in used]) + max(SLACK * unet, beside))
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
    work = rows * positions * UNET_UNITS * weights.channels[0] * weights.item[0]
    if not demand.gradients:
        return work
    one = positions * UNET_UNITS * weights.channels[0] * weights.item[0]  # fitted row by row
    return max(work, one * (CHECKPOINTED if plan.visits else BACKWARD))


def _vae_work(plan: Plan, demand: Demand, weights: Weights) -> float:
    pixels = demand.size[0] * demand.size[1]
    return pixels * VAE_UNITS * weights.channels[1] * weights.item[1] * (TILED if plan.tiles else 1)


def choose(
    plans: Sequence[Plan], free: int, demand: Demand, weights: Mapping[str, Weights], host: bool
) -> Plan:
    """The roomiest plan that fits into the free bytes; the smallest where none does."""
    for plan in plans:
        if needed(plan, demand, weights, host) <= free:
            return plan
    return plans[-1]


def gigabytes(count: int) -> str:
    """A size for people."""
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.0f} MB"
