"""Networks on their way between host and device: whole, or layer by layer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

PROBE = 4 * 2**20
"""Bytes by which the way to a device is measured."""

TILE = 256
"""Pixels of a tile's side."""

HOME = "_limn_home"
"""Where a network that visits a device keeps its own values.

They are often a mapped file, so that going home copies nothing.
"""

ABROAD = "_limn_abroad"
"""The precision that it was brought into, None for its own."""


def bring(network: nn.Module, device: torch.device, dtype: torch.dtype | None = None) -> None:
    """Takes a network to a device, and into a precision, for a while.

    One that is there, or comes layer by layer, stays as it is.
    """
    if HOME in network.__dict__ or _is_layered(network):
        return
    network.__dict__[ABROAD] = dtype
    network.__dict__[HOME] = [
        (module, store, name, value.data)
        for module in network.modules()
        for store in (module._parameters, module._buffers)
        for name, value in store.items()
        if value is not None
    ]
    nn.Module.to(network, device, dtype)


def send_home(network: nn.Module) -> None:
    """Takes a network that was brought back to the host, as it was there."""
    abroad = network.__dict__.pop(ABROAD, None)
    for module, store, name, value in network.__dict__.pop(HOME, ()):
        if abroad is None:
            value = value.to(store[name].dtype)  # it may have been widened meanwhile
        store[name] = nn.Parameter(value, False) if store is module._parameters else value


@contextmanager
def visiting(
    networks: Sequence[nn.Module], device: torch.device, dtype: torch.dtype | None = None
) -> Iterator[None]:
    """Networks on a device meanwhile, in a precision; None: in their own."""
    for network in networks:
        bring(network, device, dtype)
    try:
        yield
    finally:
        for network in networks:
            send_home(network)


def _is_layered(network: nn.Module) -> bool:
    return any(hasattr(module, "_hf_hook") for module in network.modules())


def by_layers(network: nn.Module, device: torch.device) -> None:
    """From now on each layer comes to the device for its own computation only."""
    from accelerate import cpu_offload

    cpu_offload(network, device, offload_buffers=True, state_dict=network.state_dict())


def in_tiles(vae: Any, on: bool) -> None:
    """Whether an autoencoder works on overlapping tiles, which are blended."""
    if not on:
        vae.disable_tiling()
        return
    vae.enable_tiling()
    vae.tile_sample_min_size = TILE
    vae.tile_latent_min_size = TILE // 2 ** (len(vae.config["block_out_channels"]) - 1)


def probe(device: torch.device) -> int:
    """Copy a few bytes to a device, to be timed; how many."""
    block = torch.empty(PROBE, dtype=torch.uint8)
    block.to(device)
    return block.nbytes
