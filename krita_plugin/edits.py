"""The painter's edits: what a press of Edit, Again or Cancel does.

From the snapshot of the layer to the server; incoming.py and delivery.py take it from there.
"""

from __future__ import annotations

import uuid
from dataclasses import replace

from .delivery import Delivery
from .document import documents, reading, records, stack
from .document.colour import CanvasProblem
from .document.cooperative import Task
from .document.editable import Offer
from .document.reading import Source
from .document.trace import Trace
from .incoming import Incoming, cancelled
from .job import Edit
from .last_edits import LastEdit, LastEdits
from .mask_slider import MaskSlider
from .panel_values import Note, Request, is_too_large
from .place_by_place import PlaceByPlace
from .qt import QUuid
from .results import Results
from .selections import Selections
from .sentences import SAME_AGAIN, SELECT
from .state import Panel
from .translations import tr
from .under_way import UnderWay
from .wire.client import Client

MAX_EDITS = 8
"""Edits of one painter at a time, running and waiting.

Each holds a picture in memory.
"""

MAX_OFFERS = 100
"""Layers remembered, by id, that can be edited another way.

The painter has heard how.
"""


class Edits:
    """Carries out what the panel asks for. One object for all of Krita's windows."""

    def __init__(self, panel: Panel, client: Client) -> None:
        self._panel = panel
        self.under_way = UnderWay(panel, client)
        self.last = LastEdits()
        self.selections = Selections()
        self.results = Results(panel, self._begin)
        self.mask_slider = MaskSlider(panel)
        delivery = Delivery(panel, self.under_way, self.results, self.selections, self.last)
        self._places = PlaceByPlace(panel, self.under_way, delivery)
        self.incoming = Incoming(panel, client, self.under_way, delivery, self._places)
        self._offered: list[str] = []  # layers of which what is seen will be edited

    # --- what the painter wants

    def edit(self, mask_only: bool = False) -> None:
        """Edit the active layer as the panel says.

        An instruction about a thing that was not found goes ahead when it is given again.
        """
        self.selections.look(self._panel)
        request = self._wanted(mask_only)
        if self.incoming.unfound == replace(request, seed=0, seeds=()):
            request = replace(request, ask=False)
        self._begin(request, None)

    def _wanted(self, mask_only: bool) -> Request:
        """What the panel asks for, with as many seeds as it has."""
        request = self._panel.request(mask_only)
        return request if mask_only else replace(request, seeds=self._panel.further(request.seed))

    def again(self) -> None:
        """This picture's last edit once more, of the same layer, with a new seed.

        Where other words stand in the box by now, they are what is done. In a picture that was
        opened again, the last edit is the one that its results tell.
        """
        last = self.last.of(documents.active_document()) or self._recorded()
        if last is None:
            self._begin(replace(self._panel.request(), seed=self._panel.new_seed()), None)
            return
        words = self._panel.instruction.strip() or last.request.instruction
        title = self._panel.unseeded(last.ran)
        if title and words == last.request.instruction:
            self._panel.noted(Note("quiet", tr(SAME_AGAIN, algorithm=title), "", ""))
            return
        seed = self._panel.new_seed()
        request = replace(
            last.request, instruction=words, seed=seed, seeds=(), mask_only=False, ask=False
        )
        self._begin(request, last.source)

    def _recorded(self) -> LastEdit | None:
        """What the active result was made by, or the topmost, as its picture tells."""
        document = documents.active_document()
        node = None if document is None else document.activeNode()
        if document is None or node is None:
            return None
        there = {one.result: one for one in records.recall(document)}
        wanted = [stack.id_of(node), *reversed(stack.ids(document))]
        record = next((there[one] for one in wanted if one in there), None)
        source = None if record is None else records.source_of(document, record)
        if record is None or source is None:
            return None
        return LastEdit(record.request, source, "")

    def last_layer(self) -> QUuid | None:
        """The id of the layer that was edited last in the picture in front."""
        last = self.last.of(documents.active_document())
        return None if last is None else last.source.uuid

    def answer(self) -> None:
        """Repeats the edit that asked for a caption, which is written now.

        Of the same layer, unless something else was changed as well.
        """
        if not self._panel.question or self.incoming.asked is None:
            self.edit()
            return
        asked, source = self.incoming.asked
        request = self._wanted(asked.mask_only)
        if request.caption:
            self._begin(
                request, source if replace(request, caption=asked.caption) == asked else None
            )

    def cancel(self) -> None:
        """Stop the edit that is running; the painter's picture is as it was."""
        edit = self.under_way.shown()
        if edit is None:
            self._panel.noted(Note("quiet", "There is no edit to cancel."))
            return
        if edit.finishing and not edit.waits and edit.done is not None:
            return  # the layer is on its way into the picture; undo takes it out again
        self.under_way.forget(edit)
        if edit.done is None:
            self.under_way.client.cancel(edit.job)
        else:
            self.under_way.client.acknowledge(edit.job)
        self.under_way.after(cancelled(edit), edit)

    def open_kept(self) -> None:
        """Open a result that could not go into its picture, the last one first."""
        self.under_way.kept.open_newest()

    # --- from the snapshot to the server

    def _begin(self, request: Request, again: Source | None, variants: str = "") -> None:
        """Take the snapshot at once, then read it in turns."""
        self.under_way.client.connect_to_server()
        self._panel.turn_to(documents.active_document())
        if not request.instruction:
            self._panel.noted(
                Note("error", "Write first what should change.", "For example: make the star blue")
            )
            return
        if len(self.under_way) >= MAX_EDITS:
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
            source = reading.take(
                self.selections.hint(request, again),
                again,
                self._offered,
                self.last_layer(),
            )
        except CanvasProblem as problem:
            if isinstance(problem, Offer):
                self._offered = [*self._offered, problem.uuid][-MAX_OFFERS:]
            self._panel.noted(Note("error", problem.sentence, problem.remedy))
            return
        size = source.rect.width, source.rect.height
        too_large = is_too_large(*size, self._panel.most_pixels)
        same = replace(request, seeds=()) if too_large else request
        if any(one.is_same(same, source) for one in self.under_way):
            self._panel.noted(Note("quiet", "Limn is at work on exactly this already."))
            return
        if too_large and (source.selection is not None or not request.full_resolution):
            sentence = tr(
                "The layer has {size} pixels, too many for one edit.",
                size=f"{size[0]} x {size[1]}",
            )
            remedy = SELECT
            if source.selection is None:
                remedy = "Switch on Full resolution, place by place, or select the part to edit."
            self._panel.noted(Note("error", sentence, remedy))
            return
        edit = Edit(str(uuid.uuid4()), request, source, variants=variants)
        self.under_way.add(edit)
        if len(self.under_way) == 1:
            self._panel.began(request, "reading the layer")
        else:
            self._panel.waits(len(self.under_way) - 1)
        if too_large:
            self._places.begin(edit)
            return
        edit.task = Task(
            reading.read(source),
            lambda read: self._read(edit, *read),
            lambda error: self.under_way.broke(edit, error),
        )

    def _read(
        self,
        edit: Edit,
        pixels: list[bytes],
        hint: list[bytes] | None,
        named: list[reading.Named],
        trace: Trace,
    ) -> None:
        """The pixels are there: submit them, or wait for the server."""
        edit.was_read(pixels, hint, named, trace)
        self.under_way.drafted(edit)
