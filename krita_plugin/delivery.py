"""From the end of the model's work to a new layer and its selection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from ..protocol.messages import Variant
from .counting import Counted
from .document import checking, documents, masks, records, selecting, writing
from .document.cooperative import Steps, Task
from .job import Edit, light
from .last_edits import LastEdit, LastEdits
from .panel_values import Note
from .remarks import Remark, is_half_transparent, noted
from .results import Results
from .selections import Selections
from .sentences import FLATTENED, done_words
from .state import Panel
from .translations import tr
from .under_way import UnderWay

if TYPE_CHECKING:
    from krita import Node


class Delivery:
    """Puts what has come of an edit into its picture, and says how it went."""

    def __init__(
        self,
        panel: Panel,
        under_way: UnderWay,
        results: Results,
        selections: Selections,
        last: LastEdits,
    ) -> None:
        self._panel = panel
        self._under_way = under_way
        self._results = results
        self._selections = selections
        self._last = last

    def part(self, edit: Edit, done: Variant) -> None:
        """One of several seeds is done: its layer, behind those that were done before.

        A server that was started anew makes those again that were done.
        """
        one = edit.part(done)
        if done.seed not in edit.delivered:
            edit.delivered.add(done.seed)
            edit.parts.append(one)
            if len(edit.parts) == 1:
                self._next_part(edit)

    def _next_part(self, edit: Edit) -> None:
        """The layer of the next seed that is done, or of the last one."""
        edit.finishing = bool(edit.parts)
        if edit.parts and edit.parts[0].result is not None:
            part = edit.parts[0]
            steps = self._insertion(part, self._under_way.teller(edit))
            edit.task = Task(
                steps,
                lambda layer: self._part_inserted(edit, part, layer),
                lambda error: self._part_broke(edit, part),
            )
        elif edit.parts:  # nothing was found to change with it
            edit.parts.pop(0)
            self._next_part(edit)
        elif edit.done is not None:
            self.finish(edit)

    def _part_inserted(self, edit: Edit, part: Edit, layer: Node) -> None:
        self._record(part, layer)
        edit.parts.pop(0)
        self._next_part(edit)

    def _part_broke(self, edit: Edit, part: Edit) -> None:
        """It could not go into its picture: it is kept, and the last one will say why."""
        assert part.result is not None, "only a result goes in"
        self._under_way.kept.keep(part.layer_name, part.result, part.mask_apart)
        edit.parts.pop(0)
        self._next_part(edit)

    def finish(self, edit: Edit) -> None:
        """The server is done: the layer, then its selection."""
        if edit.parts:
            return  # after those
        edit.finishing = True
        ran = edit.done.algorithm if edit.done else ""
        self._last.note(LastEdit(edit.request, light(edit.source), ran), documents.is_open)
        result = edit.result
        clears = edit.done is not None and edit.done.clears and result is None
        by_mask = self._by_mask(edit)
        if by_mask is not None and (edit.request.mask_only or clears):
            self._select(edit, by_mask)
        elif result is not None and not edit.request.mask_only:
            if edit is self._under_way.shown():
                self._panel.staged("making the layer")
            edit.task = Task(
                self._insertion(edit, self._under_way.teller(edit)),
                lambda layer: self._inserted(edit, layer),
                lambda error: self._under_way.broke(edit, error),
            )
        else:
            self._under_way.forget(edit)
            self._under_way.client.acknowledge(edit.job)
            why = " ".join(map(noted, edit.done.notes)) if edit.done else ""
            remedy = why or "Name the thing as it is in the picture, or select it."
            self._under_way.after(
                Note(
                    "error", "Nothing was found to change.", remedy, edit.details(self._panel.link)
                ),
                edit,
            )

    def _insertion(self, edit: Edit, tell: Callable[[str], None]) -> Steps[Node]:
        """Puts the layer of a result into its picture."""
        result = edit.result
        assert result is not None, "only a result goes in"
        return writing.insert(
            edit.source,
            edit.placed(result),
            result.pixels.data or b"",
            result.pixels.format,
            edit.layer_name,
            tell,
            edit.veils,
            edit.pieces[1:],
        )

    def _record(self, edit: Edit, layer: Node) -> None:
        """Keep in the picture what made a layer, and show it alone of its set."""
        document, is_group = edit.source.document, layer.type() == "grouplayer"
        edit.flattened = bool(edit.veils) and not is_group and masks.mask_of(layer) is None
        edit.recorded = edit.record(layer, self._panel.model)
        for one in (edit.recorded, *(edit.part_records(layer) if is_group else ())):
            records.write(document, one)
        self._results.made(document, edit.recorded)

    def _by_mask(self, edit: Edit) -> Callable[[], Steps[bool]] | None:
        """Makes the mask the selection, and adds no layer; None without one."""
        if edit.mask is None or edit.mask.area is None:
            return None
        area, mask = edit.placed(edit.mask.area), edit.mask.area.pixels.data or b""
        name = f"Limn mask: {edit.request.instruction}"
        return lambda: selecting.select_only(
            edit.source, area, mask, name, self._under_way.teller(edit)
        )

    def _inserted(self, edit: Edit, layer: Node) -> None:
        """The layer is in: count what it changes, then select it."""
        self._record(edit, layer)
        self._under_way.client.acknowledge(edit.job)
        tell = self._under_way.teller(edit, can_end=False)

        def select(counted: Counted | None) -> None:
            edit.counted = counted
            clears = edit.done is not None and edit.done.clears
            by_mask = self._by_mask(edit) if clears and not edit.pieces else None
            alpha = partial(selecting.select, edit.source.document, layer, tell)
            self._select(edit, by_mask or alpha)

        mask = None if edit.mask is None else edit.mask.area
        if mask is None:
            select(None)
            return
        masks = [(edit.placed(mask), mask.pixels.data or b"")]
        masks += [(one.area, one.mask) for one in edit.pieces[1:]]
        steps = checking.changes(edit.source, layer, masks)
        edit.task = Task(steps, select, lambda _: select(None))

    def _select(self, edit: Edit, steps: Callable[[], Steps[bool]]) -> None:
        """Makes the selection now, or when the painter is back in this picture.

        One that still waits for that is out of date.
        """
        self._selections.supersede(edit.source.document)
        edit.task = Task(
            steps(),
            lambda made: self._succeeded(edit, made, steps),
            lambda error: self._under_way.broke(edit, error),
        )

    def _succeeded(self, edit: Edit, selected: bool, steps: Callable[[], Steps[bool]]) -> None:
        """All is in the picture.

        But for a selection that has to wait until the painter is back.
        """
        assert edit.done is not None, "an edit succeeds by its Done"
        if edit.request.mask_only or edit.result is None:
            self._under_way.client.acknowledge(edit.job)
        self._under_way.forget(edit)
        document, seconds = edit.source.document, edit.seconds
        if not edit.request.mask_only:
            passes = max(1, edit.done.passes) * (1 + len(edit.delivered))
            self._panel.took(edit.done.algorithm, seconds / passes)
        words = done_words(edit.done, seconds, edit.request.mask_only, counted=edit.counted)
        flattened = [tr(FLATTENED)] if edit.flattened else []
        own = () if edit.course is None else edit.course.remarks
        remedy = " ".join((*map(noted, edit.done.notes), *own, *flattened, *self._remarks(edit)))
        note = Note("good", words, remedy, edit.details(self._panel.link))
        if selected:
            self._selections.left(edit)
            self._under_way.after(note, edit)
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
        self._under_way.after(waiting, edit)
        self._selections.make_upon_return(
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
        if layer.blendingMode() != "normal":
            return [Remark("blended-below", layer.name()).sentence]
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
