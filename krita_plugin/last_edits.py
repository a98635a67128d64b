"""Each picture's last edit: what Again repeats, and which layer was edited last."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .document.reading import Source
from .panel_values import Request

if TYPE_CHECKING:
    from krita import Document


@dataclass(frozen=True)
class LastEdit:
    """An edit that came to its end.

    ran: the algorithm that made it, "" if nobody told.
    """

    request: Request
    source: Source
    ran: str


class LastEdits:
    """The last one of every open picture."""

    def __init__(self) -> None:
        self._all: list[LastEdit] = []

    def of(self, document: Document | None) -> LastEdit | None:
        """That of a picture; None where it has none."""
        return next((one for one in self._all if one.source.document == document), None)

    def note(self, edit: LastEdit, is_open: Callable[[Document], bool]) -> None:
        """Remember an edit in the place of its picture's earlier one; closed pictures go."""
        document = edit.source.document
        others = (one for one in self._all if one.source.document != document)
        self._all = [edit, *(one for one in others if is_open(one.source.document))]
