"""A thousand painters who go on while Limn edits, each in a fake Krita of arrays.

The layers that were there are byte-equal to what the same actions leave without Limn. The result
is where it would be, had it been there from the beginning; or it is kept, and that is said. The
same is done with 40 in a real Krita, in tests/krita.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from .fake import clock as time
from .fake.image import Image, Plane, Thing
from .fake.krita import app
from .fake.painter import ACTIONS, Painter, picture

AREA = (20, 12, 14, 11)
"""Where the edit changes something, in the picture as it was: x, y, width, height."""

NAMES = ("painting", "painting", "painting", "above", "background")
OF_ONE_LAYER = {"move", "mirror layer", "scale layer", "shear layer"}
"""What moves a layer, and not its picture."""

CALLED = 3
"""Looks at a call in a thread until it is over."""


@pytest.fixture(scope="module")
def plugin() -> Iterator[Any]:
    """The plugin, imported where `krita` is the fake, and waits take no time."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    qt = importlib.import_module("PyQt6.QtWidgets")  # what qt.py then takes
    running = qt.QApplication.instance() or qt.QApplication([])
    importlib.import_module("limn.krita_plugin")  # without a `krita` to be registered in
    sys.modules["krita"] = importlib.import_module("tests.krita_plugin.fake.krita")
    cooperative, closing, masks, layer_tree, selecting = (
        importlib.import_module(f"limn.krita_plugin.document.{name}")
        for name in ("cooperative", "closing", "masks", "layer_tree", "selecting")
    )
    edits, state, client = (
        importlib.import_module(f"limn.krita_plugin.{name}")
        for name in ("edits", "state", "wire.reader")
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cooperative, "QTimer", time.Timer)
        patch.setattr(cooperative, "TURN_SECONDS", -1.0)  # each yield ends a turn
        patch.setattr(cooperative, "time", time.clock)
        patch.setattr(closing, "time", time.clock)
        patch.setattr(closing.settling, "_timer", time.Timer())
        for module in (layer_tree, selecting):
            patch.setattr(module, "call", called)
        yield SimpleNamespace(
            edits=edits,
            state=state,
            client=client,
            cooperative=cooperative,
            masks=masks,
            running=running,
        )


def called(thing: Any, slot: str, *arguments: Any, begun: Any = lambda: True) -> Iterator[float]:
    """`native_call.call`: it has begun at once, and ends some turns later."""
    getattr(thing, slot)(*(value for _, value in arguments))
    has_begun = begun()
    for _ in range(CALLED):
        yield 0.01
    return has_begun or begun()  # type: ignore[return-value]


Done = tuple[str, str, tuple[int, int, int], bool]
"""What the painter did, to which layer, how.

And whether the result was still to come.
"""


class Wire:
    """In the place of the connection: the test says what the server answers, and when."""

    def __init__(self) -> None:
        self.drafts: list[Any] = []
        self.cancelled: list[str] = []
        self.acknowledged: list[str] = []
        self.linked = self.welcomed = self.answers = self.received = self

    def connect(self, _: Any) -> None:
        pass

    def connect_to_server(self) -> None:
        pass

    def submit(self, draft: Any) -> None:
        self.drafts.append(draft)

    def cancel(self, job: str) -> None:
        self.cancelled.append(job)

    def acknowledge(self, job: str) -> None:
        self.acknowledged.append(job)


