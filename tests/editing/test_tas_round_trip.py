"""TAS back to the picture that it came from, by each inversion.

Self-checks T1 and T4."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from limn.editing import Models
from limn.editing.diffusion.inversion import Trajectory, invert, null_text
from limn.editing.diffusion.model import Branch, Model, Tally
from limn.editing.diffusion.sampling import classifier_free, denoise
from limn.editing.diffusion.schedule import DDIM, Timestep, randn
from limn.editing.methods import tas

from .conftest import Memory, drain, picture, watch
from .tas_edits import CAPTION, rms, run


@pytest.fixture
def model(models: Models) -> Model:
    return models.get("text-to-image").counting(Tally())


def test_ratio_1_pinned_is_the_round_trip_exactly(models: Models) -> None:
    _, done = run(models, parameters={"ratio": 1.0})
    assert (
        float(done.mask.soft.max()) == 0
    )  # the decoded edit equals the decoded original, bit for bit
    assert float(done.alpha.max()) == 0
    assert torch.equal(done.image, picture())
    assert any("Nothing changed" in w for w in done.report.warnings)


@torch.no_grad()
@pytest.mark.parametrize("source", ["nothing", "caption"])
def test_ratio_1_of_ddim_is_its_inversion_there_and_back(
    models: Models, monkeypatch: pytest.MonkeyPatch, gentle: None, source: str
) -> None:
    loops = watch(monkeypatch, tas)
    run(models, parameters={"steps": 5, "ratio": 1.0, "inversion": "ddim", "source": source})
    model = models.get("text-to-image")
    z0 = model.scaling * model.encode(picture())
    text = model.embed("" if source == "nothing" else CAPTION)
    timesteps = model.schedule.ddim(5)
    _, trajectory = drain(invert(model, z0, text, timesteps))
    _, back = drain(
        denoise(
            trajectory.noisiest,
            timesteps,
            DDIM(),
            lambda z, now, _: model.predict(z, now.t, [Branch("a", text)])["a"],
        )
    )
    _, _, steps = loops[0]
    torch.testing.assert_close(steps[-1].latents, back, rtol=1e-4, atol=1e-5)
    assert rms(back - z0) < 0.1 * rms(z0)


@torch.no_grad()
@pytest.mark.parametrize("source", ["nothing", "caption"])
def test_ratio_1_of_null_text_ends_where_its_optimisation_did(
    models: Models, monkeypatch: pytest.MonkeyPatch, gentle: None, source: str
) -> None:
    loops = watch(monkeypatch, tas)
    store = Memory()
    run(
        models,
        store=store,
        parameters={"steps": 5, "ratio": 1.0, "inversion": "null-text", "source": source},
    )
    model = models.get("text-to-image")
    text, null = model.embed("" if source == "nothing" else CAPTION), model.embed("")
    timesteps = model.schedule.ddim(5)
    trajectory = next(v for v in store.values() if isinstance(v, Trajectory))
    seen, _ = drain(null_text(model, trajectory, text, null, timesteps, 7.5))
    _, _, steps = loops[0]
    torch.testing.assert_close(steps[-1].latents, seen[-1].latents, rtol=1e-3, atol=1e-4)

    def guided(z: Tensor, now: Timestep, _: Timestep) -> Tensor:
        eps = model.predict(z, now.t, [Branch("null", null), Branch("text", text)])
        return classifier_free(eps["null"], eps["text"], 7.5)

    _, plain = drain(denoise(trajectory.noisiest, timesteps, DDIM(), guided))
    z0 = trajectory.at(timesteps[-1])
    assert rms(steps[-1].latents - z0) <= rms(plain - z0) * 1.001


def test_null_texts_loss_never_ends_above_its_start(model: Model) -> None:
    timesteps = model.schedule.ddim(6)
    text, null, guidance = model.embed(CAPTION), model.embed(""), 7.5
    with torch.no_grad():
        _, trajectory = drain(
            invert(
                model,
                randn((1, 4, 16, 16), torch.Generator().manual_seed(1), "cpu"),
                text,
                timesteps,
            )
        )
    seen, nulls = drain(null_text(model, trajectory, text, null, timesteps, guidance))
    z, before = trajectory.noisiest, null
    with torch.no_grad():
        for progress, now, after in zip(seen, timesteps, timesteps[1:], strict=False):

            def miss(
                embedding: Tensor, z: Tensor = z, now: Timestep = now, after: Timestep = after
            ) -> float:
                eps = model.predict(z, now.t, [Branch("null", embedding), Branch("text", text)])
                landed = DDIM().step(
                    z, classifier_free(eps["null"], eps["text"], guidance), now, after
                )
                return float((landed - trajectory.at(after)).square().mean())

            this = nulls[now.index][None]
            assert miss(this) <= miss(before) + 1e-9
            z, before = progress.latents, this


@pytest.mark.parametrize(("ratio", "kept"), [(0.0, 0), (0.1, 5), (0.2, 10), (0.4, 20), (1.0, 50)])
def test_k_counts_the_steps_that_retrace(ratio: float, kept: int) -> None:
    assert tas.kept_steps(ratio, 50) == kept
