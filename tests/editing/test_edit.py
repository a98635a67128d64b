"""The whole way.

Events in order, determinism (C6), hints, cancelling, what is said about the edit, and what is kept
between edits.
"""

from __future__ import annotations

from collections.abc import Generator

import pytest
import torch
from torch import Tensor

from limn.editing import EditRequest, Models, edit
from limn.editing.diffusion.preview import previewer
from limn.editing.events import Crop, Done, Event, Mask, Stage, Step
from limn.editing.frame import Frame
from limn.editing.store import EditCache, fingerprint

from .conftest import Memory, drain, picture


def events(models: Models, image: Tensor, **options: object) -> list[Event]:
    options = {
        "instruction": "make the star blue",
        "algorithm": "foi",
        "parameters": {"steps": 4},
    } | options
    return list(edit(models, EditRequest(image=image, **options)))  # type: ignore[arg-type]


def done(models: Models, image: Tensor, **options: object) -> Done:
    last = events(models, image, **options)[-1]
    assert isinstance(last, Done)
    return last


@pytest.mark.parametrize("algorithm", ["foi", "ip2p"])
@pytest.mark.parametrize("size", [(64, 64), (50, 90), (33, 17), (1, 1), (2, 300), (256, 160)])
def test_any_size_comes_back_at_its_size(
    models: Models, algorithm: str, size: tuple[int, int]
) -> None:
    image = picture(max(4, size[0]), max(4, size[1]))[..., : size[0], : size[1]].contiguous()
    seen = events(models, image, algorithm=algorithm, parameters={"steps": 2})
    last = seen[-1]
    assert isinstance(last, Done)
    assert last.image.shape == image.shape
    assert last.alpha.shape == last.mask.soft.shape == last.mask.binary.shape == (1, 1, *size)
    assert bool(last.image.isfinite().all())
    assert [type(e) for e in seen].count(Done) == 1


def test_stages_announce_their_steps(models: Models) -> None:
    seen = events(models, picture())
    stages = [e for e in seen if isinstance(e, Stage)]
    assert [s.name for s in stages] == [
        "preparing",
        "finding the mask",
        "denoising",
        "decoding",
        "compositing",
    ]
    assert (
        next(s.steps for s in stages if s.name == "denoising")
        == len([e for e in seen if isinstance(e, Step)])
        == 3
    )
    assert sum(isinstance(e, Mask) for e in seen) == 1


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(models: Models) -> None:
    image = picture(80, 48)
    a, b, c = (done(models, image, seed=seed) for seed in (7, 7, 8))
    assert torch.equal(a.image, b.image)
    assert torch.equal(a.alpha, b.alpha)
    assert torch.equal(a.mask.soft, b.mask.soft)
    assert not torch.equal(a.image, c.image)


@pytest.mark.parametrize("mode", ["off", "guide", "limit"])
def test_pixels_without_alpha_are_the_painters(models: Models, mode: str) -> None:
    image = picture(150, 220)
    hint = torch.zeros(1, 1, 150, 220)
    hint[..., 90:120, 20:60] = 1
    hint[..., 85:90, 20:60] = 0.4
    last = done(models, image, hint=hint, hint_mode=mode, parameters={"steps": 4, "tau": 0.9})
    outside = (last.alpha == 0).expand_as(image)
    assert bool(outside.any())
    assert torch.equal(last.image[outside], image[outside])
    assert bool((last.image != image).any())
    if mode == "limit":
        assert bool((last.alpha <= hint).all())
        assert bool((last.mask.soft <= hint).all())
        assert not bool((last.mask.binary * (hint == 0)).any())
        for part in last.mask.parts:
            assert not bool((part.binary * (hint == 0)).any())


def test_the_crop_that_previews_show_is_told_before_the_first_of_them(models: Models) -> None:
    hint = torch.zeros(1, 1, 150, 220)
    hint[..., 90:120, 20:60] = 1
    for options, most in (({}, (150, 220)), ({"hint": hint, "hint_mode": "limit"}, (100, 100))):
        seen = events(models, picture(150, 220), **options)
        (crop,) = (e for e in seen if isinstance(e, Crop))
        top, left, bottom, right = crop.box
        assert seen.index(crop) < next(
            number for number, e in enumerate(seen) if isinstance(e, Step)
        )
        assert 0 <= top <= 90 and 120 <= bottom <= 150 and 0 <= left <= 20 and 60 <= right <= 220
        assert bottom - top <= most[0] and right - left <= most[1]
        step = next(e for e in seen if isinstance(e, Step))
        height, width = step.preview().shape[2:]
        assert abs(width / height - (right - left) / (bottom - top)) < 0.2


def test_an_empty_selection_is_ignored_and_said_so(models: Models) -> None:
    last = done(models, picture(), hint=torch.zeros(1, 1, 64, 64), hint_mode="limit")
    assert any("selection is empty" in w for w in last.report.warnings)
    assert bool((last.image != picture()).any())