class Run:
    """One painter, one edit, and what comes of both."""

    def __init__(self, plugin: Any, seed: int, mask_only: bool, flat: bool) -> None:
        time.reset()
        plugin.cooperative._running.clear()
        plugin.masks._hidden.clear()
        app.images, app.front = [], None
        self.plugin, self.image = plugin, picture(seed)
        self.painter = Painter(self.image)
        self.other = Image(8, 8, "other")
        self.panel = plugin.state.Panel()
        self.panel.link = plugin.state.Link("ready", "by hand")
        self.panel.flat, self.panel.instruction = flat, "make the star blue"
        self.wire = Wire()
        self.edits = plugin.edits.Edits(self.panel, self.wire)
        self.mask_only, self.seed = mask_only, seed
        self.notes: list[Any] = []
        self.panel.listeners.append(self._listen)
        self.done: list[Done] = []
        self.was_in = False  # what Limn made, when the picture was closed
        self.taken_back = False  # a step of Limn's, by the painter's undo
        self.edits.edit(mask_only)
        self._answers: Iterator[None] = self._answering()

    def _listen(self) -> None:
        if self.panel.note is not None and self.panel.note not in self.notes:
            self.notes.append(self.panel.note)

    # --- what may happen

    def happen(self, what: str, name: str, values: tuple[int, int, int]) -> None:
        if what == "turns":
            for _ in range(values[0]):
                time.clock.turn()
        elif what == "answer":
            for _ in range(1 + values[0] % 4):
                next(self._answers, None)
        elif what == "look":
            self.edits.results.refresh()
        elif what == "cancel":
            if self.panel.work is not None:
                self.edits.cancel()
        elif not self.image.open:
            return
        elif what == "close":
            self.was_in = self._is_in()
            app.close(self.image)
        elif what == "switch":
            if self.other not in app.images:
                app.images.append(self.other)
            app.front = self.image if app.front is self.other else self.other
        elif what == "hold":
            self.image.held = not self.image.held
        else:
            app.front, self.image.held = self.image, False
            if what == "undo":
                whose = self.painter.undo()
                self.taken_back = self.taken_back or whose == "limn"
                if whose == "painter":
                    self.done.append((what, name, values, False))
            elif self.painter.act(what, name, values, follows := not self._is_in()):
                self.done.append((what, name, values, follows))

    def _is_in(self) -> bool:
        """Whether what Limn made is in the picture: what moves its layer does not move it."""
        return any(step.whose == "limn" for step in self.image.steps)

    def _answering(self) -> Iterator[None]:
        """The server's messages, one after the other, as soon as it has the edit."""
        while not self.wire.drafts:
            yield
        from limn.protocol import messages
        from limn.protocol.messages import Mask, Pixels, Progress, Region, Result

        draft = self.wire.drafts[0]
        edit = self.edits.under_way.of(draft.job)
        if edit is None:
            return
        rect = edit.source.rect
        x, y = AREA[0] - rect.x, AREA[1] - rect.y
        wide, high = AREA[2:]
        pixels = edited(self.seed)
        mask = pixels[..., 3].tobytes()
        if not self.panel.flat:
            pixels[..., 3] = 255
        self.edits.incoming.received(Progress(draft.job, 1, "editing", 1, 2))
        yield
        region = Region(x, y, Pixels(wide, high, "gray8", mask))
        look = self.plugin.client.MaskLook(Mask(draft.job, 2, region), None)
        self.edits.incoming.received(look)
        yield
        if not self.mask_only:
            result = Region(x, y, Pixels(wide, high, "bgra8", pixels.tobytes()))
            self.edits.incoming.received(Result(draft.job, 3, result))
            yield
        self.edits.incoming.received(messages.Done(draft.job, 4, "foi", 0))

    def end(self) -> None:
        """The painter puts the pen down, and comes back to the picture.

        All that waits happens.
        """
        self.image.held = False
        for _ in range(8):
            while time.clock.now < self.image.busy_until + 30 and time.clock.turn():
                pass
            next(self._answers, None)
        if self.image.open:
            app.front = self.image
        until = time.clock.now + 60
        while time.clock.now < until and time.clock.turn():
            pass


def edited(seed: int) -> np.ndarray:
    """What the edit changes: B, G, R, A, the alpha being its mask."""
    return np.random.default_rng(seed + 9).integers(1, 256, (*AREA[3:1:-1], 4), dtype=np.uint8)


def state(image: Image) -> list[Any]:
    """All that can be seen of the layers that aren't Limn's, bottom first."""
    told = []
    for thing in image.root.children:
        if "seed" not in thing.name:
            masks = [(one.name, one.plane.bounds()) for one in thing.children]
            x, y, wide, high = thing.plane.bounds()
            pixels = thing.plane.read(x, y, wide, high).tobytes()
            look = thing.name, thing.visible, thing.opacity, thing.mode, thing.place
            told.append((*look, masks, (x, y, wide, high), pixels))
    return told


