"""A large layer is found on the whole and edited place by place.

Counts of forwards, determinism, seams, and sharpness against the crop of one place.
"""

from __future__ import annotations

import zlib
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from limn.editing import EditRequest, Models, edit, events, in_places, load_models, places, prepare
from limn.editing.diffusion.assembly import Geometry
from limn.editing.frame import Frame, working_size
from limn.editing.sketchbook import folder
from limn.editing.sketchbook.drawing import COLOURS, paint

from .conftest import picture

TINY = Geometry(64, 16, 4)


@pytest.fixture(scope="module")
def bundled() -> Models:
    return load_models(folder())


def two_squares(side: int = 512) -> Tensor:
    """A selection of two squares, far from each other."""
    hint = torch.zeros(1, 1, side, side)
    hint[..., 40:90, 50:100] = 1
    hint[..., 400:420, 380:440] = 1
    return hint


def run(models: Models, image: Tensor, **options: object) -> tuple[list[events.Event], events.Done]:
    options = {
        "instruction": "make the star blue",
        "algorithm": "foi",
        "parameters": {"steps": 4},
        "full_resolution": True,
    } | options
    seen = list(edit(models, EditRequest(image=image, **options)))  # type: ignore[arg-type]
    last = seen[-1]
    assert isinstance(last, events.Done)
    return seen, last


def codes(done: events.Done) -> list[str]:
    return [getattr(note, "code", "") for note in done.report.warnings]


def test_each_place_is_a_pass_and_all_else_stays(models: Models) -> None:
    image, hint = picture(512, 512), two_squares()
    alone = run(models, image[..., :64, :64], full_resolution=False)[1].report
    seen, done = run(models, image, hint=hint, hint_mode="exactly")
    assert done.report.passes == 3
    assert done.report.forwards == 1 + 2 * alone.forwards
    assert done.report.rows == 3 + 2 * alone.rows
    assert torch.equal(done.alpha, hint)
    outside = (hint == 0).expand_as(image)
    assert torch.equal(done.image[outside], image[outside])
    for part in (np.s_[..., 40:90, 50:100], np.s_[..., 400:420, 380:440]):
        assert bool((done.image[part] != image[part]).any())
    notes = [event.sentence for event in seen if isinstance(event, events.Note)]
    assert notes == ["Places edited at full resolution: 2. Passes in all: 3."]
    first = next(k for k, event in enumerate(seen) if isinstance(event, events.Step))
    assert seen.index(next(e for e in seen if isinstance(e, events.Note))) < first
    assert "coarse" not in codes(done)


def test_progress_tells_the_place(models: Models) -> None:
    seen, _ = run(models, picture(512, 512), hint=two_squares(), hint_mode="exactly")
    steps = [event for event in seen if isinstance(event, events.Step)]
    assert {(step.number, step.passes) for step in steps} == {(1, 2), (2, 2)}
    box = (0, 0, 0, 0)
    for event in seen:
        if isinstance(event, events.Crop):
            box = event.box
        if isinstance(event, events.Step):
            assert event.preview().shape[2:] == (64, 64)
            assert box[2] - box[0] == box[3] - box[1] < 512


def test_what_is_shown_without_its_mask_is_the_places_alone(models: Models) -> None:
    image, hint = picture(512, 512), two_squares()
    _, done = run(models, image, hint=hint, hint_mode="exactly")
    assert done.whole is not None and done.shown is not None
    whole, (top, left, bottom, right) = done.whole(), done.box
    assert whole.shape[2:] == done.shown.shape[2:] == (bottom - top, right - left)
    shown = done.shown.expand_as(whole) > 0
    assert 0 < float(done.shown.mean()) < 0.5
    assert torch.equal(whole[~shown], image[..., top:bottom, left:right][~shown])
    inside = (hint[..., top:bottom, left:right] > 0).expand_as(whole)
    assert bool(shown[inside].all())
    seen = done.image[..., top:bottom, left:right]
    assert torch.allclose(whole[inside], seen[inside], atol=1e-6)
    assert done.map is not None and done.map_box == (0, 0, 512, 512)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(models: Models) -> None:
    image, hint = picture(512, 512), two_squares()
    a, b, c = (
        run(models, image, hint=hint, hint_mode="exactly", seed=seed)[1] for seed in (7, 7, 8)
    )
    assert torch.equal(a.image, b.image) and torch.equal(a.alpha, b.alpha)
    assert not torch.equal(a.image, c.image)


