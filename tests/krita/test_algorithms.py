"""Each algorithm at the kind of edit that it does best, in a real Krita.

The layer, the selection, the undo, and what the judge sees.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from limn.editing.sketchbook import judge, verdict
from limn.editing.sketchbook.edits import render_edit

from . import scenery
from .harness import Outcome
from .pictures import bgra, grey, overlap, placed

pytestmark = [pytest.mark.krita, pytest.mark.timeout(2700)]

WIDTH, HEIGHT, X, Y = 512, 384, 237, 151

LEAST_OVERLAP = {"foi": 0.6, "instdiffedit": 0.25, "adapedit": 0.3, "tas": 0.3}
"""Of the selection with the exact mask of what must change."""


@pytest.fixture(scope="module")
def edits(play: Callable[[str], Outcome]) -> Outcome:
    return play("algorithms.py")


each = pytest.mark.parametrize("name", scenery.BEST)


@each
def test_previews_then_one_new_layer_with_its_selection(edits: Outcome, name: str) -> None:
    told = edits.of(name)
    assert told["note"].startswith("done in"), told["note"]
    assert told["previews"] >= 3
    assert (
        told["box"].endswith(f" · {told['title']}")
        and told["ran"] == [name]
        and f"algorithm: {name} " in told["details"]
    )
    assert told["layers"][:-1] == told["layers before"] == ["Background", "painting"]
    assert told["active"] == told["layers"][-1] == told["name"]
    _, alpha = bgra(edits.folder / f"{name}-layer.bgra", WIDTH, HEIGHT)
    selection = grey(edits.folder / f"{name}-selection.gray", WIDTH, HEIGHT)
    assert selection.any() and np.array_equal(selection, alpha), (
        "the selection is not the layer's alpha"
    )


@each
def test_nothing_changes_outside_the_mask(edits: Outcome, name: str) -> None:
    assert edits.of(name)["other layers untouched"]
    outside = grey(edits.folder / f"{name}-mask.gray", WIDTH, HEIGHT) == 0
    _, alpha = bgra(edits.folder / f"{name}-layer.bgra", WIDTH, HEIGHT)
    assert not alpha[outside].any()
    before, _ = bgra(edits.folder / f"{name}-seen-before.bgra", WIDTH, HEIGHT)
    after, _ = bgra(edits.folder / f"{name}-seen-after.bgra", WIDTH, HEIGHT)
    changed = (before != after).any(axis=2)
    assert changed.any() and not changed[outside].any()


@each
def test_undo_twice_brings_the_document_back(edits: Outcome, name: str) -> None:
    told = edits.of(name)
    assert told["after one undo"] == {"layers": told["layers"], "selection": False}
    assert told["after two undos"] == {
        "layers": told["layers before"],
        "selection": False,
        "same": True,
    }


@each
def test_the_selection_lies_on_what_changes(edits: Outcome, name: str) -> None:
    edits.of(name)
    selection = grey(edits.folder / f"{name}-selection.gray", WIDTH, HEIGHT) > 127
    found = overlap(selection, placed(scenery.cases()[name].mask, X, Y, WIDTH, HEIGHT))
    print(f"{name}: overlap of the selection with the exact mask: IoU {found:.2f}")
    assert found >= LEAST_OVERLAP[name]


@each
def test_the_judge_sees_the_edit(edits: Outcome, name: str) -> None:
    """And it does not see that in the picture before.

    For a pose the shape of the mask that it is shown may tell it too much.
    """
    told, edit = edits.of(name), scenery.best(name)
    shown, eye = render_edit(edit), judge.load_judge()
    seen, _ = bgra(edits.folder / f"{name}-seen-after.bgra", WIDTH, HEIGHT)
    height, width = shown.before.image.shape[:2]
    image = verdict.to_tensor(seen[Y : Y + height, X : X + width].copy())
    before, after = (verdict.to_tensor(side.image) for side in (shown.before, shown.after))
    assert not any(verdict.changes_made(eye, edit, shown, before)) and all(
        verdict.changes_made(eye, edit, shown, after)
    )
    made, kept = (
        all(verdict.changes_made(eye, edit, shown, image)),
        verdict.rest_kept(eye, edit, shown, image),
    )
    off, far = (
        float(((image - side).abs() * verdict.to_tensor(shown.mask)).mean())
        for side in (after, before)
    )
    print(
        f"{name}: {scenery.wording(name)}: made {made}, all else kept {kept}; {off / far:.2f} as "
        "far from the exact picture as from"
    )
    print(f"  the picture before; {told['previews']} previews; {told['note']}")
    assert made, "the judge does not see what was asked for"
    assert kept, "the judge sees something else changed"