def without(seed: int, done: list[Done]) -> Image:
    """The picture after the same actions without Limn.

    Where its result would be is its ghost.
    """
    time.reset()
    app.images, app.front = [], None
    image = picture(seed)
    image.ghosts = [Thing("paintlayer", "ghost", Plane(edited(seed), *AREA[:2]))]
    painter = Painter(image)
    for action, name, values, follows in done:
        assert painter.act(action, name, values, follows), (action, name, "only with Limn")
    return image


where = st.tuples(*[st.integers(0, 99)] * 3)
events = st.lists(
    st.tuples(
        st.one_of(
            st.sampled_from(ACTIONS),
            st.sampled_from(("turns", "answer", "answer", "look", "switch", "hold")),
            st.sampled_from(("turns", "answer", "undo", "cancel", "close")),
        ),
        st.sampled_from(NAMES),
        where,
    ),
    max_size=14,
)


@settings(
    max_examples=1000, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
)
@given(st.integers(0, 2**16), st.booleans(), st.booleans(), st.integers(-20, 60), events)
@example(0, True, False, 2, [("shear layer", "painting", (0, 0, 0))])
def test_a_painter_goes_on(
    plugin: Any, seed: int, mask_only: bool, flat: bool, late: int, happening: list[Any]
) -> None:
    """late: turns from the answer to the painter's first action.

    Below 0: it is not there yet.
    """
    run = Run(plugin, seed, mask_only, flat)
    if late >= 0:
        for step in (
            ("turns", "", (99, 0, 0)),
            ("answer", "", (3, 0, 0)),
            ("turns", "", (late, 0, 0)),
        ):
            run.happen(*step)
    for one in happening:
        run.happen(*one)
    run.end()
    panel, image = run.panel, run.image
    assert not any("understand" in note.sentence for note in run.notes), run.notes
    assert panel.work is None and not len(run.edits.under_way), "it never ends"
    note = run.notes[-1]
    told = note.sentence + note.remedy
    job = run.wire.drafts[0].job if run.wire.drafts else ""
    assert not job or job in run.wire.cancelled or set(run.wire.acknowledged) == {job}
    if not image.open:
        assert panel.kept or run.was_in or run.taken_back or mask_only or note.kind != "good", told
        return
    expected = without(seed, run.done)
    assert state(image) == state(expected)
    assert (image.width, image.height) == (expected.width, expected.height)
    results = [one for one in image.root.children if "seed" in one.name]
    if note.kind != "good":
        assert not results or run.taken_back, told
        assert panel.kept == (note.kind == "error" and "kept" in told), told
        return
    if run.taken_back:
        return
    names = {name for name, *_ in run.done}
    if ("fill", "painting") in {one[:2] for one in run.done} and names & OF_ONE_LAYER:
        return  # a layer of one colour, or of nothing, is nowhere in particular
    canvas = 0, 0, image.width, image.height
    wanted = expected.ghosts[0].plane.read(*canvas)
    exact, cut = not names & {"scale", "scale layer"}, bool(names & {"crop"})
    if mask_only:
        assert not results
        if not names & {"select", "deselect"} and "becomes the selection" not in told:
            assert image.selection is not None, told
            assert alike(image.selection.read(*canvas), wanted[..., 3:], exact, cut), told
        return
    (result,) = results
    assert alike(result.seen(*canvas), wanted, exact, cut), told


def alike(there: np.ndarray, wanted: np.ndarray, exact: bool, cut: bool) -> bool:
    """Whether what is there is what would be.

    exact: to the bit, else as near as two scalings are. cut: what was there before may have
    lost a part by a crop.
    """
    if exact:
        return bool(
            (there == wanted)[wanted[..., -1] > 0].all() if cut else (there == wanted).all()
        )
    one, other = (Plane(part[..., -1:]).bounds() for part in (there, wanted))
    return cut or max(abs(a - b) for a, b in zip(one, other, strict=True)) <= 3