def test_switched_off_it_is_one_pass_and_says_what_that_costs(models: Models) -> None:
    _, done = run(
        models, picture(512, 512), hint=two_squares(), hint_mode="exactly", full_resolution=False
    )
    assert done.report.passes == 1 and "coarse" in codes(done) and "places" not in codes(done)


def test_a_layer_of_about_the_working_size_is_edited_at_once(models: Models) -> None:
    _, done = run(models, picture(90, 96))
    assert done.report.passes == 1 and not codes(done)


@pytest.mark.parametrize("algorithm", ["foi", "ip2p"])
def test_a_change_of_all_of_it_stays_at_the_working_size_and_says_so(
    models: Models, algorithm: str
) -> None:
    hint = torch.ones(1, 1, 300, 300)
    options = {"hint": hint, "hint_mode": "exactly"} if algorithm == "foi" else {}
    _, done = run(models, picture(300, 300), algorithm=algorithm, **options)
    assert done.report.passes == 1 and "coarse" in codes(done)


def test_more_places_than_are_edited_by_themselves_are_left_at_the_working_size(
    models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "MOST", 1)
    image, hint = picture(512, 512), two_squares()
    seen, done = run(models, image, hint=hint, hint_mode="exactly")
    (note,) = (e.sentence for e in seen if isinstance(e, events.Note))
    assert note == (
        "Places edited at full resolution: 1. The rest is edited at 64 x 64. Passes in all: 3."
    )
    assert done.report.passes == 3 and torch.equal(done.alpha, hint)
    boxes = [event.box for event in seen if isinstance(event, events.Crop)]
    assert boxes[1] == (0, 0, 512, 512) and boxes[2] != boxes[1]


def test_find_mask_paints_nothing(models: Models) -> None:
    image = picture(512, 512)
    _, done = run(models, image, hint=two_squares(), hint_mode="exactly", mask_only=True)
    assert torch.equal(done.alpha, two_squares()) and torch.equal(done.image, image)
    assert done.report.forwards == 1 and done.whole is None
    assert [(one.hint_mode, one.instruction) for one in done.places] == [("exactly", "")] * 2
    union = torch.zeros(1, 1, 512, 512)
    for one in done.places:
        top, left, bottom, right = one.box
        assert one.hint.shape[2:] == (bottom - top, right - left)
        union[..., top:bottom, left:right] += one.hint
    assert torch.equal(union, two_squares()), "each place's selection is its own mask alone"


def test_a_method_whose_mask_is_what_it_changed_looks_anew_in_each_place(models: Models) -> None:
    image, limit = picture(512, 512), two_squares()
    parameters = {"optimisation_steps": 1, "steps": 4}
    prepared = prepare(
        models,
        EditRequest(
            "tas",
            "a star => a sitting star",
            image,
            hint=limit,
            hint_mode="limit",
            parameters=parameters,
            full_resolution=True,
        ),
    )
    assert not prepared.algorithm.holds_mask(prepared.settings)
    done = list(edit(models, prepared))[-1]
    assert isinstance(done, events.Done) and done.places == ()
    assert not bool((done.alpha * (limit == 0)).any())
    alone = replace(prepared, request=replace(prepared.request, mask_only=True))
    found = list(edit(models, alone))[-1]
    assert isinstance(found, events.Done)
    assert {one.hint_mode for one in found.places} <= {"limit"} and found.places
    outside = (limit == 0).expand_as(image)
    assert torch.equal(done.image[outside], image[outside])


def test_what_changes_outside_a_limit_is_no_place(models: Models) -> None:
    image, limit = picture(512, 512), torch.zeros(1, 1, 512, 512)
    limit[..., 200:206, 300:306] = 1
    wanted = {"hint": limit, "hint_mode": "limit", "algorithm": "adapedit", "caption": "a star"}
    _, done = run(models, image, mask_only=True, parameters={"steps": 4}, **wanted)
    assert not bool((done.alpha * (limit == 0)).any())


def test_a_place_has_the_same_seed_again_and_another_place_another() -> None:
    a, b = in_places.seed_of(5, (0, 0, 64, 64)), in_places.seed_of(5, (0, 64, 64, 128))
    assert a == in_places.seed_of(5, (0, 0, 64, 64)) != b
    assert in_places.seed_of(6, (0, 0, 64, 64)) == a + 1 != zlib.crc32(b"")


