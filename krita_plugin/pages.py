"""What the panel shows of each open picture: words, question, pictures.

The panel has one page at a time, that of the picture in front. An edit of another picture goes on
with the page of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from krita import Document

    from .state import Panel

FIELDS = (
    *("instruction", "caption", "question", "choice", "reading", "note"),
    *("layer", "preview", "previews_shown", "mask", "part_masks", "corrected", "declined"),
)
"""Attributes of the panel that belong to a picture."""

MOST_PAGES = 32
"""Pages kept; of more pictures, the one longest not in front begins anew."""

Page = dict[str, Any]


class Pages:
    """The pages of all pictures but the one in front.

    That one's page is in the panel itself.
    A picture is anything that can be compared: Krita gives a new object for it at each call.
    """

    def __init__(self, panel: Panel) -> None:
        self._panel = panel
        self._empty = self._taken()
        self._front: Document | None = None
        self._others: list[tuple[Document, Page]] = []

    def turn_to(self, picture: Document | None) -> bool:
        """This picture is in front now; whether another page shows.

        The first picture takes over what was written before there was one.
        """
        if self._front is None:
            self._front = picture
            return False
        if picture is None or picture == self._front:
            return False
        self._swap(picture)
        return True

    def keep_only(self, is_open: Callable[[Document], bool]) -> None:
        """Forget the pages of pictures that are closed."""
        self._others = [(one, page) for one, page in self._others if is_open(one)]

    @contextmanager
    def of(self, picture: Document | None) -> Generator[None, None, None]:
        """Within the block the panel holds this picture's page.

        A note that is written on it there is read in front, too: it may be about a picture that the
        painter does not look at. Listeners are to be told after the block.
        """
        front = self._front
        if front is None or picture == front:
            yield
            return
        self._swap(picture)
        before = self._panel.note
        try:
            yield
        finally:
            note = self._panel.note
            self._swap(front)
            if note is not before and note is not None:
                self._panel.note = note

    def _swap(self, picture: Document | None) -> None:
        """Lay the panel's page aside, and take this picture's."""
        mine, front = self._taken(), self._front
        page = next((page for one, page in self._others if one == picture), self._empty)
        self._others = [(one, page) for one, page in self._others if one != picture]
        if front is not None:
            self._others = [*self._others, (front, mine)][-MOST_PAGES:]
        for name, value in page.items():
            setattr(self._panel, name, value)
        self._front = picture

    def _taken(self) -> Page:
        return {name: getattr(self._panel, name) for name in FIELDS}
