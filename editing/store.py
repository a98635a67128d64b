"""Values that a cache may keep between edits.

What was paid for once serves many edits. Values are named by their content.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator
from typing import Protocol, TypeVar

from torch import Tensor

from .events import Event

Value = TypeVar("Value")


class Store(Protocol):
    """Whatever keeps values between edits. It may forget any of them at any time."""

    def get(self, key: str) -> object | None:
        """The value kept under a key, or None."""

    def put(self, key: str, value: object) -> None:
        """Keep a value: a tensor or a frozen dataclass of tensors."""


class EditCache:
    """One edit's access to a store; it notes what it could reuse."""

    def __init__(self, store: Store | None) -> None:
        self._store = store
        self.reused: list[str] = []

    def memoize(
        self,
        name: str,
        kind: type[Value],
        ingredients: tuple[object, ...],
        make: Callable[[], Generator[Event, None, Value]],
    ) -> Generator[Event, None, Value]:
        """The value made earlier from the same ingredients, or a new one.

        A new value is made by a generator of events, and kept.
        """
        kept = self.get(name, kind, ingredients)
        if kept is None:
            kept = yield from make()
            self.put(name, ingredients, kept)
        return kept

    @property
    def keeps(self) -> bool:
        """Whether there is a store."""
        return self._store is not None

    def get(self, name: str, kind: type[Value], ingredients: tuple[object, ...]) -> Value | None:
        """The value kept from the same ingredients, or None; noted as reused."""
        if self._store is None:
            return None
        kept = self._store.get(f"{name}:{fingerprint(*ingredients)}")
        if not isinstance(kept, kind):
            return None
        self.reused.append(name)
        return kept

    def put(self, name: str, ingredients: tuple[object, ...], value: object) -> None:
        """Keep a value, where there is a store."""
        if self._store is not None:
            self._store.put(f"{name}:{fingerprint(*ingredients)}", value)


def fingerprint(*parts: object) -> str:
    """SHA-256 over contents.

    Tensors count by shape, type and bytes, anything else by its repr.
    """
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, Tensor):
            digest.update(f"{tuple(part.shape)} {part.dtype}".encode())
            digest.update(part.detach().contiguous().cpu().view(-1).numpy().tobytes())
        else:
            digest.update(repr(part).encode())
        digest.update(b"\0")
    return digest.hexdigest()