@st.composite
def masks(draw: st.DrawFn) -> tuple[Frame, Tensor]:
    height, width = draw(st.integers(100, 900)), draw(st.integers(100, 900))
    size = working_size(height, width, 64, 16)
    mask = torch.zeros(1, 1, *size)
    for _ in range(draw(st.integers(0, 6))):
        y, x = draw(st.integers(0, size[0] - 1)), draw(st.integers(0, size[1] - 1))
        mask[..., y : y + draw(st.integers(1, 20)), x : x + draw(st.integers(1, 20))] = 1
    return Frame((height, width), (0, 0, height, width), size), mask


@settings(max_examples=40, deadline=None)
@given(masks())
def test_places_hold_the_whole_mask_and_each_part_of_it_once(drawn: tuple[Frame, Tensor]) -> None:
    frame, mask = drawn
    found = places._merged(places._connected(mask, None, frame, TINY), frame, TINY)
    seen = torch.zeros(1, 1, *frame.layer)
    height, width = frame.layer
    for place in found:
        top, left, bottom, right = place.box
        assert 0 <= top < bottom <= height and 0 <= left < right <= width
        assert bottom - top == min(height, max(bottom - top, right - left))
        assert right - left == min(width, max(bottom - top, right - left))
        own = frame.sampled(place.cells, (0, 0, height, width), "nearest")
        assert not bool((seen * own).any())
        seen += own
        outside = own.clone()
        outside[..., top:bottom, left:right] = 0
        assert not bool(outside.any())
    every = frame.sampled(mask, (0, 0, height, width), "nearest")
    assert bool((seen >= every).all())


# On a scene that is drawn at the layer's size


def drawn(side: int) -> tuple[Tensor, Tensor]:
    """A dotted star on a plain background, (1, 3, side, side), and its exact mask."""
    canvas = np.full((side, side, 3), (0.93, 0.71, 0.77))
    colour = np.array(COLOURS["red"])
    mask = paint(canvas, "star", "", colour, "dotted", 0.36 * side, 0.4 * side, 0.09 * side)
    image = torch.from_numpy(canvas).permute(2, 0, 1)[None].float()
    return image, torch.from_numpy(mask).float()[None, None]


def energy(image: Tensor, where: Tensor) -> float:
    """Mean squared gradient within a mask."""
    across = image[..., :-1, 1:] - image[..., :-1, :-1]
    down = image[..., 1:, :-1] - image[..., :-1, :-1]
    inside = where[..., :-1, :-1]
    return float(((across**2 + down**2).mean(1, keepdim=True) * inside).sum() / inside.sum())


def test_a_place_is_as_sharp_as_its_crop_edited_alone(bundled: Models) -> None:
    image, exact = drawn(1024)
    options = {"instruction": "make the star striped", "parameters": {"steps": 8}}
    seen, done = run(bundled, image, **options)
    assert done.report.passes == 2
    top, left, bottom, right = next(e.box for e in reversed(seen) if isinstance(e, events.Crop))
    crop = np.s_[..., top:bottom, left:right]
    alone = run(bundled, image[crop].contiguous(), full_resolution=False, **options)[1]
    whole = run(bundled, image, full_resolution=False, **options)[1]
    inside = 1 - torch.nn.functional.max_pool2d(1 - (exact > 0.5).float(), 9, 1, 4)
    sharp, wanted, soft = (
        energy(one.image[crop] if one.image.shape == image.shape else one.image, inside[crop])
        for one in (done, alone, whole)
    )
    assert sharp >= 0.9 * wanted and sharp > soft
    found = (done.alpha >= 0.5) & (exact > 0.5)
    assert float(found.sum() / ((done.alpha >= 0.5) | (exact > 0.5)).sum()) > 0.85
    outside = (done.alpha == 0).expand_as(image)
    assert torch.equal(done.image[outside], image[outside])


@pytest.mark.parametrize("mode", ["limit", "exactly"])
def test_no_method_leaves_the_selection(models: Models, mode: str) -> None:
    image, hint = picture(512, 512), two_squares()
    options = {"algorithm": "adapedit", "caption": "a star", "instruction": "make the star blue"}
    _, done = run(models, image, hint=hint, hint_mode=mode, **options)
    assert done.report.passes > 1 or mode == "limit"
    assert not bool((done.alpha * (hint == 0)).any())
    outside = (hint == 0).expand_as(image)
    assert torch.equal(done.image[outside], image[outside])
