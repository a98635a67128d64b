"""The mask of a result made larger, smaller or softer by sliders.

The model is not needed for that.

While a slider moves, a mask of ours stands in the layer in the place of its own, which keeps its
pixels and its history. When it is let go, what is seen of the result becomes the selection, if that
was the result's before; then the new mask is added and the old one taken out. These are up to three
steps to Krita. Between the last two both masks are there: nobody else makes that state, so that an
undo or a redo that ends in it is carried on, and is one step to the painter. The selection is made
by Krita's own action: one that is set by `Document.setSelection` has no outline on the canvas.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from krita import Document, Krita, Node, Selection

from .document import (
    documents,
    layer_tree,
    masks,
    painter_selection,
    records,
    selecting,
    stack,
)
from .document.colour import CanvasProblem
from .document.cooperative import Steps, Task
from .document.geometry import Rect
from .document.pictures import scaled
from .document.reshaping import Shape
from .job import trace
from .panel_values import Note
from .preview_data import MOST, PICTURE_SIDE, GreyPicture, every
from .qt import QAction, QByteArray, QUuid, sure
from .record import Record
from .state import Panel

STEP = 20
"""Of a slider, for one press of a key."""

NO_MAP = Note(
    "quiet",
    "There is no result whose mask can be changed here.",
    "Choose a result's layer with a mask under it.",
)
FAILED = "Krita did not change the mask."

MOST_MADE = 8
"""Masks of which it is remembered where the sliders stood.

