"""The edits that are under way, and what the panel shows of them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace

from .document.colour import CanvasProblem
from .job import Edit, trace
from .kept_results import KeptResults
from .panel_values import Note
from .sentences import waiting_words
from .state import Panel
from .translations import tr
from .wire.client import Client


class UnderWay:
    """The edits of all pictures, eldest first. The panel follows the eldest."""

    def __init__(self, panel: Panel, client: Client) -> None:
        self._panel = panel
        self.client = client
        self.kept = KeptResults(panel)
        self._edits: dict[str, Edit] = {}

    def __len__(self) -> int:
        return len(self._edits)

    def __iter__(self) -> Iterator[Edit]:
        return iter(tuple(self._edits.values()))

    def of(self, job: str) -> Edit | None:
        """The edit of a job; None where it is not under way any more."""
        return self._edits.get(job)

    def add(self, edit: Edit) -> None:
        """One more, behind the others."""
        self._edits[edit.job] = edit

    def shown(self) -> Edit | None:
        """The edit that the panel follows: the eldest."""
        return next(iter(self._edits.values()), None)

    def submit(self, edit: Edit) -> None:
        """Send it to the server, if its pixels have been read and nobody has sent them."""
        if not edit.submitted and edit.draft is not None:
            edit.submitted = True
            if edit is self.shown():
                self._panel.staged("sending the layer")
            self.client.submit(edit.draft)
            edit.draft = None

    def drafted(self, edit: Edit) -> None:
        """Its pixels have been read: submit them, or wait for the server."""
        if edit is self.shown() and edit.picture is not None:
            with self._panel.about(edit.source.document):
                self._panel.layer_read(edit.picture)
        if self._panel.link.kind in ("ready", "silent"):
            self.submit(edit)
        elif edit is self.shown():
            self._panel.staged(
                tr("waiting: {what}", what=tr(self._panel.link.words))
                if self._panel.link.kind == "starting"
                else "waiting for the server"
            )

    def renew(self, edit: Edit) -> None:
        """It goes on with a job of its own, in its place among the others."""
        edit.job, edit.submitted = str(uuid.uuid4()), False
        edit.result = edit.mask = None
        self._edits = {one.job: one for one in self._edits.values()}

    def teller(self, edit: Edit, can_end: bool = True) -> Callable[[str], None]:
        """For what goes into the picture: hears what of the painter's that waits for.

        can_end: whether the edit may still be cancelled while it waits.
        """

        def tell(what: str) -> None:
            edit.waits = can_end and bool(what)
            if edit is self.shown():
                self._panel.staged(waiting_words(what) if what else "making the layer")

        return tell

    def forget(self, edit: Edit) -> None:
        """It is under way no more; what is not yet in the picture does not go in."""
        self._edits.pop(edit.job, None)
        del edit.parts[1:]
        if edit.task is not None and (edit.waits or not edit.finishing):
            edit.task.cancel()

    def after(self, note: Note, edit: Edit) -> None:
        """An edit has ended; the next one, if there is one, takes its place in the panel."""
        following = self.shown()
        if following is None:
            with self._panel.about(edit.source.document):
                self._panel.ended(note)
            return
        with self._panel.about(following.source.document):
            self._panel.began(following.request, "waiting for its turn", following.picture)
        with self._panel.about(edit.source.document):
            self._panel.noted(note)

    def broke(self, edit: Edit, error: Exception) -> None:
        """Putting something out of or into the picture did not work."""
        self.forget(edit)
        if edit.done is None:
            self.client.cancel(edit.job)
        else:
            self.client.acknowledge(edit.job)  # what there is of it is here
        if isinstance(error, CanvasProblem):
            note = Note(
                "error",
                error.sentence,
                error.remedy,
                edit.details(self._panel.link) if edit.result else "",
            )
        else:
            sentence, remedy = (
                "Krita and Limn did not understand each other.",
                "Please report this, with the details.",
            )
            note = Note("error", sentence, remedy, trace(error))
        kept = [self.kept.keep(edit.layer_name, *one) for one in edit.regions]
        if kept:
            words = tr("The result is kept.")
            if any(kept):
                words = tr("The result is kept; the oldest that was kept had to go for it.")
            note = replace(note, sentence=f"{tr(note.sentence)} {words}")
        self.after(note, edit)
