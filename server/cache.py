"""An LRU cache that counts bytes: the least recently used values go first.

For values between edits, and for submitted pictures.
"""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from collections.abc import Mapping


class ByteCache:
    """Values by key, at most `capacity` bytes of them.

    Larger ones are not kept at all.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._entries: OrderedDict[str, tuple[object, int]] = OrderedDict()
        self.bytes = 0

    def get(self, key: str) -> object | None:
        """The value kept under a key, or None. It counts as used now."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return entry[0]

    def put(self, key: str, value: object) -> None:
        """Keep a value, and forget others if it must be."""
        self.drop(key)
        size = size_of(value)
        if size > self._capacity:
            return
        self._entries[key] = (value, size)
        self.bytes += size
        while self.bytes > self._capacity:
            self.drop(next(iter(self._entries)))

    def drop(self, key: str) -> None:
        """Forget a value, if it is there."""
        _, size = self._entries.pop(key, (None, 0))
        self.bytes -= size

    def __contains__(self, key: str) -> bool:
        return key in self._entries


def size_of(value: object) -> int:
    """Bytes of the tensors, arrays and bytes in a value.

    However deep in dataclasses, tuples, lists and mappings.
    """
    if isinstance(value, (bytes, bytearray, memoryview)):
        return len(value)
    size = getattr(value, "nbytes", None)  # tensors and arrays
    if isinstance(size, int):
        return size
    if dataclasses.is_dataclass(value):
        return sum(size_of(getattr(value, field.name)) for field in dataclasses.fields(value))
    if isinstance(value, Mapping):
        return sum(map(size_of, value.values()))
    if isinstance(value, (tuple, list)):
        return sum(map(size_of, value))
    return 0
