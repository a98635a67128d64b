"""Earlier methods on the same machinery, one small file each, to compare with."""

from __future__ import annotations

from . import (
    cyclediffusion,
    dds,
    diffedit,
    edit_friendly,
    ip2p,
    masactrl,
    null_text,
    p2p,
    pnp,
    sdedit,
)

ALGORITHMS = tuple(
    module.ALGORITHM
    for module in (
        sdedit,
        ip2p,
        p2p,
        diffedit,
        masactrl,
        pnp,
        edit_friendly,
        null_text,
        dds,
        cyclediffusion,
    )
)
