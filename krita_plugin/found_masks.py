"""Masks that were found, and then corrected by the painter's hand.

What was corrected is meant as it is: the next edit takes it exactly, and the docker says so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .document import documents, painter_selection

if TYPE_CHECKING:
    from krita import Document, Selection

    from .document.painter_selection import Mark

MOST = 16
"""Pictures of which the mask that was found last is known."""


@dataclass(frozen=True)
class _Found:
    """The last mask found in a picture, and what is selected there now.

    own: its mark. seen: the mark of the selection that was looked at last; corrected: what that is.
    """

    document: Document
    selection: Selection
    own: Mark | None
    seen: Mark | None
    corrected: bool = False


class FoundMasks:
    """Those of all open pictures."""

    def __init__(self) -> None:
        self._all: list[_Found] = []

    def note(self, document: Document, selection: Selection) -> None:
        """This mask was found in a picture just now, and is selected there."""
        others = [
            one for one in self._all if one.document != document and documents.is_open(one.document)
        ]
        mark = painter_selection.selection_mark(selection)
        self._all = [*others, _Found(document, selection.duplicate(), mark, mark)][-MOST:]

    def is_corrected(self, document: Document | None, selection: Selection | None) -> bool:
        """Whether what is selected in a picture is the mask found there, corrected since."""
        found = next((one for one in self._all if one.document == document), None)
        if found is None or selection is None:
            return False
        mark = painter_selection.selection_mark(selection)
        if mark != found.seen:
            corrected = mark != found.own and painter_selection.is_corrected(
                found.selection, selection
            )
            now = replace(found, seen=mark, corrected=corrected)
            self._all = [now if one is found else one for one in self._all]
            return corrected
        return found.corrected
