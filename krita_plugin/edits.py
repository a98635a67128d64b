"""The painter's edits, from a press of Edit to a layer and its selection.

The panel, the canvas and the wire meet here only.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from ..protocol import limits, messages
from ..protocol.messages import (
    Cancelled,
    Chosen,
    Done,
    Failed,
    Mask,
    Preview,
    Progress,
    Queued,
    Result,
    Welcome,
)
from .catalogue import told, tr
from .counting import Counted
from .document import checking, documents, masks, reading, records, selecting, stack, writing
from .document.colour import CanvasProblem
from .document.cooperative import Steps, Task
from .document.editable import Offer
from .document.reading import Source
from .document.trace import Trace
from .job import Edit, light, trace
from .kept_results import KeptResults
from .last_edits import LastEdit, LastEdits
from .mask_slider import MaskSlider
from .preview_data import Look, shares
from .qt import QObject
from .remarks import Remark, is_half_transparent
from .results import Results
from .selections import Selections
from .sentences import (
    ALL_THE_SAME,
    FLATTENED,
    QUESTIONS,
    SAME_AGAIN,
    TAKE_IT,
    done_words,
    waiting_words,
)
from .state import Link, Note, Panel, Request
from .wire.client import Client, MaskLook

MAX_EDITS = 8
"""Edits of one painter at a time, running and waiting.

Each holds a picture in memory.
"""

MAX_OFFERS = 100
"""Layers remembered, by id, that can be edited another way.