Each is a picture in memory.
"""

MOST_PAIRS = 64
"""Changes of masks of which an undo is known again; the oldest are forgotten."""


@dataclass
class _Session:
    """One way of the sliders, from the first touch to letting go."""

    document: Document
    layer: Node
    record: Record
    own: Node  # the mask that was there
    live: Node  # the one that is seen meanwhile
    shape: Shape
    stands: tuple[int, int]  # the sliders, for the mask that was there
    active: Node | None  # before: Krita makes each mask that is put there the active node
    done: tuple[int, int] | None = None


@dataclass(frozen=True)
class _Made:
    """A mask that sliders have made: its id, of what, and where they stood."""

    mask: QUuid
    shape: Shape
    stands: tuple[int, int]


@dataclass(frozen=True)
class _Pair:
    """A mask that took another's place.

    stood, stands: the sliders for both. active: the node that was active as the slider was touched.
    mark: of the selection that was made with it, a step to
    undo that lies below the masks' two; None where none was made.
    """

    document: Document
    layer: Node
    old: Node
    new: Node
    stood: tuple[int, int]
    stands: tuple[int, int]
    active: Node | None
    mark: painter_selection.Mark | None = None


class MaskSlider:
    """One object for all of Krita's windows."""

    def __init__(self, panel: Panel) -> None:
        self._panel = panel
        self._session: _Session | None = None
        self._wanted = (0, 0)
        self._later: tuple[int, int] | None = None  # wanted while the last mask is put in place
        self._let_go = False
        self._task: Task[Any] | None = None
        self._pairs: list[_Pair] = []
        self._made: list[_Made] = []
        self._watched: list[QAction] = []

    def move(self, growth: int, softness: int) -> None:
        """The sliders stand there now, from -MOST to MOST and from 0 to MOST."""
        wanted = max(-MOST, min(growth, MOST)), max(0, min(softness, MOST))
        if self._session is None and self._task is not None:
            self._later = wanted
            self._panel.reshaped(*wanted)
            return
        if self._session is None:
            self._session = self._begun()
        if self._session is None:
            self._panel.reshaped(*self._panel.shape())
            return
        self._wanted = wanted
        self._panel.reshaped(*self._wanted)
        if self._task is None:
            self._task = Task(self._follow(self._session), self._followed, self._failed)

    def let_go(self) -> None:
        """Keep the mask as it is seen."""
        self._let_go = self._session is not None or self._later is not None
        if self._let_go and self._task is None:
            self._followed(None)

    def nudge(self, growth: int, softness: int) -> None:
        """Move the sliders by so much, and let go."""
        if self._session is None and self._task is None:
            self._session = self._begun()
        now = self._panel.shape() if self._session is None else self._session.stands
        if self._later is not None:
            now = self._later
        elif self._session is not None and (self._session.done or self._task) is not None:
            now = self._wanted
        self.move(now[0] + growth, now[1] + softness)
        self.let_go()

    # --- while it moves

    def _begun(self) -> _Session | None:
        document, result = documents.active_document(), self._panel.part or self._panel.result
        layer = None if document is None else documents.find(document, QUuid(result))
        if document is None or layer is None:
            self._panel.noted(NO_MAP)
            return None
        record, own = records.of(document, result), masks.mask_of(layer)
        live = None if own is None else masks.alone(document)
        if record is None or own is None or live is None or not _has_map(record):
            self._panel.noted(NO_MAP)
            return None
        live.setName(own.name())
        active = document.activeNode()
        area = _area(record)
        now = own.pixelData(area.x, area.y, area.width, area.height).data()
        as_found = _shape(record)
        made = [one for one in self._made if one.mask == own.uniqueId()]
        for one in [*made, _Made(own.uniqueId(), as_found, (0, 0))]:
            if one.shape.made(*one.stands) == now:
                return _Session(document, layer, record, own, live, one.shape, one.stands, active)
        # the painter has painted on it: what is there now is what is made larger or smaller
        return _Session(document, layer, record, own, live, _shape(record, now), (0, 0), active)

    def _follow(self, session: _Session) -> Steps[None]:
        """Have the layer's mask follow the sliders until they stand still."""
        while session.done != self._wanted:
            wanted = self._wanted
            data = session.shape.made(*wanted)
            area = session.shape.area
            yield None
            session.live.setPixelData(QByteArray(data), area.x, area.y, area.width, area.height)
            yield from layer_tree.mask_put(session.document, session.layer, session.live)
            small = every([data], area.width, PICTURE_SIDE)
            self._panel.masked(GreyPicture(*small))
            session.done = wanted

    def _followed(self, _: None) -> None:
        session, self._task = self._session, None
        if session is None:
            return
        if session.done != self._wanted:
            self._task = Task(self._follow(session), self._followed, self._failed)
        elif self._let_go:
            self._let_go, self._session = False, None
            self._task = Task(self._fixed(session), self._fixed_it, self._failed)

    # --- when it is let go

    def _fixed(self, session: _Session) -> Steps[None]:
        document, layer = session.document, session.layer
        stands = session.done or session.stands
        data = session.shape.made(*stands)
        mark = yield from self._selected(session, data)
        yield from layer_tree.mask_put(document, layer, session.own)
        pair = _Pair(
            document, layer, session.own, session.live, session.stands, stands, session.active, mark
        )
        self._watch()
        yield from layer_tree.mask_replaced(document, layer, session.own, session.live)
        yield from _activated(pair, always=True)
        there = [one for one in self._pairs if documents.is_open(one.document)]
        self._pairs = [*there, pair][-MOST_PAIRS:]
        made = _Made(session.live.uniqueId(), session.shape, stands)
        self._made = [*self._made, made][-MOST_MADE:]

    def _selected(self, session: _Session, data: bytes) -> Steps[painter_selection.Mark | None]:
        """Select what is seen of the result now, and return the selection's mark.

        None where the painter has made the selection that is there, or it stays as it is.
        """
        document = session.document
        mark = painter_selection.selection_mark(document.selection())
        if mark is None or not records.left_one(document, mark):
            return None
        area, after = session.shape.area, Selection()
        after.setPixelData(QByteArray(data), area.x, area.y, area.width, area.height)
        if painter_selection.selection_mark(after) == mark:
            return None
        result = stack.result_of(session.layer)
        if not (yield from selecting.select(document, result)):
            return None
        made = painter_selection.selection_mark(document.selection())
        whole = records.of(document, stack.id_of(result))
        if whole is not None:
            records.write(document, whole.marked(made))
        return made

    def _fixed_it(self, _: None) -> None:
        self._task = None
        later, self._later = self._later, None
        if later is not None:
            let_go, self._let_go = self._let_go, False
            self.move(*later)
            if let_go:
                self.let_go()

    # --- undo and redo

    def _watch(self) -> None:
        """Listen to undo and redo of the window in front; again is no harm."""
        for name in ("edit_undo", "edit_redo"):
            action = sure(Krita.instance().action(name))
            if not any(action == one for one in self._watched):
                self._watched.append(action)
                action.triggered.connect(lambda _=False, name=name: self._stepped(name))

    def _stepped(self, name: str) -> None:
        """An undo or a redo was asked for: carried on, where it ends between two masks."""
        Task(self._carried_on(name), lambda _: None, self._failed)

    def _carried_on(self, name: str) -> Steps[None]:
        document = documents.active_document()
        pairs = [one for one in self._pairs if one.document == document]
        if document is None or not pairs:
            return
        yield from layer_tree.at_rest(document)
        undone = name == "edit_undo"
        for pair in pairs:
            steps = self._steps_left(pair, undone)
            for _ in range(steps):
                sure(Krita.instance().action(name)).trigger()
                yield from layer_tree.at_rest(document)
            if steps:
                self._panel.shapes[stack.id_of(pair.layer)] = pair.stood if undone else pair.stands
                self._panel.reshaped(*self._panel.shape())
                yield from _activated(pair, always=False)
                return

    @staticmethod
    def _steps_left(pair: _Pair, undone: bool) -> int:
        """How many steps lie between here and the other of two masks.

        0 where this is no place between them.
        """
        there = [node.uniqueId() for node in pair.layer.childNodes()]
        old, new = (one.uniqueId() in there for one in (pair.old, pair.new))
        if old and new:
            return 2 if undone and pair.mark is not None else 1
        mark = painter_selection.selection_mark(pair.document.selection())
        return 2 if old and not undone and mark is not None and mark == pair.mark else 0

    def _failed(self, error: Exception) -> None:
        session, self._session, self._task, self._let_go = self._session, None, None, False
        self._later = None
        if session is not None and documents.is_open(session.document):
            steps = layer_tree.mask_put(session.document, session.layer, session.own)
            Task(steps, lambda _: None, lambda _: None)
        if isinstance(error, CanvasProblem):
            self._panel.noted(Note("error", error.sentence, error.remedy))
        else:
            self._panel.noted(Note("error", FAILED, "", trace(error)))


