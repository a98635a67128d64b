"""The schedules and their solvers.

The recorded DDIM steps, and equality with diffusers' schedulers.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import (
    DDIMInverseScheduler,
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    LMSDiscreteScheduler,
)

from limn.editing.diffusion.schedule import (
    DDIM,
    LMS,
    DPMSolver,
    EulerAncestral,
    Schedule,
    Timestep,
    randn,
)

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

BETAS = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "num_train_timesteps": 1000,
}
GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="module")
def schedule() -> Schedule:
    return Schedule.of({**BETAS, "_class_name": "PNDMScheduler", "skip_prk_steps": True})


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return randn(shape, torch.Generator().manual_seed(seed), "cpu")


@pytest.mark.parametrize(
    ("steps", "t"),
    [(50, 0), (50, 20), (50, 400), (50, 980), (20, 0), (20, 50), (20, 400), (20, 950)],
)
def test_ddim_steps_equal_the_authors(steps: int, t: int) -> None:
    golden = np.load(GOLDEN / "ddim_steps.npz")
    x, eps = torch.from_numpy(golden["x"]), torch.from_numpy(golden["eps"])
    ladder = Schedule(torch.from_numpy(golden["alphas_cumprod"])).ddim(steps, offset=0)
    here = next(i for i, m in enumerate(ladder[:-1]) if m.t == t)
    down = DDIM().step(x, eps, ladder[here], ladder[here + 1])
    torch.testing.assert_close(
        down, torch.from_numpy(golden[f"s{steps}_t{t}_prev"]), rtol=1e-4, atol=1e-5
    )
    up = DDIM().step(x, eps, ladder[here + 1], ladder[here])
    # the authors' upward step from t - 1 steps lands on t
    torch.testing.assert_close(
        up, torch.from_numpy(golden[f"s{steps}_t{t}_next"]), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("steps", [1, 8, 20, 50])
def test_ddim_equals_diffusers_both_ways(schedule: Schedule, steps: int) -> None:
    options = {**BETAS, "steps_offset": 1, "set_alpha_to_one": False, "clip_sample": False}
    down, up = DDIMScheduler(**options), DDIMInverseScheduler(**options)
    down.set_timesteps(steps)
    up.set_timesteps(steps)
    ladder = schedule.ddim(steps)
    assert [m.t for m in ladder[:-1]] == down.timesteps.tolist() == up.timesteps.tolist()[::-1]
    x = noise(1, 4, 8, 8)
    for i in range(steps):
        eps = noise(1, 4, 8, 8, seed=i)
        expected = down.step(eps, down.timesteps[i], x).prev_sample
        torch.testing.assert_close(DDIM().step(x, eps, ladder[i], ladder[i + 1]), expected)
        expected = up.step(eps, int(up.timesteps[steps - 1 - i]), x).prev_sample
        torch.testing.assert_close(DDIM().step(x, eps, ladder[i + 1], ladder[i]), expected)


@pytest.mark.parametrize("steps", [1, 7, 30, 60, 333, 334, 400, 499, 500])
def test_ddims_ladder_reaches_from_noise_to_the_picture_evenly(
    schedule: Schedule, steps: int
) -> None:
    times = [m.t for m in schedule.ddim(steps)[:-1]]
    assert (
        times[0] == pytest.approx(1000 - 1000 / steps + 1, abs=1)
        and times[0] <= 999
        and times[-1] == 1
    )
    gaps = {int(a - b) for a, b in itertools.pairwise(times)}
    assert gaps <= {1000 // steps, -(-1000 // steps)}


def test_euler_ancestral_equals_diffusers_exactly(schedule: Schedule) -> None:
    oracle = EulerAncestralDiscreteScheduler(**BETAS, timestep_spacing="linspace")
    oracle.set_timesteps(100)
    ladder = schedule.sigmas(100)
    assert [m.t for m in ladder[:-1]] == oracle.timesteps.tolist()
    assert ladder[20].t == pytest.approx(797, abs=0.5)
    assert float(ladder[20].sigma) == pytest.approx(5.05, abs=0.005)
    mine, theirs = torch.Generator().manual_seed(3), torch.Generator().manual_seed(3)
    solver = EulerAncestral(mine)
    x = noise(1, 4, 8, 8) * oracle.sigmas[0]
    for now, after in itertools.pairwise(ladder):
        eps = noise(1, 4, 8, 8, seed=now.index)
        t = oracle.timesteps[now.index]
        assert torch.equal(solver.scale_model_input(x, now), oracle.scale_model_input(x, t))
        step = oracle.step(eps, t, x, generator=theirs)
        assert torch.equal(solver.pred_original_sample(x, eps, now), step.pred_original_sample)
        x = solver.step(x, eps, now, after)
        assert torch.equal(x, step.prev_sample)


@pytest.mark.filterwarnings("ignore:The `scale_model_input`:UserWarning")
@pytest.mark.parametrize("begin", [0, 25])
def test_lms_equals_diffusers(schedule: Schedule, begin: int) -> None:
    oracle = LMSDiscreteScheduler(**BETAS)
    oracle.set_timesteps(50)
    # A fresh scheduler on the rest of the ladder: begun part-way, diffusers' own weighs as if it
    # knew slopes from before.
    oracle.timesteps, oracle.sigmas = oracle.timesteps[begin:], oracle.sigmas[begin:]
    timesteps = schedule.sigmas(50)[begin:]
    if begin:
        assert float(timesteps[0].sigma) == pytest.approx(1.56, abs=0.005)
        assert timesteps[0].t == pytest.approx(489, abs=0.5)
    solver = LMS(timesteps)
    x = noise(2, 4, 8, 8) * timesteps[0].sigma
    for now, after in itertools.pairwise(timesteps):
        eps = noise(2, 4, 8, 8, seed=now.index)
        expected = oracle.step(eps, oracle.timesteps[now.index - begin], x).prev_sample
        x = solver.step(x, eps, now, after)
        torch.testing.assert_close(x, expected.float(), rtol=1e-4, atol=1e-4)


def test_dpm_solver_equals_diffusers(schedule: Schedule) -> None:
    """diffusers keeps x sqrt(alpha_bar), so latents are compared in that scale.

    38 steps fall on whole timesteps.
    """
    timesteps = schedule.sigmas(38)
    oracle = DPMSolverMultistepScheduler(**BETAS)
    oracle.set_timesteps(timesteps=[round(m.t) for m in timesteps[:-1]])
    solver = DPMSolver()
    x = noise(2, 4, 8, 8) * timesteps[0].sigma
    for now, after in itertools.pairwise(timesteps):
        eps = noise(2, 4, 8, 8, seed=now.index)
        theirs = oracle.step(eps, oracle.timesteps[now.index], x * now.alpha_bar**0.5).prev_sample
        x = solver.step(x, eps, now, after)
        torch.testing.assert_close(x * after.alpha_bar**0.5, theirs, rtol=1e-3, atol=1e-3)


def test_noising_and_the_clean_estimate_undo_each_other(schedule: Schedule) -> None:
    x0, eps = noise(1, 4, 8, 8), noise(1, 4, 8, 8, seed=1)
    generator = torch.Generator()
    cases: list[tuple[DDIM | EulerAncestral, Timestep]] = [
        (DDIM(), schedule.ddim(50)[10]),
        (EulerAncestral(generator), schedule.sigmas(50)[30]),
    ]
    for solver, timestep in cases:
        torch.testing.assert_close(
            solver.pred_original_sample(solver.add_noise(x0, eps, timestep), eps, timestep),
            x0,
            rtol=1e-4,
            atol=1e-4,
        )


def test_random_numbers_come_from_the_cpu_generator() -> None:
    a, b = (randn((1, 4, 3, 5), torch.Generator("cpu").manual_seed(11), "cpu") for _ in range(2))
    assert torch.equal(a, b)
    assert a.dtype == torch.float32
