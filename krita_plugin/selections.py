"""The selections that edits leave behind.

Which are ours, and which still wait to be made. A selection limits an edit, as it limits a brush.
The one that the last result has left in a picture is not the painter's, so it limits nothing. A
mask that was asked for alone is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from .document import documents, painter_selection, records, selecting
from .document.colour import CanvasProblem
from .document.cooperative import Steps, Task
from .document.placing import selection_now
from .document.reading import Source
from .found_masks import FoundMasks
from .job import Edit, light, trace
from .panel_values import Request
from .state import Panel

if TYPE_CHECKING:
    from krita import Document, Selection

    from .document.painter_selection import Mark


class Selections:
    """The selection that a result has left, for each picture.

    And the one that has yet to be made.
    """

    def __init__(self) -> None:
        # picture, mark of the selection left in it, and the source with that selection
        self._left: list[tuple[Document, Mark | None, Source]] = []
        self._found = FoundMasks()
        self._waiting: list[tuple[Document, Task[bool]]] = []  # picture, the task that waits for it

    def hint(self, request: Request, again: Source | None) -> Selection | None:
        """The selection that is meant for this edit, or None.

        again: the source of an edit that is done again. The selection that it began with takes the
        place of the one that its result has left.
        """
        if request.hint_mode == "off":
            return None
        document = documents.active_document()
        selection = painter_selection.selection_of(document)
        mark = painter_selection.selection_mark(selection)
        is_left = self._is_left(document, mark)
        if again is not None and again.document == document and (is_left or mark is None):
            return selection_now(again)
        return None if is_left else selection

    def look(self, panel: Panel) -> None:
        """Tell the panel whether a found mask is selected that was corrected since."""
        document = documents.active_document()
        selection = painter_selection.selection_of(document)
        corrected = self._found.is_corrected(document, selection)
        mark = painter_selection.selection_mark(selection) if corrected else None
        panel.is_corrected(corrected and not self._is_left(document, mark))

    def left(self, edit: Edit) -> None:
        """Remember the selection that an edit has just made in its picture."""
        document = edit.source.document
        self._left = [one for one in self._left if one[0] != document and documents.is_open(one[0])]
        selection = painter_selection.selection_of(document)
        if edit.request.mask_only and selection is not None:
            self._found.note(document, selection)
        if not edit.request.mask_only and selection is not None:
            source = replace(light(edit.source), selection=selection.duplicate())
            mark = painter_selection.selection_mark(selection)
            self._left.append((document, mark, source))
            if edit.recorded is not None:
                edit.recorded = edit.recorded.marked(mark)
                records.write(document, edit.recorded)

    def supersede(self, document: Document) -> None:
        """A newer selection is due in this picture: one that still waits is out of date."""
        for other, task in self._waiting:
            if other == document:
                task.cancel()
        self._drop(document)

    def make_upon_return(
        self, edit: Edit, steps: Callable[[], Steps[bool]], ended: Callable[[bool, str], None]
    ) -> None:
        """Make an edit's selection once the painter is back in its picture.

        ended(made, trace) is called when it is made, or when it can't be: the picture was closed,
        or Krita failed, with the traceback.
        """
        document = edit.source.document

        def end(made: bool, why: str = "") -> None:
            self._drop(document)
            if made:
                self.left(edit)
            ended(made, why)

        waiting = selecting.upon_return(document, steps)
        self._waiting.append((document, Task(waiting, end, lambda error: end(False, trace(error)))))

    def _is_left(self, document: Document | None, mark: Mark | None) -> bool:
        """Whether a selection with this mark is one that a result has left."""
        if document is None or mark is None:
            return False
        return records.left_one(document, mark) or any(
            other == document and mark in (left, _mark_now(source))
            for other, left, source in self._left
        )

    def _drop(self, document: Document) -> None:
        self._waiting = [one for one in self._waiting if one[0] != document]


def _mark_now(source: Source) -> Mark | None:
    """The mark of a selection that has been moved as its layer was.

    With the whole picture.
    """
    try:
        return painter_selection.selection_mark(selection_now(source))
    except CanvasProblem:
        return None