The painter has heard how.
"""

CANCELLED = Note("quiet", "Cancelled. Your picture is as it was.")
STOPPED = Note("error", "The Limn server was stopped.", "Press Edit to start it again.")


class Edits(QObject):  # type: ignore[misc]
    """Carries out what the panel asks for. One object for all of Krita's windows."""

    def __init__(self, panel: Panel, client: Client) -> None:
        super().__init__()
        self._panel = panel
        self._client = client
        self._edits: dict[str, Edit] = {}
        self._last = LastEdits()
        self._asked: tuple[Request, Source] | None = None
        self._unfound: Request | None = None  # what was asked about a thing that was not found
        self._kept = KeptResults(panel)
        self.selections = Selections()
        self.results = Results(panel, self._begin)
        self.mask_slider = MaskSlider(panel)
        self._offered: list[str] = []  # layers of which what is seen will be edited
        client.linked.connect(self._linked)
        client.welcomed.connect(self._welcomed)
        client.received.connect(self._received)

    # --- what the painter wants

    def edit(self, mask_only: bool = False) -> None:
        """Edit the active layer as the panel says.

        An instruction about a thing that was not found goes ahead when it is given again.
        """
        request = self._panel.request(mask_only)
        if self._unfound == replace(request, seed=0):
            request = replace(request, ask=False)
        if mask_only or self._panel.seeds == 1:
            self._begin(request, None)
        else:
            self.results.variants(request)

    def again(self) -> None:
        """This picture's last edit once more, of the same layer, with a new seed.

        Where other words stand in the box by now, they are what is done. In a picture that was
        opened again, the last edit is the one that its results tell.
        """
        last = self._last.of(documents.active_document()) or self._recorded()
        if last is None:
            self._begin(replace(self._panel.request(), seed=self._panel.new_seed()), None)
            return
        words = self._panel.instruction.strip() or last.request.instruction
        title = self._panel.unseeded(last.ran)
        if title and words == last.request.instruction:
            self._panel.noted(Note("quiet", tr(SAME_AGAIN, algorithm=title), "", ""))
            return
        seed = self._panel.new_seed()
        request = replace(last.request, instruction=words, seed=seed, mask_only=False, ask=False)
        self._begin(request, last.source)

    def _recorded(self) -> LastEdit | None:
        """What the active result was made by, or the topmost, as its picture tells."""
        document = documents.active_document()
        node = None if document is None else document.activeNode()
        if document is None or node is None:
            return None
        there = {one.result: one for one in records.recall(document)}
        wanted = [str(node.uniqueId().toString()), *reversed(stack.ids(document))]
        record = next((there[one] for one in wanted if one in there), None)
        source = None if record is None else records.source_of(document, record)
        if record is None or source is None:
            return None
        return LastEdit(record.request, source, "")

    def answer(self) -> None:
        """Repeats the edit that asked for a caption, which is written now.

        Of the same layer, unless something else was changed as well.
        """
        if not self._panel.question or self._asked is None:
            self.edit()
            return
        asked, source = self._asked
        request = self._panel.request(asked.mask_only)
        if request.caption:
            self._begin(
                request, source if replace(request, caption=asked.caption) == asked else None
            )

    def cancel(self) -> None:
        """Stop the edit that is running; the painter's picture is as it was."""
        edit = self._shown()
        if edit is None:
            self._panel.noted(Note("quiet", "There is no edit to cancel."))
            return
        if edit.finishing and not edit.waits:
            return  # the layer is on its way into the picture; undo takes it out again
        self._forget(edit)
        if edit.done is None:
            self._client.cancel(edit.job)
        else:
            self._client.acknowledge(edit.job)
        self._after(CANCELLED, edit)

    def open_kept(self) -> None:
        """Open a result that could not go into its picture, the last one first."""
        self._kept.open_newest()

    # --- an edit's way

    def _begin(self, request: Request, again: Source | None, variants: str = "") -> None:
        """Take the snapshot at once, then read it in turns."""
        self._client.connect_to_server()
        self._panel.turn_to(documents.active_document())
        if not request.instruction:
            self._panel.noted(
                Note("error", "Write first what should change.", "For example: make the star blue")
            )
            return
        if len(self._edits) >= MAX_EDITS:
            self._panel.noted(
                Note(
                    "error",
                    tr("{count} edits are under way already.", count=MAX_EDITS),
                    "Wait for one, or cancel it.",
                )
            )
            return
        records.recall(documents.active_document())
        try:
            last = self._last.of(documents.active_document())
            source = reading.take(
                self.selections.hint(request, again),
                again,
                self._offered,
                None if last is None else last.source.uuid,
            )
        except CanvasProblem as problem:
            if isinstance(problem, Offer):
                self._offered = [*self._offered, problem.uuid][-MAX_OFFERS:]
            self._panel.noted(Note("error", problem.sentence, problem.remedy))
            return
        if any(one.is_same(request, source) for one in self._edits.values()):
            self._panel.noted(Note("quiet", "Limn is at work on exactly this already."))
            return
        if (
            max(source.rect.width, source.rect.height) > limits.MAX_SIDE
            or source.rect.width * source.rect.height > limits.MAX_PIXELS
        ):
            sentence = (
                f"The layer has {source.rect.width} x {source.rect.height} pixels, too "
                "many for one edit."
            )
            self._panel.noted(
                Note("error", sentence, "Select the part to edit, with Selection at limit.")
            )
            return
        edit = Edit(str(uuid.uuid4()), request, source, variants=variants)
        self._edits[edit.job] = edit
        if len(self._edits) == 1:
            self._panel.began(request, "reading the layer")
        else:
            self._panel.waits(len(self._edits) - 1)
        edit.task = Task(
            reading.read(source),
            lambda read: self._read(edit, *read),
            lambda error: self._broke(edit, error),
        )

    def _read(
        self, edit: Edit, pixels: list[bytes], hint: list[bytes] | None, trace: Trace
    ) -> None:
        """The pixels are there: submit them, or wait for the server."""
        edit.was_read(pixels, hint, trace)
        if edit is self._shown() and edit.picture is not None:
            with self._panel.about(edit.source.document):
                self._panel.layer_read(edit.picture)
        if self._panel.link.kind == "ready":
            self._submit(edit)
        elif edit is self._shown():
            self._panel.staged(
                tr("waiting: {what}", what=tr(self._panel.link.words))
                if self._panel.link.kind == "starting"
                else "waiting for the server"
            )

    def _submit(self, edit: Edit) -> None:
        if not edit.submitted and edit.draft is not None:
            edit.submitted = True
            if edit is self._shown():
                self._panel.staged("sending the layer")
            self._client.submit(edit.draft)
            edit.draft = None

    def _finish(self, edit: Edit) -> None:
        """The server is done: the layer, then its selection."""
        edit.finishing = True
        ran = edit.done.algorithm if edit.done else ""
        self._last.note(LastEdit(edit.request, light(edit.source), ran), documents.is_open)
        result = edit.result
        clears = edit.done is not None and edit.done.clears and result is None
        by_mask = self._by_mask(edit)
        if by_mask is not None and (edit.request.mask_only or clears):
            self._select(edit, by_mask)
        elif result is not None and not edit.request.mask_only:
            if edit is self._shown():
                self._panel.staged("making the layer")
            steps: Any = writing.insert(
                edit.source,
                edit.placed(result),
                result.pixels.data or b"",
                result.pixels.format,
                edit.layer_name,
                self._teller(edit),
                edit.veil,
            )
            edit.task = Task(
                steps,
                lambda layer: self._inserted(edit, layer),
                lambda error: self._broke(edit, error),
            )
        else:
            self._forget(edit)
            self._client.acknowledge(edit.job)
            why = " ".join(map(told, edit.done.notes)) if edit.done else ""
            remedy = why or "Name the thing as it is in the picture, or select it."
            self._after(
                Note(
                    "error", "Nothing was found to change.", remedy, edit.details(self._panel.link)
                ),
                edit,
            )

    def _by_mask(self, edit: Edit) -> Callable[[], Steps[bool]] | None:
        """Makes the mask the selection, and adds no layer; None without one."""
        if edit.mask is None or edit.mask.area is None:
            return None
        area, mask = edit.placed(edit.mask.area), edit.mask.area.pixels.data or b""
        name = f"Limn mask: {edit.request.instruction}"
        return lambda: selecting.select_only(edit.source, area, mask, name, self._teller(edit))

    def _teller(self, edit: Edit, can_end: bool = True) -> Callable[[str], None]:
        """For what goes into the picture: hears what of the painter's that waits for.

        can_end: whether the edit may still be cancelled while it waits.
        """

        def tell(what: str) -> None:
            edit.waits = can_end and bool(what)
            if edit is self._shown():
                self._panel.staged(waiting_words(what) if what else "making the layer")

        return tell

    def _inserted(self, edit: Edit, layer: Any) -> None:
        """The layer is in: count what it changes, then select it."""
        edit.flattened = edit.veil is not None and masks.mask_of(layer) is None
        edit.recorded = edit.record(layer, self._panel.model)
        records.write(edit.source.document, edit.recorded)
        self.results.made(edit.source.document, edit.recorded)
        self._client.acknowledge(edit.job)
        tell = self._teller(edit, can_end=False)

        def select(counted: Counted | None) -> None:
            edit.counted = counted
            clears = edit.done is not None and edit.done.clears
            by_mask = self._by_mask(edit) if clears else None
            alpha = partial(selecting.select, edit.source.document, layer, tell)
            self._select(edit, by_mask or alpha)

        mask = None if edit.mask is None else edit.mask.area
        if mask is None:
            select(None)
            return
        steps = checking.changes(edit.source, layer, edit.placed(mask), mask.pixels.data or b"")
        edit.task = Task(steps, select, lambda _: select(None))

    def _select(self, edit: Edit, steps: Callable[[], Steps[bool]]) -> None:
        """Makes the selection now, or when the painter is back in this picture.

        One that still waits for that is out of date.
        """
        self.selections.supersede(edit.source.document)
        edit.task = Task(
            steps(),
            lambda made: self._succeeded(edit, made, steps),
            lambda error: self._broke(edit, error),
        )

    def _succeeded(self, edit: Edit, selected: bool, steps: Callable[[], Steps[bool]]) -> None:
        """All is in the picture.

        But for a selection that has to wait until the painter is back.
        """
        assert edit.done is not None, "an edit succeeds by its Done"
        if edit.request.mask_only or edit.result is None:
            self._client.acknowledge(edit.job)
        self._forget(edit)
        document, seconds = edit.source.document, edit.seconds
        if not edit.request.mask_only:
            self._panel.took(edit.done.algorithm, seconds)
        words = done_words(edit.done, seconds, edit.request.mask_only, counted=edit.counted)
        flattened = [tr(FLATTENED)] if edit.flattened else []
        remedy = " ".join((*map(told, edit.done.notes), *flattened, *self._remarks(edit)))
        note = Note("good", words, remedy, edit.details(self._panel.link))
        if selected:
            self.selections.left(edit)
            self._after(note, edit)
            return
        words = done_words(edit.done, seconds, edit.request.mask_only, False, edit.counted)
        picture = documents.title(document)
        where = (
            tr("It becomes the selection in {picture} when you go there.", picture=picture)
            if edit.request.mask_only
            else tr(
                "The new layer is in {picture}; it is selected when you go there.", picture=picture
            )
        )
        waiting = replace(note, sentence=words, remedy=f"{where} {note.remedy}".strip())
        self._after(waiting, edit)
        self.selections.make_upon_return(
            edit, steps, lambda made, why: self._selected_later(edit, made, waiting, note, why)
        )

    def _remarks(self, edit: Edit) -> list[str]:
        """What there is to say of the layer below the result."""
        source = edit.source
        is_open = documents.is_open(source.document)
        layer = documents.find(source.document, source.uuid) if is_open else None
        if layer is None or edit.done is None or edit.picture is None or edit.request.mask_only:
            return []
        if edit.done.clears:
            return [Remark("not-cleared", layer.name()).sentence]
        if is_half_transparent(edit.picture.data, layer.opacity()):
            return [Remark("seen-below", layer.name()).sentence]
        return []

    def _selected_later(
        self, edit: Edit, made: bool, waiting: Note, note: Note, trace: str
    ) -> None:
        """The painter has come back to the picture, or closed it.

        `waiting`: what the panel says if nothing else happened since.
        """
        is_open = documents.is_open(edit.source.document)
        if is_open and not made:
            remedy = (
                "Press Find mask again."
                if edit.request.mask_only
                else "The new layer's alpha is the mask, if it is still there."
            )
            note = Note("error", "The selection could not be made.", remedy, trace)
        if self._panel.note is waiting:
            self._panel.noted(note if is_open else None)

    # --- what the server says

    def _linked(self, link: Link) -> None:
        self._panel.linked(link)
        if link.kind in ("trouble", "off"):
            unsubmitted = [one for one in self._edits.values() if not one.submitted]
            for edit in unsubmitted:
                self._forget(edit)
            if link.kind == "trouble" and not self._edits:
                self._panel.ended(Note("error", link.words, link.remedy, link.details))
            elif unsubmitted:
                self._after(STOPPED, unsubmitted[0])
        elif (
            link.kind == "starting"
            and self._edits
            and not any(one.submitted for one in self._edits.values())
        ):
            self._panel.staged(tr("waiting: {what}", what=tr(link.words)))

    def _welcomed(self, welcome: Welcome) -> None:
        self._panel.welcomed(welcome)
        for edit in tuple(self._edits.values()):
            self._submit(edit)

    def _received(self, message: Any) -> None:
        """Takes a message about a job.

        Those about cancelled and forgotten ones are only acknowledged.
        """
        look = message if isinstance(message, MaskLook) else None
        message = look.message if look else message
        edit = self._edits.get(message.job)
        if edit is None:
            if isinstance(message, (Done, Failed, Cancelled)):
                self._client.acknowledge(message.job)
            return
        with self._panel.about(edit.source.document):
            self._heard(edit, message, look)

    def _heard(self, edit: Edit, message: Any, look: MaskLook | None) -> None:
        """A message about an edit that is under way."""
        shown = edit is self._shown()
        if isinstance(message, Queued) and shown:
            self._panel.queued(message.ahead, len(self._edits) - 1, message.seconds_left)
        elif isinstance(message, Chosen) and shown:
            self._panel.chose(message.reason)
        elif isinstance(message, messages.Note) and shown:
            self._panel.foretold(message.said)
        elif isinstance(message, Progress) and shown:
            self._panel.progressed(message)
        elif isinstance(message, Preview) and shown:
            rect = edit.source.rect
            self._panel.previewed(
                Look(message.picture.data or b"", shares(message.shows, rect.width, rect.height))
            )
        elif isinstance(message, Mask):
            edit.mask = message if message.final else edit.mask
            if shown and look is not None:
                self._panel.masked(look.picture)
        elif isinstance(message, Result):
            edit.result = message.area
        elif isinstance(message, Done):
            edit.done = message
            if shown and message.reason:
                self._panel.chose(
                    message.reason
                )  # for an edit whose connection was lost when it was chosen
            self._finish(edit)
        elif isinstance(message, Failed):
            self._client.acknowledge(message.job)
            remedy, _, details = message.remedy.partition("\n")
            sentence = message.sentence
            if message.said:
                sentence, remedy = told(message.said[0]), " ".join(map(told, message.said[1:]))
            self._forget(edit)
            details = f"{message.code}\n{details}\n{edit.details(self._panel.link)}".strip()
            question = QUESTIONS.get(message.code)
            if message.code == "not-found":
                self._unfound = replace(edit.request, seed=0)
                self._after(Note("quiet", sentence, ALL_THE_SAME, details), edit)
            elif message.proposal:
                self._after(Note("quiet", sentence, TAKE_IT, details), edit)
                self._panel.proposed(message.proposal, edit.request.instruction)
            elif question is None:
                self._after(Note("error", sentence, remedy, details), edit)
            else:
                self._asked = (edit.request, light(edit.source))
                self._after(Note("quiet", sentence, "", details), edit)
                self._panel.asked(tr(question))
        elif isinstance(message, Cancelled):
            self._client.acknowledge(message.job)
            self._forget(edit)
            self._after(CANCELLED, edit)

    # --- ends

    def _shown(self) -> Edit | None:
        """The edit that the panel follows: the eldest."""
        return next(iter(self._edits.values()), None)

    def _forget(self, edit: Edit) -> None:
        self._edits.pop(edit.job, None)
        if edit.task is not None and (edit.waits or not edit.finishing):
            edit.task.cancel()

    def _after(self, note: Note, edit: Edit) -> None:
        """An edit has ended; the next one, if there is one, takes its place in the panel."""
        following = self._shown()
        if following is None:
            with self._panel.about(edit.source.document):
                self._panel.ended(note)
            return
        with self._panel.about(following.source.document):
            self._panel.began(following.request, "waiting for its turn", following.picture)
        with self._panel.about(edit.source.document):
            self._panel.noted(note)

    def _broke(self, edit: Edit, error: Exception) -> None:
        """Putting something out of or into the picture did not work."""
        self._forget(edit)
        if edit.done is None:
            self._client.cancel(edit.job)
        else:
            self._client.acknowledge(edit.job)  # what there is of it is here
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
        if edit.result is not None:
            self._kept.keep(edit.layer_name, edit.result, edit.mask_apart)
            note = replace(note, sentence=f"{tr(note.sentence)} {tr('The result is kept.')}")
        self._after(note, edit)
