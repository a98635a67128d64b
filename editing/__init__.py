"""Edit a picture as a sentence asks: one request in, a stream of events out.

    prepared = prepare(models, EditRequest("auto", "make the star blue", image))
    for event in edit(models, prepared): ...

What an edit needs is loaded when it is first used: the language alone (`limn read`) works, and
starts at once, where torch is not installed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import auto, events
    from .captioner import Captioner
    from .diffusion.loading import Models, load_models
    from .diffusion.room import is_shortage
    from .editor import edit
    from .errors import EditError, MissingVariant, NotFinite, UnreadableModel
    from .methods.table import ALGORITHMS, PAPERS
    from .preparing import Prepared, prepare, runnable
    from .request import EditRequest, Parameter
    from .store import Store
    from .task import Algorithm
    from .variants import edit_variants

__all__ = [
    "ALGORITHMS",
    "PAPERS",
    "Algorithm",
    "Captioner",
    "EditError",
    "EditRequest",
    "MissingVariant",
    "Models",
    "NotFinite",
    "Parameter",
    "Prepared",
    "Store",
    "UnreadableModel",
    "auto",
    "edit",
    "edit_variants",
    "events",
    "is_shortage",
    "load_models",
    "prepare",
    "runnable",
]

HOMES = (
    "editor",
    "preparing",
    "errors",
    "request",
    "captioner",
    "task",
    "variants",
    "store",
    "diffusion.loading",
    "diffusion.room",
    "methods.table",
)


def __getattr__(name: str) -> Any:
    if name in ("auto", "events", "request"):
        return import_module(f".{name}", __name__)
    if name in __all__:
        for home in HOMES:
            module = import_module(f".{home}", __name__)
            if hasattr(module, name):
                return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
