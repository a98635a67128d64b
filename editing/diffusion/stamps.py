"""Whether a model's files are still those that were loaded.

They are mapped into memory: whoever writes into one changes the network that is in use, and whoever
cuts one off ends the process that reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ..errors import UnreadableModel
from .recognition import Checkpoint, recognise

Stamps = Mapping[Path, tuple[int, int, int]]
"""Of each file its inode, its size, and when it was last written."""


def stamps(checkpoint: Checkpoint) -> Stamps:
    """Of a checkpoint's weights as they are now, those of its donors among them."""
    found = {}
    for one in (checkpoint, *checkpoint.donors.values()):
        parts = [part for marks in one.weights.values() for part in marks.values()]
        for file in [file for part in parts for file in part.files] or [one.place]:
            try:
                facts = file.stat()
            except OSError:
                continue  # deleted: what is mapped stays as it was
            found[file] = (facts.st_ino, facts.st_size, facts.st_mtime_ns)
    return found


def are_others(before: Stamps, now: Stamps) -> bool:
    """Whether a file has been written, or another has come in its place."""
    return any(file in before and before[file] != stamp for file, stamp in now.items())


def looked_at_again(checkpoint: Checkpoint) -> Checkpoint:
    """What lies in its place now.

    Raises UnreadableModel where that can't stand for it.
    """
    found = recognise(checkpoint.place).checked()
    if (found.variant, found.missing) != (checkpoint.variant, checkpoint.missing):
        raise UnreadableModel(
            "changed-model",
            f"{found.place} is another model than it was when the server looked at it first.",
            "Choose the model again.",
        )
    donors = {part: recognise(donor.place) for part, donor in checkpoint.donors.items()}
    for part, donor in donors.items():
        if part not in donor.parts:
            donor.checked()
    return replace(found, donors=donors)
