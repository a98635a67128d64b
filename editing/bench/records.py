"""What a benchmark has found so far, in JSON Lines.

One record a line, whole again after a kill.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Mapping
from pathlib import Path
from typing import Any

Record = Mapping[str, Any]


class Records:
    """The records of a file, and a way to add to them."""

    def __init__(self, file: Path, key: Callable[[Record], Hashable]) -> None:
        """Read what is there; a last line that a kill has cut off is dropped.

        Raises ValueError if the file is something else.
        """
        self._file = file
        self._key = key
        file.parent.mkdir(parents=True, exist_ok=True)
        lines = file.read_bytes().splitlines(keepends=True) if file.exists() else []
        whole = [line for line in lines if line.endswith(b"\n")]
        self.all: list[Record] = [_record(line, n, file) for n, line in enumerate(whole, start=1)]
        if lines and not whole and not lines[0].startswith(b"{"):
            raise ValueError(f"{file} is not a list of records; choose another folder.")
        if whole != lines:
            part = file.with_suffix(".part")
            part.write_bytes(b"".join(whole))
            part.replace(file)
        self._keys = {key(record) for record in self.all}

    def __contains__(self, key: Hashable) -> bool:
        return key in self._keys

    def add(self, record: Record) -> None:
        """Append one record."""
        line = json.dumps(record, allow_nan=False)
        with self._file.open("a", encoding="utf-8", newline="\n") as stream:
            stream.write(line + "\n")
        self.all.append(record)
        self._keys.add(self._key(record))


def _record(line: bytes, number: int, file: Path) -> Record:
    try:
        record = json.loads(line)
    except ValueError as error:
        raise ValueError(
            f"{file}, line {number} is not a record: {error}. Choose another folder."
        ) from error
    if not isinstance(record, dict):
        raise ValueError(f"{file}, line {number} is not a record. Choose another folder.")
    return record
