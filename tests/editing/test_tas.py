"""TAS: a whole edit, its counts, and what it is told.

Self-checks T2 and T3.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from limn.editing import EditRequest, Models, edit
from limn.editing.diffusion.inversion import Trajectory
from limn.editing.diffusion.model import Branch, Model, Tally
from limn.editing.diffusion.schedule import randn
from limn.editing.events import Mask, Stage, Step
from limn.editing.methods import tas

from .conftest import Memory, drain, picture, watch
from .tas_edits import CAPTION, rms, run


@pytest.fixture
def model(models: Models) -> Model:
    return models.get("text-to-image").counting(Tally())


# Eq. 2


def test_the_loss_falls_and_only_the_embedding_moves(model: Model) -> None:
    z0 = model.scaling * model.encode(picture())
    before = {name: p.clone() for name, p in model.unet.named_parameters()}
    e_tgt = model.embed("a yellow star")
    seen, e_opt = drain(
        tas.optimise_text(model, z0, e_tgt, 40, 1e-2, torch.Generator().manual_seed(0))
    )
    assert [p.index for p in seen] == list(range(1, 41))
    assert (model.tally.forwards, model.tally.rows) == (40, 120)
    assert not e_opt.requires_grad
    with torch.no_grad():
        grid = [
            (t, randn(z0.shape, torch.Generator().manual_seed(t), "cpu"))
            for t in range(50, 1000, 100)
        ]
        fitted, plain = (
            sum(float(tas.loss(model, z0, t, noise, e)) for t, noise in grid)
            for e in (e_opt, e_tgt)
        )
    assert fitted < plain
    for name, p in model.unet.named_parameters():
        assert p.grad is None
        assert torch.equal(p, before[name])


def test_gradient_checkpointing_changes_nothing_but_memory_and_is_switched_off_again(
    models: Models,
) -> None:
    plain, sparing = (run(models, parameters={"save_memory": on})[1] for on in (False, True))
    torch.testing.assert_close(plain.image, sparing.image, rtol=0, atol=1e-4)
    assert not any(
        getattr(m, "gradient_checkpointing", False)
        for m in models.get("text-to-image").unet.modules()
    )


def test_checkpointing_is_switched_off_when_an_edit_is_cancelled(models: Models) -> None:
    events = edit(
        models, EditRequest("tas", "cat => dog", picture(), parameters={"save_memory": True})
    )
    for event in events:
        if isinstance(event, Step):
            break
    assert any(
        getattr(m, "gradient_checkpointing", False)
        for m in models.get("text-to-image").unet.modules()
    )
    events.close()  # type: ignore[attr-defined]
    assert not any(
        getattr(m, "gradient_checkpointing", False)
        for m in models.get("text-to-image").unet.modules()
    )


# Eq. 3


def test_eta_0_and_1_are_e_opt_and_e_tgt_exactly() -> None:
    e_tgt, e_opt = torch.randn(2, 1, 77, 32, generator=torch.Generator().manual_seed(0)).unbind(0)
    assert torch.equal(tas.interpolate(e_tgt, e_opt, 0.0), e_opt)
    assert torch.equal(tas.interpolate(e_tgt, e_opt, 1.0), e_tgt)
    torch.testing.assert_close(tas.interpolate(e_tgt, e_opt, 1.2), e_tgt + 0.2 * (e_tgt - e_opt))


def test_without_optimisation_eta_is_irrelevant(models: Models) -> None:
    a, b = (run(models, parameters={"optimisation_steps": 0, "eta": eta})[1] for eta in (0.0, 0.8))
    torch.testing.assert_close(a.image, b.image, rtol=0, atol=1e-4)


def test_eta_1_needs_no_optimisation(models: Models) -> None:
    events, done = run(models, parameters={"eta": 1.0})
    assert "fitting the words" not in [e.name for e in events if isinstance(e, Stage)]
    assert done.report.rows == 10 + 2 * 8


# Eq. 4


# Eq. 5


@torch.no_grad()
def test_pinned_starts_on_the_trajectory_and_null_text_retraces_it(
    models: Models, monkeypatch: pytest.MonkeyPatch, gentle: None
) -> None:
    loops = watch(monkeypatch, tas)
    store = Memory()
    run(models, store=store, parameters={"ratio": 0.3})
    run(models, store=store, parameters={"ratio": 0.3, "inversion": "null-text"})
    trajectory = next(v for v in store.values() if isinstance(v, Trajectory))
    (start, timesteps, steps), (top, all_moments, all_steps) = loops
    assert torch.equal(start, trajectory.latents[3:4])
    assert [m.index for m in timesteps] == list(range(3, 11))
    assert torch.equal(top, trajectory.noisiest)
    assert (len(steps), len(all_steps), len(all_moments)) == (7, 10, 11)
    assert rms(all_steps[2].latents - trajectory.latents[3]) < 0.1 * rms(trajectory.latents[3])


@torch.no_grad()
def test_the_source_text_holds_for_k_steps_and_the_mixture_afterwards(
    models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[int, Tensor]] = []
    real = Model.predict

    def predict(
        self: Model, latents: Tensor, t: float, branches: list[Branch], *rest: Any
    ) -> dict[str, Tensor]:
        if branches[0].name == "text" and not branches[0].text.requires_grad:
            told.append((round(t), branches[0].text))
        return real(self, latents, t, branches, *rest)

    monkeypatch.setattr(Model, "predict", predict)
    run(models, parameters={"inversion": "ddim", "ratio": 0.4, "source": "caption", "eta": 1.0})
    model = models.get("text-to-image")
    source, target = model.embed(CAPTION), model.embed("a yellow star on a blue background")
    assert [t for t, _ in told] == [901, 801, 701, 601, 501, 401, 301, 201, 101, 1]
    for index, (_, text) in enumerate(told):
        assert torch.equal(text, source if index < 4 else target)


# Counts, with and without a store


def test_the_counts_are_the_expected_ones_and_a_second_edit_costs_only_the_sampling(
    models: Models,
) -> None:
    store = Memory()
    full = {"steps": 50, "optimisation_steps": 200}
    events, first = run(models, store=store, parameters=full, seed=4)
    assert (first.report.rows, first.report.forwards) == (730, 200 + 50 + 40)
    assert first.report.reused == ()
    assert [(e.name, e.steps) for e in events if isinstance(e, Stage) and e.steps] == [
        ("fitting the words", 200),
        ("inverting", 50),
        ("denoising", 40),
    ]
    _, again = run(models, store=store, parameters=full, seed=4)
    assert (again.report.rows, again.report.forwards) == (80, 40)
    assert again.report.reused == ("text optimisation", "inversion")
    assert torch.equal(again.image, first.image)
    _, other = run(models, store=store, parameters=full | {"eta": 0.3, "ratio": 0.4}, seed=4)
    assert other.report.rows == 60
    _, moved = run(
        models,
        store=store,
        parameters=full | {"optimisation_steps": 3},
        image=picture(seed=1),
        seed=4,
    )
    assert (moved.report.rows, moved.report.reused) == (3 * 3 + 50 + 80, ())


def test_the_counts_of_ddim_and_null_text(models: Models, gentle: None) -> None:
    few = {"steps": 5, "optimisation_steps": 4}
    _, ddim = run(models, parameters=few | {"inversion": "ddim"})
    assert (ddim.report.rows, ddim.report.forwards) == (12 + 5 + 5, 4 + 5 + 5)
    assert any("guidance 1; the 7.5" in warning for warning in ddim.report.warnings)
    _, unguided = run(models, parameters=few | {"inversion": "ddim", "guidance": 1.0})
    assert not unguided.report.warnings and torch.equal(unguided.image, ddim.image)
    least, most = 5 * (1 + 3 + 2), 5 * (1 + 10 * 3 + 2)
    _, slow = run(models, parameters=few | {"inversion": "null-text", "source": "caption"})
    assert 12 + 5 + least + 10 < slow.report.rows <= 12 + 5 + most + 10
    _, empty = run(models, parameters=few | {"inversion": "null-text"})
    assert (
        empty.report.rows == 12 + 5 + least + 10
    )  # with the empty text guidance cancels: one iteration a step is enough


def test_another_seed_fits_the_words_anew_but_keeps_the_inversion(models: Models) -> None:
    store = Memory()
    run(models, store=store, seed=1)
    _, done = run(models, store=store, seed=2)
    assert done.report.reused == ("inversion",)


# The mask of what changed


# The procedure


@torch.no_grad()
def test_limit_holds_the_latents_to_the_trajectory_and_clips_the_mask(
    models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    loops = watch(monkeypatch, tas)
    store = Memory()
    limit = torch.zeros(1, 1, 64, 64)
    limit[..., 16:48, 16:48] = 1
    _, done = run(models, store=store, hint=limit, hint_mode="limit")
    trajectory = next(v for v in store.values() if isinstance(v, Trajectory))
    outside = torch.ones(16, 16, dtype=torch.bool)
    outside[4:12, 4:12] = False
    _, timesteps, steps = loops[0]
    for progress, timestep in zip(steps, timesteps[1:], strict=True):
        assert torch.equal(progress.latents[..., outside], trajectory.at(timestep)[..., outside])
        assert not torch.allclose(
            progress.latents[..., ~outside], trajectory.at(timestep)[..., ~outside], atol=1e-3
        )
    assert bool((done.alpha <= limit).all())
    assert bool((done.mask.binary <= limit).all())
    assert torch.equal(
        done.image[(limit == 0).expand(1, 3, -1, -1)], picture()[(limit == 0).expand(1, 3, -1, -1)]
    )
    assert not torch.equal(done.image, picture())


def test_the_same_seed_gives_the_same_bytes_and_pixels_outside_stay(models: Models) -> None:
    image = picture(72, 100)
    first, second = (run(models, image=image, seed=9)[1] for _ in range(2))
    assert torch.equal(first.image, second.image)
    outside = (first.alpha == 0).expand_as(image)
    assert torch.equal(first.image[outside], image[outside])


def test_masks_come_on_the_way_and_mask_only_leaves_the_picture(models: Models) -> None:
    events, done = run(models, mask_only=True)
    assert len([e for e in events if isinstance(e, Mask)]) == 3  # steps 1 and 6 of 8, and the last
    assert torch.equal(done.image, picture())
    assert bool(done.mask.binary.any())


@pytest.mark.parametrize(
    ("instruction", "caption", "settings", "target", "source"),
    [
        ("make the star yellow", CAPTION, {}, "a yellow star on a blue background", ""),
        (
            "make the star yellow",
            CAPTION,
            {"source": "caption"},
            "a yellow star on a blue background",
            CAPTION,
        ),
        (
            "a standing dog => a sitting dog",
            "",
            {"source": "caption"},
            "a sitting dog",
            "a standing dog",
        ),
        ("cat -> dog", "", {}, "an image of dog", ""),
    ],
)
def test_what_it_is_told(
    models: Models,
    instruction: str,
    caption: str,
    settings: dict[str, Any],
    target: str,
    source: str,
) -> None:
    _, done = run(models, instruction, caption=caption, parameters=settings | {"eta": 1.0})
    assert done.report.understood == {"target": target, "source": source}
    assert done.report.warnings == () or "Nothing changed" in done.report.warnings[0]


def test_a_caption_that_is_asked_for_but_unknown_is_not_made_up(models: Models) -> None:
    _, done = run(models, caption="", parameters={"source": "caption", "eta": 1.0})
    assert done.report.understood["source"] == ""
    assert any("No caption" in w for w in done.report.warnings)
