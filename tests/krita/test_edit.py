"""The whole way of an edit in a real Krita."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest

from . import scenery
from .harness import Outcome
from .pictures import bgra, grey, hue_is, overlap, placed

pytestmark = [pytest.mark.krita, pytest.mark.timeout(2700)]

WIDTH, HEIGHT, X, Y = 512, 384, 237, 151

LEAST_OVERLAP = 0.3
"""Of the selection with the exact mask.

The mask of the model's coarse attention is blunt, but lies on the thing.
"""


@pytest.fixture(scope="module")
def edits(play: Callable[[str], Outcome]) -> Outcome:
    return play("edit.py")


def test_end_to_end(edits: Outcome) -> None:
    told, case = edits.of("end_to_end"), scenery.cases()["recolour"]
    assert told["note"].startswith("done in"), told["note"]
    assert told["previews"] >= 3
    assert told["above"] == 1 and told["active"] == told["layers"][-1]
    assert case.instruction in told["layers"][-1] and "seed" in told["layers"][-1]
    assert told["other layers untouched"]
    before, _ = bgra(edits.folder / "recolour-seen-before.bgra", WIDTH, HEIGHT)
    after, _ = bgra(edits.folder / "recolour-seen-after.bgra", WIDTH, HEIGHT)
    _, alpha = bgra(edits.folder / "recolour-layer.bgra", WIDTH, HEIGHT)
    selection = grey(edits.folder / "recolour-selection.gray", WIDTH, HEIGHT)
    exact = placed(case.mask, X, Y, WIDTH, HEIGHT)
    assert not (before != after)[alpha == 0].any(), "pixels changed outside the mask"
    assert np.array_equal(selection, alpha), "the selection is not the layer's alpha"
    found = overlap(selection > 127, exact)
    print(
        f"overlap of the selection with the exact mask: IoU {found:.2f}; {told['previews']} "
        f"previews; {told['note']}"
    )
    assert found >= LEAST_OVERLAP
    assert hue_is(before, exact, "red") and hue_is(after, exact, "blue")


def test_undo_restores_selection_then_layer(edits: Outcome) -> None:
    told = edits.of("end_to_end")
    assert told["after one undo"] == {"layers": told["layers"], "selection": False}
    assert told["after two undos"] == {"layers": told["layers before"], "same": True}
    assert told["seen as before"]
    again = {
        "layers": told["layers"],
        "same": True,
        "selected as before": True,
        "seen as before": True,
    }
    assert told["after two redos"] == again


def test_krita_goes_on_while_a_layer_goes_in(edits: Outcome) -> None:
    told = edits.of("going_in")
    assert told["turns of the event loop"] >= 1, (
        "the call held the event loop from its beginning to its end"
    )
    assert told["layers"] == [*told["layers before"], "result"]
    assert told["seen"] == [90, 120, 150, 255] * 4 + [10, 200, 30, 255] * 4
    assert told["after undo"] == {"layers": told["layers before"], "seen as before": True}
    assert told["after redo"] == {"layers": told["layers"], "seen": told["seen"]}


def test_a_figure_keeps_its_transparency(edits: Outcome) -> None:
    told = edits.of("figure")
    assert told["note"].startswith("done in") and told["other layers untouched"]
    _, alpha = bgra(edits.folder / "figure-painting.bgra", WIDTH, HEIGHT)
    _, shown = bgra(edits.folder / "figure-layer.bgra", WIDTH, HEIGHT)
    after, _ = bgra(edits.folder / "figure-seen-after.bgra", WIDTH, HEIGHT)
    beyond = shown[alpha == 0]
    print(f"beyond the figure: {(beyond > 0).mean():.4f} of the pixels changed")
    assert (beyond > 0).mean() < 0.002, "paper came back with the figure"
    assert not (shown > alpha)[alpha > 0].any(), "the figure became more opaque"
    assert (shown[alpha == 255] > 0).mean() > 0.5
    assert hue_is(after, shown > 200, "blue")


def test_two_instructions_have_a_mask_each(edits: Outcome) -> None:
    told, case = edits.of("two_instructions"), scenery.cases()["two"]
    assert told["other layers untouched"]
    assert [keyword for _, keyword in told["parts"]] == ["star", "circle"]
    side = case.image.shape[0]
    _, alpha = bgra(edits.folder / "two-layer.bgra", WIDTH, HEIGHT)
    for number, (own, other) in enumerate((case.parts, case.parts[::-1])):
        found = grey(edits.folder / f"two-part-{number}.gray", side, side) > 127
        print(
            f"{told['parts'][number]}: IoU {overlap(found, own > 0.5):.2f}, with the other thing "
            f"{overlap(found, other > 0.5):.2f}"
        )
        assert overlap(found, own > 0.5) >= LEAST_OVERLAP > 10 * overlap(found, other > 0.5)
        assert (alpha[placed(own > 0.5, X, Y, WIDTH, HEIGHT)] > 0).mean() > 0.5, (
            "the thing was not changed"
        )


def test_two_instructions_change_two_things(edits: Outcome) -> None:
    edits.of("two_instructions")
    case = scenery.cases()["two"]
    after, _ = bgra(edits.folder / "two-seen-after.bgra", WIDTH, HEIGHT)
    first, second = (placed(part > 0.5, X, Y, WIDTH, HEIGHT) for part in case.parts)
    assert hue_is(after, first, "blue"), after[first].mean(axis=0)
    assert hue_is(after, second, "yellow"), after[second].mean(axis=0)


def test_a_selection_limits_the_edit(edits: Outcome) -> None:
    told, case = edits.of("selection_limits"), scenery.cases()["equal"]
    _, alpha = bgra(edits.folder / "equal-layer.bgra", WIDTH, HEIGHT)
    after, _ = bgra(edits.folder / "equal-seen-after.bgra", WIDTH, HEIGHT)
    exact = placed(case.mask, X, Y, WIDTH, HEIGHT)
    middle = X + case.image.shape[1] // 2
    assert alpha.any() and not alpha[:, middle:].any(), "the edit reaches beyond the selection"
    left, right = exact.copy(), exact.copy()
    left[:, middle:], right[:, :middle] = False, False
    assert hue_is(after, left, "blue") and hue_is(after, right, "red")
    assert told["other layers untouched"] and told["selection is back"] and told["layer is gone"]


def test_the_preview_lies_at_its_place_in_the_layer(edits: Outcome) -> None:
    told, side = edits.of("preview_place"), scenery.cases()["recolour"].image.shape[0]
    sent = re.search(r"(\d+) x (\d+) at (\d+), (\d+)", told["details"])
    assert sent is not None, told["details"]
    width, height, left, top = map(int, sent.groups())
    x, y, wide, high = (
        share * full
        for share, full in zip(told["shows"], (width, height, width, height), strict=True)
    )
    assert (
        left + x <= X
        and top + y <= Y
        and left + x + wide >= X + side
        and top + y + high >= Y + side
    )
    assert wide < width, "the work was expected on a part of the layer"
    is_ground = np.abs(np.array(told["row"]) - (20, 160, 40)).max(axis=1) < 12
    view_left, _, view_wide, _ = told["view"]
    pixel = (np.arange(len(is_ground)) + 0.5) / len(is_ground)
    over = told["shows"][0] - view_left, told["shows"][0] + told["shows"][2] - view_left
    inside = (pixel > over[0] / view_wide + 0.05) & (pixel < over[1] / view_wide - 0.05)
    outside = pixel < over[0] / view_wide - 0.05
    assert outside.any() and is_ground[outside].all()
    assert not is_ground[inside][len(is_ground[inside]) // 3 : -len(is_ground[inside]) // 3].any()


def test_again_gives_another_result_on_top(edits: Outcome) -> None:
    told = edits.of("again")
    assert (
        len(told["layers"]) == 4
        and told["layers"][-2] == told["first"]
        and told["layers"][-1] != told["first"]
    )


def test_the_next_instruction_goes_on_with_what_is_seen(edits: Outcome) -> None:
    told, case = edits.of("next_instruction"), scenery.cases()["two"]
    assert max(told["sent and seen"]) <= 1 and min(told["with and without a result"]) > 50, (
        "a result alone was sent, or without it"
    )
    assert told["from the painting again"]
    assert len(told["layers"]) == 4 and told["active"] == told["layers"][-1]
    after, _ = bgra(edits.folder / "next-seen-after.bgra", WIDTH, HEIGHT)
    first, second = (placed(part > 0.5, X, Y, WIDTH, HEIGHT) for part in case.parts)
    assert hue_is(after, first, "blue"), after[first].mean(axis=0)
    assert hue_is(after, second, "yellow"), after[second].mean(axis=0)


@pytest.mark.parametrize(("depth", "kind"), [("U8", "u1"), ("U16", "<u2")])
def test_results_are_laid_over_the_painting(edits: Outcome, depth: str, kind: str) -> None:
    width, height, copies = edits.of("laid_over")[depth]
    assert copies == 3, "the painting and both results"
    full, within = np.iinfo(kind).max, 1.5 / 255  # Qt knows a layer's opacity by 8 bits

    def read(name: str) -> tuple[np.ndarray, np.ndarray]:
        pixels = np.fromfile(edits.folder / name, kind).reshape(height, width, 4) / full
        return pixels[..., :3], pixels[..., 3:]

    colour, alpha = read(f"over-{depth}-0.raw")
    assert {0.0, 1.0} < set(np.unique(alpha))
    painting, covered = colour, alpha < 1
    for number, opacity in ((1, 128 / 255), (2, 1.0)):
        upper, cover = read(f"over-{depth}-{number}.raw")
        cover = cover * opacity
        covered = covered | (cover > 0)
        together = cover + alpha * (1 - cover)
        colour = (upper * cover + colour * alpha * (1 - cover)) / np.maximum(together, 1e-9)
        alpha = together
    sent, seen = read(f"over-{depth}.raw")
    assert np.abs(seen - alpha).max() <= within
    assert np.abs((sent - colour) * alpha).max() <= within, "colours, as far as they can be seen"
    open_ = ~covered[..., 0]
    assert open_.any() and np.array_equal(sent[open_], painting[open_]), (
        "an opaque painting is sent as it is where nothing lies on it"
    )


def test_again_goes_back_to_the_selection_that_the_edit_began_with(edits: Outcome) -> None:
    told = edits.of("again_with_a_selection")
    first, again, anew, chosen = told["hints"]
    assert first and again == first
    assert anew is None, "the selection that a result has left guides nothing"
    assert chosen not in (None, first), "a selection that the painter has made since is what counts"


def test_what_results_have_selected_counts_in_no_picture(edits: Outcome) -> None:
    told = edits.of("own_selections")
    assert (
        told["selected"] == [True, True]
        and told["hints"] == [None] * 4
        and told["layers"] == [4, 4]
    )


def test_a_mask_that_was_found_alone_limits_the_next_edit(edits: Outcome) -> None:
    told = edits.of("mask_then_edit")
    assert told["sent"] and len(told["layers"]) == 3


def test_another_layer_can_be_edited_meanwhile(edits: Outcome) -> None:
    told = edits.of("another_layer_meanwhile")
    assert (
        "already" in told["the same"]
        and "already" not in told["the other"]
        and told["waiting"] == 1
    )
    assert len(told["layers"]) == 5, told["layers"]


def test_find_mask_gives_a_selection_and_no_layer(edits: Outcome) -> None:
    told, case = edits.of("mask_only"), scenery.cases()["recolour"]
    assert (
        told["layers"] == ["Background", "painting"]
        and told["layers untouched"]
        and told["active"] == "painting"
    )
    selection = grey(edits.folder / "mask-only-selection.gray", WIDTH, HEIGHT)
    found = overlap(selection > 127, placed(case.mask, X, Y, WIDTH, HEIGHT))
    print(f"overlap of the found mask with the exact one: IoU {found:.2f}")
    assert found >= LEAST_OVERLAP
    assert told["no mask is left"]
    assert told["after undo"] == {
        "layers": ["Background", "painting"],
        "selection": False,
        "same": True,
    }


def test_the_box_walks_through_earlier_instructions(edits: Outcome) -> None:
    told = edits.of("history")
    assert told["up"] == scenery.cases()["recolour"].instruction
    assert told["down"] == "make the star green" and told["new line"] == "make the star green\n"
    assert not told["working"]


def test_every_control_has_a_name_and_a_tooltip(edits: Outcome) -> None:
    told = edits.of("controls")
    assert not [name for name in told["without tooltip"] if name.startswith("limn_")], told[
        "without tooltip"
    ]
    assert {f"limn_parameter_{name}" for name in told["parameters"]} <= set(told["names"])
    assert told["width"] <= 240
    assert {"Mask fit", "Mask threshold"} <= set(told["labels"]), (
        "a painter reads a paper's symbols"
    )
    assert told["wheel"] and all(told["wheel"].values()), "the wheel changes a setting in passing"


def test_tab_reaches_every_control(edits: Outcome) -> None:
    told = edits.of("keyboard")
    wanted = {
        "limn_instruction",
        "limn_algorithm",
        "limn_edit_button",
        "limn_mask_button",
        "limn_more_button",
        "limn_seed",
        "limn_link",
    }
    there, back = told["there"], told["back"]
    assert back == there[::-1]
    assert wanted <= set(there) and any(name.startswith("limn_hint_") for name in there), there
    settings = [name for name in there if name.startswith("limn_parameter_")]
    assert settings and all(
        there.index("limn_more_button") < there.index(name) < there.index("limn_link")
        for name in settings
    )
    assert not told["without everything else"], "Krita has taken Tab for itself"


def test_no_shortcut_clashes(edits: Outcome) -> None:
    told = edits.of("shortcuts")
    assert {"limn_edit", "limn_again", "limn_focus", "limn_mask", "limn_cancel"} < set(told["ours"])
    assert all(told["ours"].values()), "an action without a key"
    assert told["clashes"] == {}
