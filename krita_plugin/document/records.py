"""The records of a picture's results.

They lie in the picture itself, as annotations: they are saved with it, and are there when it is
opened again, by whatever Krita.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from krita import Document, Selection

from ..qt import QByteArray, QUuid
from ..record import MAX_BYTES, Record, parsed, written
from . import documents, pictures, reading, stack
from .geometry import Rect
from .reading import Source

if TYPE_CHECKING:
    from .painter_selection import Mark

PREFIX = "limn-result-"
"""Of the annotations' names; the result's id follows."""

DESCRIPTION = "How Limn made a layer"

MAX_RECORDS = 256
"""Of one picture; beyond that those go first whose layers are gone."""

_read: dict[tuple[str, str], Record | None] = {}
"""Records by the picture's file and their names: each is read once.

The docker looks every second, and what is in a picture is written by `write` alone.
"""


def write(document: Document, record: Record) -> None:
    """Keep a record in its picture. It is no step to undo."""
    document.setAnnotation(_name(record.result), DESCRIPTION, QByteArray(written(record)))
    _read[str(document.fileName()), _name(record.result)] = record
    names = _names(document)
    if len(names) > MAX_RECORDS:
        there = {_name(one) for one in stack.ids(document)}
        for name in [name for name in names if name not in there][: len(names) - MAX_RECORDS]:
            document.removeAnnotation(name)


def of(document: Document, result: str) -> Record | None:
    """The record of a result, by its layer's id."""
    return _record(document, _name(result))


def every(document: Document) -> list[Record]:
    """All records of a picture that can be read; those of layers that are gone, too."""
    records = [_record(document, name) for name in _names(document)[:MAX_RECORDS]]
    return [one for one in records if one is not None]


def recall(document: Document | None) -> list[Record]:
    """Know the results again in a picture that was opened from a file.

    There may be no picture.
    """
    records = [] if document is None else every(document)
    for one in records:
        if not one.group:
            stack.recall(one.result, one.painting)
    return records


def source_of(document: Document, record: Record) -> Source | None:
    """What the edit of a record began with, as far as it is needed again.

    Its layer as it is now, and the selection. None where the layer is gone.
    """
    layer = documents.find(document, QUuid(record.source))
    if layer is None:
        return None
    selection, hint = None, record.hint
    if hint is not None:
        selection, area = Selection(), hint.area
        small = Rect(0, 0, hint.width, hint.height)
        data = pictures.scaled(hint.data, small, area, "gray8")
        selection.setPixelData(QByteArray(data), area.x, area.y, area.width, area.height)
    state = reading.state_of(document, layer)
    return Source(
        document, layer.uniqueId(), (), "bgra8", record.area, state, selection, (255, 255, 255)
    )


def left_one(document: Document, mark: Mark) -> bool:
    """Whether a selection with this mark is one that a result has left in the picture."""
    return any(one.mark == mark for one in every(document))


def _names(document: Document) -> list[str]:
    return [name for name in map(str, document.annotationTypes()) if name.startswith(PREFIX)]


def _name(result: str) -> str:
    return PREFIX + result.strip("{}")


def _record(document: Document, name: str) -> Record | None:
    key = str(document.fileName()), name
    if key not in _read:
        if len(_read) > 4 * MAX_RECORDS:
            _read.clear()
        data = bytes(document.annotation(name).data())
        record = parsed(data) if len(data) <= MAX_BYTES else None
        _read[key] = record if record is None or _name(record.result) == name else None
    return _read[key]
