"""Edit a picture in words: one request in, a stream of events out.

What an edit needs is loaded when it is first used: the language alone (`limn read`) works, and starts
at once, where torch is not installed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import auto, events
    from .captioner import Captioner
    from .diffusion.loading import Models, load_models
    from .editor import (
        ALGORITHMS,
        PAPERS,
        asks_for_caption,
        edit,
        plan,
        runnable,
        settle,
    )
    from .errors import EditError, MissingVariant, NotFinite, UnreadableModel
    from .request import EditRequest, Parameter
    from .store import Store
    from .task import Algorithm

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
    "Store",
    "UnreadableModel",
    "asks_for_caption",
    "auto",
    "edit",
    "events",
    "load_models",
    "plan",
    "runnable",
    "settle",
]

HOMES = ("editor", "errors", "request", "captioner", "task", "store", "diffusion.loading")


def __getattr__(name: str) -> Any:
    if name in ("auto", "events", "request"):
        return import_module(f".{name}", __name__)
    if name in __all__:
        for home in HOMES:
            module = import_module(f".{home}", __name__)
            if hasattr(module, name):
                return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
