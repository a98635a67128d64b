"""The sampling loop and inversion.

Self-check C4, the loop's laziness, counting, closing and gradients.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from limn.editing import Models
from limn.editing.diffusion.inversion import Trajectory, invert, null_text, pace
from limn.editing.diffusion.model import Branch, Model, Tally
from limn.editing.diffusion.sampling import denoise
from limn.editing.diffusion.schedule import DDIM, Schedule, Timestep, randn

from .conftest import drain

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def model(models: Models) -> Model:
    return models.get("text-to-image").counting(Tally())


def latents(seed: int = 0, rows: int = 1) -> Tensor:
    return randn((rows, 4, 16, 16), torch.Generator().manual_seed(seed), "cpu")


def test_the_loop_yields_after_every_step_and_returns_the_end(model: Model) -> None:
    timesteps = model.schedule.ddim(5)
    asked: list[tuple[float, float]] = []

    def predict(x: Tensor, now: Timestep, after: Timestep) -> Tensor:
        asked.append((now.t, after.t))
        return torch.zeros_like(x)

    steps = denoise(latents(), timesteps, DDIM(), predict)
    first = next(steps)
    assert (first.index, first.count) == (1, 5)
    assert len(asked) == 1  # lazy: one call a step
    seen, end = drain(steps)
    assert [p.index for p in seen] == [2, 3, 4, 5]
    assert asked == [(m.t, n.t) for m, n in itertools.pairwise(timesteps)]
    assert torch.equal(end, seen[-1].latents)


def test_the_loop_does_not_leak_its_gradient_mode(model: Model) -> None:
    steps = denoise(
        latents(), model.schedule.ddim(3), DDIM(), lambda x, now, after: torch.zeros_like(x)
    )
    assert torch.is_grad_enabled()
    next(steps)
    assert torch.is_grad_enabled()
    steps.close()
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("steps", [3, 10, 50])
def test_inversion_and_back_is_exact_when_the_noise_ignores_the_latents(steps: int) -> None:
    schedule = Schedule.of(
        {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
    )
    timesteps = schedule.ddim(steps)
    generator = torch.Generator().manual_seed(5)
    noise = {
        m.t: torch.randn(1, 4, 8, 8, generator=generator, dtype=torch.float64)
        for m in timesteps[:-1]
    }
    z0 = torch.randn(1, 4, 8, 8, generator=generator, dtype=torch.float64)
    _, top = drain(denoise(z0, timesteps[::-1], DDIM(), lambda z, now, noisier: noise[noisier.t]))
    _, back = drain(denoise(top, timesteps, DDIM(), lambda z, now, cleaner: noise[now.t]))
    assert not torch.allclose(top, z0, atol=0.5)
    torch.testing.assert_close(back, z0, rtol=1e-6, atol=1e-6)


def test_inversion_equals_the_authors_and_comes_back() -> None:
    """A toy noise model of which the authors' code gave the vectors.

    eps = W tanh(z) + c b_0 + (t / 1000) b_1, with c = 0.7 for the source text.
    """
    golden = {
        k: torch.from_numpy(v) for k, v in np.load(GOLDEN / "direct_inversion_toy.npz").items()
    }
    mix, bias, c = golden["W"], golden["b"], float(golden["cond_uncond"][1])

    def noise(z: Tensor, t: float) -> Tensor:
        constant = c * bias[0] + t / 1000 * bias[1]
        return torch.einsum("ij,njhw->nihw", mix, z.tanh()) + constant[None, :, None, None]

    timesteps = Schedule.of(
        {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
    ).ddim(50, offset=0)
    seen, top = drain(
        denoise(golden["z0"], timesteps[::-1], DDIM(), lambda z, now, noisier: noise(z, noisier.t))
    )
    path = [golden["z0"], *(p.latents for p in seen)]
    for index, expected in zip(
        golden["trajectory_index"].tolist(), golden["trajectory"], strict=True
    ):
        torch.testing.assert_close(
            path[index][0], expected.reshape(path[index][0].shape), rtol=1e-4, atol=1e-5
        )
    _, back = drain(denoise(top, timesteps, DDIM(), lambda z, now, cleaner: noise(z, now.t)))
    assert (back - golden["z0"]).abs().mean() < 0.05 * (top - golden["z0"]).abs().mean()


@torch.no_grad()
def test_inverting_with_the_network_keeps_every_latent_and_costs_one_row_a_step(
    model: Model,
) -> None:
    timesteps = model.schedule.ddim(20)
    z0 = latents()
    seen, trajectory = drain(invert(model, z0, model.embed("a red star"), timesteps))
    assert isinstance(trajectory, Trajectory)
    assert len(seen) == 20
    assert (model.tally.forwards, model.tally.rows) == (20, 20)
    assert trajectory.latents.shape == (21, 4, 16, 16)
    assert torch.equal(
        trajectory.at(timesteps[-1]), z0
    )  # C5: a source branch that follows it ends at z0
    assert torch.equal(trajectory.noisiest, seen[-1].latents)


def test_null_text_retraces_the_trajectory_better_than_the_plain_embedding(model: Model) -> None:
    timesteps = model.schedule.ddim(5)
    text, null, guidance = model.embed("a red star on a blue background"), model.embed(""), 7.5
    with torch.no_grad():
        _, trajectory = drain(invert(model, latents(), text, timesteps))
    before = model.tally.forwards
    seen, embeddings = drain(null_text(model, trajectory, text, null, timesteps, guidance))
    assert len(seen) == 5
    assert embeddings.shape == (5, *null.shape[1:])
    assert not embeddings.requires_grad
    assert 5 * 3 <= model.tally.forwards - before <= 5 * 12
    assert all(p.grad is None and not p.requires_grad for p in model.unet.parameters())

    def retrace(nulls: Tensor) -> float:
        def predict(z: Tensor, now: Timestep, _: Timestep) -> Tensor:
            eps = model.predict(
                z, now.t, [Branch("null", nulls[now.index][None]), Branch("text", text)]
            )
            return eps["null"] + guidance * (eps["text"] - eps["null"])

        _, end = drain(denoise(trajectory.noisiest, timesteps, DDIM(), predict))
        return float((end - trajectory.at(timesteps[-1])).square().mean())

    assert retrace(embeddings) < retrace(null.repeat(5, 1, 1))


def test_null_texts_pace_is_the_authors_at_50_steps_and_the_same_course_at_any_number() -> None:
    for i in range(50):
        rate, enough = pace(i, 50)
        assert rate == 0.01 * (1 - i / 100) and enough == pytest.approx(1e-5 + 2e-5 * i)
        assert pace(10 * i, 500) == (rate, enough)
    assert pace(499, 500)[0] > 0.005


def test_null_text_runs_at_more_than_100_steps(model: Model) -> None:
    """At guidance 1 the embedding has no say, so each step ends after one iteration."""
    timesteps = model.schedule.ddim(110)
    text = model.embed("a red star")
    with torch.no_grad():
        _, trajectory = drain(invert(model, latents(), text, timesteps))
    _, embeddings = drain(null_text(model, trajectory, text, model.embed(""), timesteps, 1.0))
    assert embeddings.shape[0] == 110 and bool(embeddings.isfinite().all())


def test_gradients_reach_the_text_and_nothing_else_with_and_without_checkpointing(
    model: Model,
) -> None:
    z = latents()
    gradients = []
    for checkpointing in (False, True):
        model.save_memory(checkpointing)
        text = model.embed("a red star").requires_grad_()
        model.predict(z, 400.0, [Branch("text", text)])["text"].square().mean().backward()
        assert text.grad is not None
        gradients.append(text.grad)
    model.save_memory(False)
    assert gradients[0].abs().sum() > 0
    torch.testing.assert_close(gradients[0], gradients[1])
    assert all(p.grad is None for p in model.unet.parameters())
