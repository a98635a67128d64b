"""How far two masks are the same; needs nothing but torch."""

from __future__ import annotations

from torch import Tensor

HALF = 0.5  # a soft mask counts as mask from here on


def iou(found: Tensor, exact: Tensor) -> float:
    """|found AND exact| / |found OR exact| at picture size; 1 for two empty masks."""
    a, b = found >= HALF, exact >= HALF
    union = int((a | b).sum())
    return float((a & b).sum()) / union if union else 1.0
