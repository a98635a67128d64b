"""The small bundled model and the world that it knows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path


def folder() -> Path:
    """Where the bundled checkpoints lie.

    text-to-image, inpainting and instruction, each a complete diffusers folder.
    """
    return Path(__file__).parent / "weights"


def auto() -> Mapping[str, str]:
    """Which algorithm Auto takes on the bundled model, by kind of change.

    Where its figures say otherwise than the papers (editing/README.md). No network is loaded.
    """
    notes = json.loads((folder() / "instruction" / "limn.json").read_text(encoding="utf-8"))
    return dict(notes["auto"])
