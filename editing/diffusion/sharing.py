"""Whether two networks are the same one, and need to be held once only."""

from __future__ import annotations

from typing import Any

import torch


def equal(one: Any, other: Any) -> bool:
    """Whether two networks compute the same: their configuration and every value."""
    mine, theirs = one.state_dict(), other.state_dict()
    return (
        type(one) is type(other)
        and one.dtype == other.dtype
        and mine.keys() == theirs.keys()
        and _settings(one) == _settings(other)
        and all(torch.equal(value, theirs[name]) for name, value in mine.items())
    )


def _settings(network: Any) -> dict[str, Any]:
    config = network.config
    found = config if isinstance(config, dict) else config.to_dict()
    return {name: value for name, value in found.items() if not name.startswith("_")}