def test_a_layer_far_larger_than_the_model_is_warned_about(models: Models) -> None:
    image = picture(300, 300)
    assert any("300 x 300" in w for w in done(models, image, mask_only=True).report.warnings)
    hint = torch.zeros(1, 1, 300, 300)
    hint[..., 100:130, 100:130] = 1
    assert done(models, image, mask_only=True, hint=hint, hint_mode="guide").report.warnings == ()


def test_the_report_tells_what_was_used(models: Models) -> None:
    report = done(
        models, picture(), instruction="make the star blue, remove the cup", seed=11
    ).report
    assert (report.algorithm, report.seed, report.keywords) == ("foi", 11, ("star", "cup"))
    assert set(report.thresholds) == {"tau", "gamma 1", "gamma 2"}
    assert (report.forwards, report.rows) == (3, 9)
    assert "make the star blue, remove the cup" in report.understood.values()
    assert report.reused == ()


def test_closing_cancels_within_a_step_and_the_next_edit_works(models: Models) -> None:
    running = edit(
        models, EditRequest("foi", "make the star blue", picture(), parameters={"steps": 100})
    )
    for event in running:
        if isinstance(event, Step) and event.index == 2:
            break
    running.close()  # type: ignore[attr-defined]
    assert torch.is_grad_enabled()
    assert torch.equal(done(models, picture()).image, done(models, picture()).image)


def test_the_callers_picture_is_never_written_to(models: Models) -> None:
    image, hint = picture(), torch.ones(1, 1, 64, 64)
    before = image.clone()
    last = done(models, image, hint=hint, hint_mode="limit")
    assert torch.equal(image, before)
    assert last.image.data_ptr() != image.data_ptr()


def test_previews_of_large_latents_are_a_linear_map_fitted_to_the_picture(models: Models) -> None:
    model = models.get("instruction")
    image = picture(160, 240)
    colours = torch.nn.functional.interpolate(image, size=(40, 60), mode="area")
    mix = torch.randn(4, 3, generator=torch.Generator().manual_seed(2))
    latents = torch.einsum("ij,njhw->nihw", mix, colours) + 0.3
    torch.testing.assert_close(
        previewer(model, latents, image)(latents), colours, rtol=1e-3, atol=1e-3
    )
    real = model.scaling * model.encode(image)
    assert (previewer(model, real, image)(real) - colours).square().mean() < colours.var()


def test_what_an_edit_made_is_used_by_the_next() -> None:
    store, made = Memory(), []

    def make() -> Generator[Event, None, Tensor]:
        yield Stage("inverting")
        made.append(1)
        return torch.ones(2)

    def ask(cache: EditCache, *ingredients: object) -> Tensor:
        return drain(cache.memoize("inversion", Tensor, ingredients, make))[1]  # type: ignore[no-any-return]

    picture_a, picture_b = torch.zeros(3), torch.zeros(3, dtype=torch.float64)
    first, second = EditCache(store), EditCache(store)
    ask(first, picture_a, "text")
    ask(second, picture_a.clone(), "text")
    assert len(made) == 1
    assert (first.reused, second.reused) == ([], ["inversion"])
    ask(second, picture_b, "text")
    ask(second, picture_a, "other text")
    assert len(made) == 3
    ask(EditCache(None), picture_a, "text")
    assert len(made) == 4


def test_fingerprints_tell_contents_apart() -> None:
    a = torch.arange(6.0)
    prints = [
        fingerprint(a),
        fingerprint(a.reshape(2, 3)),
        fingerprint(a.double()),
        fingerprint(a + 1),
        fingerprint("a"),
        fingerprint(a, 1),
    ]
    assert len(set(prints)) == len(prints)
    assert fingerprint(a.reshape(2, 3).T.contiguous().T) == fingerprint(a.reshape(2, 3))


@pytest.mark.parametrize(
    ("algorithm", "instruction"),
    [
        ("foi", "make the star blue, remove the cup"),
        ("instdiffedit", "replace the star with a cup; remove the cat"),
    ],
)
def test_only_the_masks_that_are_looked_at_are_made(
    models: Models, monkeypatch: pytest.MonkeyPatch, algorithm: str, instruction: str
) -> None:
    """Of all that an edit finds, the alpha alone takes the layer's size.

    And that by itself.
    """
    made: list[Tensor] = []
    place = Frame.place
    monkeypatch.setattr(Frame, "place", lambda self, x: made.append(x) or place(self, x))
    seen = events(models, picture(), algorithm=algorithm, instruction=instruction)
    found = [event for event in seen if isinstance(event, Mask)]
    last = seen[-1]
    assert isinstance(last, Done) and found and len(last.mask.parts) == 2
    assert len(made) == 1
    shapes = {
        view.shape
        for mask in (*found, last.mask, *last.mask.parts)
        for view in (mask.soft, mask.binary)
    }
    assert shapes == {(1, 1, 64, 64)} and len(made) == 1 + 2 * (len(found) + 3)
