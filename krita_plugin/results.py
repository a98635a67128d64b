"""The results of the picture in front, and what becomes of them.

Results that answer the same wish (several seeds, "more like this", other algorithms, an edit done
again) are a set of variants: never more than one of a set is seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from .document import documents, layer_tree, records, stack
from .document.colour import CanvasProblem
from .document.cooperative import Task
from .job import trace
from .marking import plain
from .panel_values import Note, Request
from .preview_data import ResultLook
from .record import Record
from .state import Panel

if TYPE_CHECKING:
    from krita import Document, Node

    from .document.reading import Source

MAX_VARIANTS = 8
"""Seeds of one wish at a time."""

NONE = Note("quiet", "There is no result in this picture yet.")
GONE = Note("error", "The layer that was edited is gone.", "Choose a layer, and press Edit.")
FAILED = "Krita did not do that with the result's layer."

Begin = Callable[["Request", "Source | None", str], None]
"""Begins an edit.

The request, a source to begin from again or None, and the set that it belongs to.
"""


class Results:
    """One object for all of Krita's windows."""

    def __init__(self, panel: Panel, begin: Begin) -> None:
        self._panel = panel
        self._begin = begin
        self._hidden: tuple[Document, tuple[str, ...]] | None = None  # while the painter compares

    # --- what there is

    def refresh(self) -> None:
        """Tell the panel what there is in the picture in front."""
        document = documents.active_document()
        there = self._there(document)
        active = None if document is None else document.activeNode()
        looks = tuple(_look(record, node) for record, node in there if not record.group)
        ids = [one.id for one in looks]
        seen = [one.id for one in looks if one.seen]
        own = "" if active is None else stack.id_of(active)
        chosen = self._panel.result
        if active is not None and stack.id_of(stack.result_of(active)) in seen:
            chosen = stack.id_of(stack.result_of(active))
        if chosen not in ids:
            chosen = [*ids, *seen][-1] if ids else ""
        parts = {one.result: one.request.instruction for one, _ in there if one.group == chosen}
        part = own if own in parts else self._panel.part
        if part not in parts:
            part = next(iter(parts), "")
        self._panel.has_results(looks, chosen, part, parts.get(part, ""))

    def made(self, document: Document, record: Record) -> None:
        """A new result is in a picture: of its set it is the one that is seen."""
        self._only(document, record)

    # --- what the painter wants

    def show(self, result: str) -> None:
        """Show a result on the canvas, and no other of its set; its layer becomes active."""
        document = documents.active_document()
        for record, node in self._there(document):
            if document is not None and record.result == result:
                if not record.group:
                    self._panel.has_results(self._panel.results, result)
                document.setActiveNode(node)
                self._only(document, record)

    def show_part(self, instruction: str) -> None:
        """Make the layer of one of the chosen result's instructions the active one."""
        document = documents.active_document()
        for record, node in self._there(document):
            is_it = plain(record.request.instruction) == instruction
            if document is not None and is_it and record.group == self._panel.result:
                document.setActiveNode(node)
                self.refresh()

    def step(self, by: int) -> None:
        """Show the next result, or the one before; after the last comes the first."""
        ids = [one.id for one in self._panel.results]
        if not ids:
            self._panel.noted(NONE)
            return
        place = ids.index(self._panel.result) if self._panel.result in ids else -by
        self.show(ids[(place + by) % len(ids)])

    def keep(self) -> None:
        """Keep the chosen result, and take the others of its set out of the picture."""
        document, chosen, others = self._chosen()
        if document is None or chosen is None:
            return
        self._show_only(document, {chosen[0].result: True})
        self._remove(document, [node for _, node in others])

    def discard(self) -> None:
        """Take the chosen result out of the picture; another of its set is seen then."""
        document, chosen, others = self._chosen()
        if document is None or chosen is None:
            return
        if others:
            self.show(others[-1][0].result)
        self._remove(document, [chosen[1]])

    def compare(self, before: bool) -> None:
        """Show the picture as it was before its results, or as it is.

        Nothing of this is a step to undo.
        """
        document = documents.active_document()
        if before and self._hidden is None and document is not None:
            there = [one for one in self._there(document) if not one[0].group]
            seen = tuple(one.result for one, node in there if node.visible())
            self._hidden = document, seen
            self._show_only(document, dict.fromkeys(seen, False))
        elif not before and self._hidden is not None:
            shown, seen = self._hidden
            self._hidden = None
            if documents.is_open(shown):
                self._show_only(shown, dict.fromkeys(seen, True))

    @property
    def comparing(self) -> bool:
        """Whether the picture is shown as it was."""
        return self._hidden is not None

    def more_like_this(self) -> None:
        """Edits like the chosen result's, as many as the panel has seeds."""
        for request, source, variants in self._again():
            seed = self._panel.new_seed()
            more = replace(request, seed=seed, seeds=self._panel.further(seed))
            self._begin(more, source, variants)

    def other_algorithms(self) -> None:
        """The chosen result's words once by each other algorithm that can run here."""
        _, chosen, _ = self._chosen()
        for request, source, variants in self._again():
            for one in self._panel.algorithms:
                tried = one.name in ("auto", "" if chosen is None else chosen[0].ran)
                unfit = one.caption == "needed" and not request.caption
                if not (one.unavailable or one.baseline or tried or unfit):
                    settings = self._panel.settings(one)
                    other = replace(request, algorithm=one.name, parameters=settings)
                    self._begin(other, source, variants)

    def redo(self) -> None:
        """The chosen result once more, with all its settings, on the layer as it is now."""
        for request, source, variants in self._again():
            self._begin(request, source, variants)

    # --- inside

    def _there(self, document: Document | None) -> list[tuple[Record, Node]]:
        """The records of results that are in the picture, with their layers, bottom first."""
        kept = {one.result: one for one in records.recall(document)}
        nodes = [] if document is None or not kept else stack.nodes(document)
        ids = [(stack.id_of(node), node) for node in nodes]
        return [(kept[own], node) for own, node in ids if own in kept]

    def _chosen(
        self,
    ) -> tuple[Document | None, tuple[Record, Node] | None, list[tuple[Record, Node]]]:
        """The document, the chosen result, and the others of its set."""
        document = documents.active_document()
        there = self._there(document)
        chosen = next((one for one in there if one[0].result == self._panel.result), None)
        if chosen is None:
            self._panel.noted(NONE)
            return document, None, []
        variants = chosen[0].variants
        return (
            document,
            chosen,
            [one for one in there if one[0].variants == variants and one is not chosen],
        )

    def _again(self) -> list[tuple[Request, Source, str]]:
        document, chosen, _ = self._chosen()
        if document is None or chosen is None:
            return []
        record, active = chosen[0], document.activeNode()
        own = None if active is None else records.of(document, stack.id_of(layer_of(active)))
        if own is not None and own.group == record.result:
            record = own  # the layer of one of its instructions: that one alone
        source = records.source_of(document, record)
        if source is None:
            self._panel.noted(GONE)
            return []
        return [(record.request, source, record.variants)]

    def _only(self, document: Document, record: Record) -> None:
        wanted = {
            one.result: one.result == record.result
            for one, _ in self._there(document)
            if one.variants == record.variants
        }
        self._show_only(document, wanted)

    def _show_only(self, document: Document, wanted: Mapping[str, bool]) -> None:
        Task(layer_tree.shown(document, wanted), lambda _: self.refresh(), self._failed)

    def _remove(self, document: Document, nodes: list[Node]) -> None:
        Task(layer_tree.taken_out(document, nodes), lambda _: self.refresh(), self._failed)

    def _failed(self, error: Exception) -> None:
        if isinstance(error, CanvasProblem):
            return  # the picture was closed, and its results with it
        self._panel.noted(Note("error", FAILED, "", trace(error)))


def layer_of(node: Node) -> Node:
    """The layer that a mask lies under; any other node itself."""
    parent = node.parentNode()
    return parent if parent is not None and node.type().endswith("mask") else node


def _look(record: Record, node: Node) -> ResultLook:
    request = record.request
    words = f"{request.instruction}\n{record.ran} · seed {request.seed}"
    if request.parameters:
        settings = ", ".join(f"{name} {value}" for name, value in request.parameters.items())
        words += f"\n{settings}"
    return ResultLook(record.result, words, record.picture, bool(node.visible()), record.variants)
