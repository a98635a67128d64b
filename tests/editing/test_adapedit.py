"""AdapEdit: a whole edit, its counts, its hints and what is kept."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from limn.editing import EditError, EditRequest, Models, edit
from limn.editing.diffusion.inversion import Trajectory
from limn.editing.events import Done, Event, Mask
from limn.editing.methods import adapedit as ae
from limn.editing.methods import adapedit_places as places
from limn.editing.methods import source_attention
from limn.editing.methods.adapedit_settings import shifted
from limn.editing.methods.baselines import common as baselines
from limn.editing.methods.prompt_pair import by_level
from limn.editing.methods.source_attention import SourceAttention

from .conftest import Memory, picture, watch

SOURCE, TARGET = "a standing person on a red background", "a sitting person on a red background"


# ---------------------------------------------------------------- the whole way


def events(
    models: Models, store: Memory | None = None, image: Tensor | None = None, **options: object
) -> list[Event]:
    options = {
        "instruction": "make the person sit",
        "caption": SOURCE,
        "parameters": {"steps": 5, "prepass_steps": 5},
        "algorithm": "adapedit",
        "image": picture() if image is None else image,
    } | options
    return list(edit(models, EditRequest(**options), store))  # type: ignore[arg-type]


def done(
    models: Models, store: Memory | None = None, image: Tensor | None = None, **options: object
) -> Done:
    final = events(models, store, image, **options)[-1]
    assert isinstance(final, Done)
    return final


def test_counts_are_the_papers(models: Models) -> None:
    """50 rows of inversion, 100 of the pre-pass (20 in 10 steps), 150 of the edit.

    The next edit of the layer pays 100 only.
    """
    store = Memory()
    report = done(models, store, parameters={}).report
    assert (report.rows, report.forwards) == (300, 150)
    again = done(models, store, parameters={}).report
    assert (again.rows, again.forwards, again.reused) == (
        100,
        50,
        ("inversion", "words and places", "source attention"),
    )
    short = done(models, store, parameters={"prepass_steps": 10}, mask_only=True).report
    assert (short.rows, short.forwards, short.reused) == (20, 10, ("inversion",))
    assert report.keywords == ("sitting",)
    assert report.understood == {"source": SOURCE, "target": TARGET}


def test_a_second_edit_of_the_same_layer_starts_from_what_was_kept(models: Models) -> None:
    store = Memory()
    first = done(models, store)
    again = done(models, store)
    assert (first.report.rows, first.report.reused) == (5 + 10 + 15, ())
    kept = ("inversion", "words and places", "source attention")
    assert (again.report.rows, again.report.reused) == (10, kept)
    assert torch.allclose(first.image, again.image, atol=1e-5)
    assert torch.equal(first.mask.binary, again.mask.binary)
    other = done(models, store, instruction="make the person jump")
    assert other.report.reused == ("inversion", "source attention")
    assert 10 + 10 <= other.report.rows < 10 + 15
    stronger = done(
        models, store, parameters={"steps": 5, "prepass_steps": 5, "lambda_s": 0.2, "strength": 0.4}
    )
    assert 10 <= stronger.report.rows < 15 and not torch.equal(stronger.image, first.image)


def weight(kept: object) -> int:
    """Bytes of what is kept of the source."""
    assert isinstance(kept, SourceAttention)
    return sum(query.nbytes + key.nbytes for query, key in kept.parts.values())


def test_kept_attention_is_the_source_rows_own(models: Models) -> None:
    """The same numbers in a batch of two instead of three."""
    kept = Memory()
    done(models, kept)
    (name,) = (key for key in kept if key.startswith("source attention"))
    store = Memory({key: value for key, value in kept.items() if key != name})
    without, with_it = done(models, store), done(models, kept)
    assert without.report.rows == 15 and with_it.report.rows == 10
    assert torch.allclose(without.image, with_it.image, atol=1e-5)
    assert weight(store[name]) == weight(kept[name])


def test_attention_is_kept_as_far_as_there_is_room(
    models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Memory()
    done(models, store)
    (name,) = (key for key in store if key.startswith("source attention"))
    monkeypatch.setattr(source_attention, "ROOM", weight(store[name]) // 2)
    half = Memory()
    first, again = done(models, half), done(models, half)
    assert weight(half[name]) <= source_attention.ROOM
    assert 10 < again.report.rows < 15
    assert torch.allclose(first.image, again.image, atol=1e-5)


def test_it_needs_no_random_numbers(models: Models) -> None:
    a, b = done(models, seed=1), done(models, seed=2)
    assert torch.equal(a.image, b.image)


@pytest.mark.parametrize(
    "options",
    [{}, {"spatial": "running"}, {"spatial_contrast": "minmax"}, {"tau_form": "released"}],
)
@pytest.mark.parametrize("mode", ["off", "guide", "limit"])
def test_pixels_without_alpha_are_the_painters(
    models: Models, options: dict[str, object], mode: str
) -> None:
    image = picture(72, 100)
    hint = torch.zeros(1, 1, 72, 100)
    hint[..., 20:50, 30:60] = 1
    parameters = {"steps": 3, "prepass_steps": 2, **options}
    final = done(models, image=image, hint=hint, hint_mode=mode, parameters=parameters)
    outside = (final.alpha == 0).expand_as(image)
    assert torch.equal(final.image[outside], image[outside])
    assert bool((final.image != image).any()) and bool(final.image.isfinite().all())
    if mode == "limit":
        assert bool((final.alpha <= hint).all()) and not bool(
            (final.mask.binary * (hint == 0)).any()
        )


def test_a_limit_on_the_whole_picture_changes_nothing(models: Models) -> None:
    """With the whole picture selected the limit changes nothing."""
    whole = torch.ones(1, 1, 64, 64)
    free, limited = done(models), done(models, hint=whole, hint_mode="limit")
    torch.testing.assert_close(free.image, limited.image, atol=1e-5, rtol=0)


@pytest.mark.parametrize("mode", ["guide", "limit"])
def test_a_selection_weighs_the_places(
    models: Models, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    """S (0.3 + 0.7 H) for a guide, S H for a limit."""
    seen: list[Tensor] = []
    monkeypatch.setattr(places, "by_level", lambda s, size: (seen.append(s), by_level(s, size))[1])
    hint = torch.full(
        (1, 1, 64, 64), 0.2
    )  # everywhere a little, so that the working crop stays the whole picture
    hint[..., :32] = 1
    for wanted in ("off", mode):
        done(models, parameters={"steps": 2, "prepass_steps": 2}, hint=hint, hint_mode=wanted)
    free, weighed = seen
    h = torch.tensor([1.0] * 4 + [0.2] * 4).expand(8, 8)
    torch.testing.assert_close(weighed, free * (0.3 + 0.7 * h if mode == "guide" else h))
    assert float(free.max()) > 0


def test_a_limit_holds_the_latents_to_the_trajectory_after_a_fifth_of_the_steps(
    models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    loops = watch(monkeypatch, ae)
    store = Memory()
    hint = torch.zeros(1, 1, 64, 64)
    hint[..., 16:48, 16:48] = 1
    done(models, store, hint=hint, hint_mode="limit", parameters={"steps": 10, "prepass_steps": 2})
    trajectory = next(value for value in store.values() if isinstance(value, Trajectory))
    outside = torch.ones(16, 16, dtype=torch.bool)
    outside[4:12, 4:12] = False
    (loop,) = loops
    for latents, timestep in zip(loop.latents, loop.timesteps[1:], strict=True):
        kept = trajectory.at(timestep)
        assert torch.equal(latents[..., outside], kept[..., outside]) == (timestep.index >= 2)
        assert not torch.equal(latents[..., ~outside], kept[..., ~outside])


@pytest.mark.parametrize(
    ("strength", "lambda_s", "lambda_tau"),
    [(0.0, 0.7, 1.6), (0.25, 0.8, 1.3), (0.5, 0.9, 1.0), (0.75, 0.95, 0.7), (1.0, 1.0, 0.4)],
)
def test_the_strength_shifts_both_lambdas(
    models: Models, strength: float, lambda_s: float, lambda_tau: float
) -> None:
    few = {"steps": 2, "prepass_steps": 2, "strength": strength}
    used = done(models, mask_only=True, parameters=few).report.thresholds
    assert (used["lambda_S"], used["lambda_tau"]) == (
        pytest.approx(lambda_s),
        pytest.approx(lambda_tau),
    )


@pytest.mark.parametrize(
    ("value", "by", "high"),
    [(0.9, 0.2, 1.0), (0.1, 0.2, 1.0), (0.5, 0.2, 1.0), (0.3, -0.6, 9.0), (1.0, -0.6, 9.0)],
)
def test_the_strength_acts_over_its_whole_range(value: float, by: float, high: float) -> None:
    """Strictly, never beyond the limits, and with the paper's value in the middle."""
    found = [shifted(value, by, i / 20, high) for i in range(21)]
    assert found[10] == value and min(found) >= 0 and max(found) <= high
    assert all(b > a for a, b in itertools.pairwise(found if by > 0 else found[::-1]))


