"""The small bundled model and the world that it knows."""

from __future__ import annotations

from pathlib import Path


def folder() -> Path:
    """Where the bundled checkpoints lie.

    text-to-image, inpainting and instruction, each a complete diffusers folder.
    """
    return Path(__file__).parent / "weights"
