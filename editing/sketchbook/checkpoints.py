"""Checkpoints of the sketchbook's training.

There is the old one or the new one, never a piece, whenever the trainer is killed.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

WORK = Path(
    "training"
)  # where everything of a training is kept, in the folder that it is started in
SAVE_EVERY = 60  # seconds between checkpoints: a kill costs no more


def save(state: dict[str, Any], file: Path) -> None:
    """Write ``state`` beside ``file``, then put it in its place at once."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    torch.save(state, part)
    os.replace(part, file)
