"""Whether a model fits a device, before it is fetched or loaded.

It is the device's whole memory that counts here. What is free of it is asked before each edit, and
the plan is chosen anew then.
"""

from __future__ import annotations

import psutil

from limn.editing.diffusion.budget import ALL, ON_CPU, PLANS, Demand, Weights, choose, needed

from .listing import Fits

SIZE = (512, 512)
"""The working size of Stable Diffusion 1.x, in pixels."""

SHARES = {"unet": 0.806, "vae": 0.079, "text_encoder": 0.115}
"""Of a checkpoint's bytes, in Stable Diffusion 1.x."""

HALF, CHANNELS = 1.066e9, (320, 128)
"""Numbers in such a checkpoint, and the first levels' channels."""

LEFT = 0.5e9
"""Bytes that the driver and other programs take of a card."""

HOST_LEFT = 3e9
"""And the system, Krita and Limn itself of the host's memory."""

KINDS = ("text-to-image", "inpainting", "instruction")


def fits_in(memory: int, on_cpu: bool) -> Fits:
    """For a device with so many bytes in all; on a CPU, the host's."""

    def fits(kind: str, size: int) -> str:
        if kind not in KINDS or not size or not memory:
            return ""
        item = 4 if on_cpu else 2
        numbers = HALF if size > HALF else size / item
        whole = numbers * item
        parts = {part: int(share * whole) for part, share in SHARES.items()}
        # On a CPU the UNet of 16 bits is copied. All else is mapped, widened while it computes.
        is_half = on_cpu and size < 1.5 * 2 * numbers
        copied, widened = (parts["unet"], parts["text_encoder"]) if is_half else (0, 0)
        demand = Demand((kind,), SIZE, rows=3, inseparable=1)
        weights = {kind: Weights(parts, copied, (item, item), CHANNELS, widened)}
        free = int(memory - (HOST_LEFT if on_cpu else LEFT))
        plan = choose(ON_CPU if on_cpu else PLANS, free, demand, weights, on_cpu)
        wanted = needed(plan, demand, weights, on_cpu)
        if wanted > free:
            return f"too large: needs {wanted / 1e9:.1f} GB"
        return "fits" if plan == ALL else f"fits, slower: {plan.words}"

    return fits


def fits_here() -> Fits:
    """For the device that edits use on this machine. Imports torch."""
    import torch

    if torch.cuda.is_available():
        return fits_in(torch.cuda.get_device_properties(0).total_memory, False)
    if torch.backends.mps.is_available():
        return fits_in(torch.mps.recommended_max_memory(), False)
    return fits_in(psutil.virtual_memory().total, True)
