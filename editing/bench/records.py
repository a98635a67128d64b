"""A JSON list of records that grows by one line at a time and survives a kill: what a benchmark
found so far.

The file is valid JSON after every record: an opening bracket, one record a line, a closing bracket.
A line that a kill cut off is dropped when the file is read again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Mapping
from pathlib import Path
from typing import Any

Record = Mapping[str, Any]
CLOSE = b"\n]\n"


class Records:
    """The records of a file, and a way to add to them."""

    def __init__(self, file: Path, key: Callable[[Record], Hashable]) -> None:
        """Read what is there. Raises ValueError if the file is something else."""
        self._file = file
        self._key = key
        self.all: list[Record] = []
        if file.exists():
            self.all = _read(file)
        self._keys = {key(record) for record in self.all}
        _write_all(file, self.all)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._keys

    def add(self, record: Record) -> None:
        """Append one record, over the closing bracket."""
        line = json.dumps(record, allow_nan=False).encode()
        with self._file.open("r+b") as stream:
            stream.seek(-len(CLOSE), 2)
            stream.write((b",\n" if self.all else b"\n") + line + CLOSE)
        self.all.append(record)
        self._keys.add(self._key(record))


def _read(file: Path) -> list[Record]:
    text = file.read_text(encoding="utf-8")
    if text.strip() and not text.startswith("["):
        raise ValueError(f"{file} is not a list of records; choose another folder.")
    found = []
    lines = text.splitlines()
    for number, line in enumerate(lines, start=1):
        stripped = line.strip().removesuffix(",")
        if stripped in ("", "[", "]", "[]"):
            continue
        try:
            record = json.loads(stripped)
        except ValueError as error:
            if number >= len(lines) - 1:  # cut off by a kill
                continue
            raise ValueError(
                f"{file}, line {number} is not a record: {error}. Choose another folder."
            ) from error
        found.append(record)
    return found


def _write_all(file: Path, records: list[Record]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    body = b",".join(b"\n" + json.dumps(r, allow_nan=False).encode() for r in records)
    part = file.with_suffix(".part")
    part.write_bytes(b"[" + body + CLOSE)
    part.replace(file)
