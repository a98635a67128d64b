"""What is there, in a form that the command line and the server tell alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from limn.editing.diffusion.recognition import Checkpoint

from .catalogue import ENTRIES, Entry
from .store import Store

BUNDLED = "sketchbook"
"""How the bundled model is called; it lies in no store."""

Fits = Callable[[str, int], str]
"""How a model fits the device, in words.

It is told the variant, and the bytes of its weights.
"""


@dataclass(frozen=True)
class There:
    """A model of Limn's own folder. trouble: why it can't be used, or empty."""

    name: str
    checkpoint: Checkpoint
    used: bool
    trouble: str


def there(store: Store) -> list[There]:
    """The models of a store, in the order of names."""
    used = places_in_use(store)
    found = []
    for model in store.installed():
        checkpoint = model.checkpoint
        if model.previews:
            checkpoint = replace(checkpoint, variant="previews", trouble=None)
        is_used = bool({str(checkpoint.place), str(model.place)} & used)
        trouble = checkpoint.trouble.sentence if checkpoint.trouble else ""
        found.append(There(model.name, checkpoint, is_used, trouble))
    return found


def places_in_use(store: Store) -> set[str]:
    """The places of the selection in use; empty where the bundled model is used."""
    return {str(place) for place in store.selected().values()}


def offered(names: set[str]) -> list[tuple[Entry, bool]]:
    """Each model that can be fetched, and whether it is among these."""
    return [(entry, entry.name in names) for entry in ENTRIES]