def test_mask_only_stops_before_the_edit(models: Models) -> None:
    seen = events(models, mask_only=True)
    final = seen[-1]
    assert isinstance(final, Done) and final.report.rows == 5 + 10
    assert any(isinstance(e, Mask) for e in seen)
    assert torch.equal(final.image, picture())


def test_a_deletion_uses_prompt_to_prompts_windows_and_the_removed_words_place(
    models: Models,
) -> None:
    final = done(models, instruction="a red cat => a cat", caption="")
    assert final.report.thresholds["self window"] == 0.4
    assert "lambda_tau" not in final.report.thresholds  # it has no say
    assert final.report.keywords == ("red",) and final.report.rows == 5 + 10 + 15
    article = done(models, instruction="a red apple => an apple", caption="")
    assert article.report.thresholds["self window"] == 0.4 and article.report.keywords == ("red",)


def test_a_missing_caption_is_asked_for(models: Models) -> None:
    with pytest.raises(EditError) as caught:
        done(models, caption="")
    assert caught.value.code == "needs-caption"


def test_odd_sizes_have_their_grids() -> None:
    s = by_level(torch.rand(9, 13), (18, 26))
    assert [len(s(level)) for level in range(4)] == [18 * 26, 9 * 13, 5 * 7, 3 * 4]