def _activated(pair: _Pair, always: bool) -> Steps[None]:
    """Have the layer be active that was, where Krita has activated a new mask.

    Where one of the two masks was, it is the one that is there. always: whatever is active now.
    """
    document = pair.document
    yield from layer_tree.at_rest(document)
    now, both = document.activeNode(), [one.uniqueId() for one in (pair.old, pair.new)]
    if pair.active is None or not (always or now is None or now.uniqueId() in both):
        return
    was_mask = pair.active.uniqueId() in both
    wanted = both if was_mask else [pair.active.uniqueId()]
    node = next((one for one in map(partial(documents.find, document), wanted) if one), None)
    if node is not None:
        document.setActiveNode(node)


def _has_map(record: Record) -> bool:
    return record.map is not None and record.found is not None


def _area(record: Record) -> Rect:
    assert record.map is not None, "asked for records with a map"
    return record.map.area


def _shape(record: Record, now: bytes | None = None) -> Shape:
    """What the found mask can be made into, or the one that is there now."""
    soft, found = record.map, record.found
    assert soft is not None and found is not None, "asked for records with both"
    size = soft.width, soft.height
    if now is not None:
        return Shape(soft.area, now, soft.area, soft.data, size)
    data = found.data
    if (found.width, found.height) != (found.area.width, found.area.height):
        small = Rect(0, 0, found.width, found.height)
        data = scaled(data, small, found.area, "gray8")
    return Shape(soft.area, data, found.area, soft.data, size)
