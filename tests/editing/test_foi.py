"""FoI: a whole edit, its limits, its counts and what is kept.

Self-checks F1 and F2.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from diffusers import EulerAncestralDiscreteScheduler, StableDiffusionInstructPix2PixPipeline
from torch import Tensor

from limn.editing import EditRequest, Models, edit
from limn.editing.diffusion.model import Model
from limn.editing.diffusion.schedule import EulerAncestral, randn
from limn.editing.events import Done, Mask, Step
from limn.editing.language.instruction import parse
from limn.editing.methods import foi
from limn.editing.methods.baselines import ip2p

from .conftest import Loop, Memory, picture, watch
from .foi_edits import FEW, run

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


class PartWay(EulerAncestralDiscreteScheduler):
    """The stock scheduler, begun after the first fifth of its steps.

    From latents that already hold their noise.
    """

    def set_timesteps(self, num_inference_steps: int, device: object = None) -> None:
        super().set_timesteps(num_inference_steps, device)
        skipped = num_inference_steps - round(0.8 * num_inference_steps)
        self.timesteps, self.sigmas = self.timesteps[skipped:], self.sigmas[skipped:]

    @property
    def init_noise_sigma(self) -> float:
        return 1.0


def stock_latents(
    model: Model, folder: Path, prompt: str, image: Tensor, seed: int, steps: int
) -> list[Tensor]:
    """Every latent of diffusers' own pipeline.

    Started at the same step with the same generator.
    """
    pipe = StableDiffusionInstructPix2PixPipeline.from_pretrained(
        folder / "instruction", low_cpu_mem_usage=False
    )
    pipe.scheduler = PartWay.from_config(pipe.scheduler.config)
    pipe.set_progress_bar_config(disable=True)
    generator = torch.Generator().manual_seed(seed)
    first = model.schedule.sigmas(steps)[steps - round(0.8 * steps)]
    z0 = model.scaling * model.encode(image)
    start = EulerAncestral(generator).add_noise(z0, randn(z0.shape, generator, "cpu"), first)
    seen: list[Tensor] = []

    def keep(
        pipeline: object, index: int, t: object, kwargs: dict[str, Tensor]
    ) -> dict[str, Tensor]:
        seen.append(kwargs["latents"].clone())
        return kwargs

    pipe(
        prompt,
        image=image,
        num_inference_steps=steps,
        guidance_scale=7.5,
        image_guidance_scale=1.5,
        generator=generator,
        latents=start,
        output_type="latent",
        callback_on_step_end=keep,
    )
    return seen


@pytest.fixture
def loops(monkeypatch: pytest.MonkeyPatch) -> list[Loop]:
    """The loops that run in the test, of FoI and of InstructPix2Pix."""
    return watch(monkeypatch, foi, ip2p)


def everywhere(value: float):  # type: ignore[no-untyped-def]
    """A stand-in for `region` that fixes the mask."""
    return lambda a, *_: foi.Region(torch.full_like(a, value), torch.full_like(a, value) > 0, 3)


def test_ip2p_equals_the_stock_pipeline_exactly(
    models: Models, tiny_model: Path, loops: list[Loop]
) -> None:
    image = picture()
    expected = stock_latents(
        models.get("instruction"), tiny_model, "make the star blue", image, 5, 10
    )
    run(models, image, algorithm="ip2p", seed=5, parameters={"start": 0.8})
    assert len(loops[0].latents) == len(expected) == 8
    for mine, theirs in zip(loops[0].latents, expected, strict=True):
        assert torch.equal(mine, theirs)


def test_masks_of_one_without_strength_are_the_stock_pipeline(
    models: Models, tiny_model: Path, loops: list[Loop], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foi, "region", everywhere(1.0))
    image = picture()
    expected = stock_latents(
        models.get("instruction"), tiny_model, "make the star blue, remove the cup", image, 7, 20
    )
    run(
        models,
        image,
        "make the star blue; remove the cup",
        seed=7,
        parameters={"steps": 20, "strength": 0.0, "strength_acts": "attention"},
    )
    assert len(loops[0].latents) == len(expected) == 16
    for mine, theirs in zip(loops[0].latents, expected, strict=True):
        torch.testing.assert_close(
            mine, theirs, rtol=1e-4, atol=1e-4
        )  # the only difference: softmax written out, or fused


def test_masks_of_zero_are_image_guidance_alone_until_the_last_quarter(
    models: Models, loops: list[Loop], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foi, "region", everywhere(0.0))
    image = picture()
    run(models, image, seed=3, parameters={"steps": 20})
    run(
        models,
        image,
        algorithm="ip2p",
        seed=3,
        parameters={"steps": 20, "start": 0.8, "text_guidance": 0.0},
    )
    for i, (a, b) in enumerate(zip(loops[0].latents, loops[1].latents, strict=True)):
        assert torch.allclose(a, b, rtol=1e-4, atol=1e-4) == (i < 12), i


def test_without_modulation_and_disentangling_it_is_instructpix2pix(
    models: Models, loops: list[Loop]
) -> None:
    run(models, picture(), seed=3, parameters={"modulated": 0.0, "disentangled": 0.0})
    run(models, picture(), algorithm="ip2p", seed=3, parameters={"start": 0.8})
    for mine, plain in zip(loops[0].latents, loops[1].latents, strict=True):
        torch.testing.assert_close(mine, plain, rtol=1e-4, atol=1e-4)
    run(models, picture(), seed=3, parameters={"modulated": 0.5, "disentangled": 0.0})
    pairs = zip(loops[0].latents, loops[2].latents, strict=True)
    moved = [not torch.allclose(a, b, atol=1e-4) for a, b in pairs]
    assert not moved[0] and all(moved[1:])


@pytest.mark.parametrize("step", [3, 400])
def test_until_its_step_comes_the_edit_has_no_mask(
    models: Models, loops: list[Loop], step: int
) -> None:
    """And costs what it costs at the first; a step beyond the last is the last."""
    done = run(models, picture(), seed=3, parameters={"mask_step": step})
    run(models, picture(), algorithm="ip2p", seed=3, parameters={"start": 0.8})
    assert (done.report.forwards, done.report.rows) == (8, 24)
    before, masked, plain = (loop.latents for loop in loops)
    assert (len(before), len(masked)) == ((3, 5) if step == 3 else (7, 1))
    for mine, theirs in zip(before, plain, strict=False):
        assert torch.equal(mine, theirs)


@pytest.mark.parametrize(
    ("instruction", "steps", "forwards"),
    [
        ("make the star blue, remove the cup; add a hat to the man; make the cat red", 100, 80),
        ("make the star blue", 10, 8),
        ("make the star blue, remove the cup", 10, 8),
    ],
)
def test_80_forwards_and_240_rows_whatever_the_number_of_instructions(
    models: Models, instruction: str, steps: int, forwards: int
) -> None:
    report = run(models, picture(), instruction, parameters={"steps": steps}).report
    assert (report.forwards, report.rows) == (forwards, 3 * forwards)
    assert len(report.keywords) == len(parse(instruction).items)


def test_the_mask_alone_costs_one_row(models: Models) -> None:
    image = picture()
    done = run(models, image, mask_only=True)
    assert (done.report.forwards, done.report.rows) == (1, 1)
    assert torch.equal(done.image, image)
    full = run(models, image)
    torch.testing.assert_close(done.mask.soft, full.mask.soft, rtol=1e-3, atol=1e-3)


def test_mask_samples_cost_three_rows_each_once(models: Models) -> None:
    report = run(models, picture(), parameters={"mask_samples": 4}).report
    assert (report.forwards, report.rows) == (8, 8 * 3 + 9)


def test_masks_by_instruction_and_their_union(models: Models) -> None:
    done = run(models, picture(64, 96), "make the star blue, remove the cup")
    assert [p.keyword for p in done.mask.parts] == ["star", "cup"]
    assert [p.instruction for p in done.mask.parts] == ["make the star blue", "remove the cup"]
    for part in done.mask.parts:
        assert part.soft.shape == part.binary.shape == (1, 1, 64, 96)
        assert set(part.binary.unique().tolist()) <= {0.0, 1.0}
    torch.testing.assert_close(
        done.mask.soft,
        torch.maximum(done.mask.parts[0].soft, done.mask.parts[1].soft),
        atol=0.26,
        rtol=0,
    )


def test_steps_come_with_previews_and_the_mask_before_them(models: Models) -> None:
    events = list(
        edit(models, EditRequest("foi", "make the star blue", picture(48, 80), parameters=FEW))
    )
    kinds = [type(e) for e in events]
    assert kinds.index(Mask) < kinds.index(Step)
    steps = [e for e in events if isinstance(e, Step)]
    assert [(s.stage, s.index, s.count) for s in steps] == [
        ("denoising", i, 8) for i in range(1, 9)
    ]
    preview = steps[3].preview()
    assert preview.shape[:2] == (1, 3)
    assert float(preview.min()) >= 0
    assert float(preview.max()) <= 1


@pytest.mark.parametrize("algorithm", ["foi", "ip2p"])
def test_half_a_step_is_one_step(models: Models, algorithm: str) -> None:
    """5% of 10 steps, which used to run none."""
    request = EditRequest(
        algorithm, "make the star blue", picture(), parameters={"steps": 10, "start": 0.05}
    )
    *events, last = edit(models, request)
    assert [(e.index, e.count) for e in events if isinstance(e, Step)] == [(1, 1)]
    assert isinstance(last, Done) and (last.report.forwards, last.report.rows) == (1, 3)


def test_a_keyword_strength_changes_the_edit(models: Models) -> None:
    a, b = (run(models, picture(), f"make the [star:{n}] blue", seed=1) for n in (0, 10))
    assert torch.equal(a.mask.soft, b.mask.soft)
    assert not torch.equal(a.image, b.image)


def test_other_parameters_start_from_the_first_step_that_was_kept(models: Models) -> None:
    """Bit by bit as without it; a mask with another threshold costs nothing."""
    store = Memory()

    def report(mask_only: bool = False, kept: Memory | None = store, **parameters: float) -> Done:
        request = EditRequest(
            "foi", "make the star blue", picture(), mask_only=mask_only, parameters=FEW | parameters
        )
        last = list(edit(models, request, kept))[-1]
        assert isinstance(last, Done)
        return last

    first = report()
    assert (first.report.rows, first.report.reused) == (3 * 8, ())
    other = report(tau=0.2, text_guidance=3.0)
    assert (other.report.rows, other.report.reused) == (3 * 7, ("first step",))
    alone = report(kept=None, tau=0.2, text_guidance=3.0)
    assert torch.equal(other.image, alone.image) and torch.equal(other.alpha, alone.alpha)
    looked = report(mask_only=True, tau=0.3)
    assert (looked.report.rows, looked.report.forwards) == (0, 0)
    fresh = Memory()
    assert report(mask_only=True, kept=fresh).report.rows == 1
    assert report(mask_only=True, kept=fresh, tau=0.3).report.rows == 0
    assert report(kept=fresh).report.rows == 3 * 8