@pytest.mark.parametrize(
    ("instruction", "steps"),
    [
        ("a red star => a blue star", 5),  # a substitution of the same length
        ("a star => a large red star", 12),  # int(0.8 x 13) is 10, floor(0.8 x 12) is 9
        ("a red star on a white background => a star on a white background", 5),  # a deletion
        ("a red cat => a blue dog and a white hat", 5),
    ],
)
def test_without_fwt_and_dps_it_is_prompt_to_prompt_to_the_bit(
    models: Models, monkeypatch: pytest.MonkeyPatch, instruction: str, steps: int
) -> None:
    """Step by step, on a square picture and on a wide one."""
    loops = watch(monkeypatch, ae, baselines)
    plain = {"cross": 0.8, "own": 0.4, "steps": steps, "guidance": 3.0}
    without = {"temporal": "fixed", "spatial": "everywhere", "steps": steps, "guidance": 3.0}
    for image in (picture(), picture(64, 88)):
        loops.clear()
        ours = {"instruction": instruction, "caption": "", "image": image}
        done(models, parameters=without | {"prepass_steps": 2}, **ours)
        done(models, algorithm="p2p", parameters=plain, **ours)
        adapedit, p2p = loops
        assert len(adapedit.steps) == len(p2p.steps) == steps
        assert all(map(torch.equal, adapedit.latents, p2p.latents))
    loops.clear()
    done(models, parameters=without | {"temporal": "words", "prepass_steps": 2}, **ours)
    assert not torch.equal(loops[0].latents[-1], p2p.latents[-1])
