"""Models that other programs keep on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import platformdirs

from limn.editing.diffusion.model_locations import survey
from limn.editing.diffusion.recognition import Checkpoint

NAMES = ("ComfyUI", "comfy/ComfyUI", "stable-diffusion-webui", "stable-diffusion-webui-forge")
"""Folders in a home folder in which other programs are usually unpacked."""


def known_folders() -> list[tuple[str, Path]]:
    """Each program and where it keeps its models, as far as the folder is there."""
    home, data = Path.home(), platformdirs.user_data_path()
    cache = Path(os.environ.get("HF_HOME") or home / ".cache" / "huggingface")
    places = [
        ("Hugging Face cache", Path(os.environ.get("HF_HUB_CACHE") or cache / "hub")),
        ("krita-ai-diffusion", data / "krita" / "ai_diffusion" / "server"),
        ("InvokeAI", Path(os.environ.get("INVOKEAI_ROOT") or home / "invokeai")),
        *((name.rpartition("/")[2], home / name) for name in NAMES),
    ]
    return [(program, place) for program, place in places if place.is_dir()]


def found() -> Iterator[tuple[str, Checkpoint]]:
    """Each checkpoint in those folders that can be used, and whose it is."""
    seen: set[Path] = set()
    for program, folder in known_folders():
        for checkpoint in survey(folder):
            if checkpoint.trouble is None and checkpoint.place not in seen:
                seen.add(checkpoint.place)
                yield program, checkpoint
