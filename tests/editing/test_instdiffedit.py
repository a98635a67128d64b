"""InstDiffEdit: a whole edit, its counts, and the stock inpainting pipeline.

Self-check I2, and the choices between paper and code.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import LMSDiscreteScheduler, StableDiffusionInpaintPipeline
from diffusers.pipelines.stable_diffusion import pipeline_stable_diffusion_inpaint as stock
from torch import Tensor

from limn.editing import EditError, EditRequest, Models
from limn.editing.diffusion.attention import AverageMap
from limn.editing.diffusion.model import Model, Tally
from limn.editing.diffusion.sampling import denoise
from limn.editing.diffusion.schedule import LMS, Timestep, randn
from limn.editing.diffusion.tokens import read
from limn.editing.events import Mask, Step
from limn.editing.methods import inpainting, instdiffedit

from .conftest import drain, picture, watch
from .instdiffedit_edits import FEW, maps_of, run

# I4: the authors' functions


# From attention to a mask


# Guards and hints


# The procedure


def forced(value: bool | Tensor) -> Callable[..., instdiffedit.Region]:
    """A region whose mask is given."""

    def region(images: Tensor, *_: Any) -> instdiffedit.Region:
        mask = torch.full(images.shape[1:], value) if isinstance(value, bool) else value
        return instdiffedit.Region(mask.float(), mask, "star")

    return region


def originals(
    model: Model, image: Tensor, seed: int, steps: int, samples: int = 3
) -> Callable[[Timestep], Tensor]:
    """y at a timestep: the original with the edit's own noise."""
    z0 = model.scaling * model.encode(image)
    noise = randn((samples, *z0.shape[1:]), torch.Generator().manual_seed(seed), "cpu")
    return lambda timestep: z0 + timestep.sigma * noise


@torch.no_grad()
@pytest.mark.parametrize("literal", [False, True])
def test_outside_the_mask_the_latents_are_the_noised_original(
    models: Models, monkeypatch: pytest.MonkeyPatch, literal: bool
) -> None:
    mask = torch.zeros(16, 16, dtype=torch.bool)
    mask[3:9, 5:11] = True
    monkeypatch.setattr(instdiffedit, "region", forced(mask))
    loops = watch(monkeypatch, instdiffedit)
    run(models, mask_only=True, seed=3, parameters={"background_noise": "paper"} if literal else {})
    model = models.get("text-to-image")
    ladder = model.schedule.sigmas(8)
    y = originals(model, picture(), 3, 8)
    for latents, timestep in zip(loops[0].latents, ladder[5:], strict=True):
        there = y(ladder[timestep.index - 1] if literal else timestep)
        assert torch.equal(latents[..., ~mask], there[..., ~mask])
        assert not torch.allclose(latents[..., mask], there[..., mask], atol=1e-3)


@torch.no_grad()
def test_no_mask_returns_the_original_and_a_full_one_is_sdedit(
    models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = models.get("text-to-image").counting(Tally())
    ladder = model.schedule.sigmas(8)
    y = originals(model, picture(), 5, 8)
    loops = watch(monkeypatch, instdiffedit)
    monkeypatch.setattr(instdiffedit, "region", forced(False))
    run(models, mask_only=True, seed=5)
    for latents, timestep in zip(loops[0].latents, ladder[5:], strict=True):
        assert torch.equal(latents, y(timestep))
    monkeypatch.setattr(instdiffedit, "region", forced(True))
    run(models, mask_only=True, seed=5)

    solver = LMS(ladder[4:])
    text, null = model.embed("a red star"), model.embed("")

    def sdedit(x: Tensor, now: Timestep, _: Timestep) -> Tensor:
        from limn.editing.diffusion.model import Branch

        eps = model.predict(
            solver.scale_model_input(x, now), now.t, [Branch("null", null), Branch("text", text)]
        )
        return eps["null"] + 7.5 * (eps["text"] - eps["null"])

    plain = list(denoise(y(ladder[4]), ladder[4:], solver, sdedit))
    for ours, theirs in zip(loops[1].latents, plain, strict=True):
        torch.testing.assert_close(ours, theirs.latents, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("attention", "maps_a_step"), [("mean", [1, 2, 3, 4]), ("current", [1, 1, 1, 1])]
)
def test_p_is_computed_once_and_attention_is_the_running_mean_or_the_current(
    models: Models, monkeypatch: pytest.MonkeyPatch, attention: str, maps_a_step: list[int]
) -> None:
    calls: list[Tensor] = []
    reads: list[int] = []

    class Counted(AverageMap):
        @property
        def value(self) -> Tensor:
            reads.append(self._count)
            return super().value

    def position(images: Tensor, *gammas: float) -> Tensor:
        calls.append(images)
        return real(images, *gammas)

    real = instdiffedit.position
    monkeypatch.setattr(instdiffedit, "position", position)
    monkeypatch.setattr(instdiffedit, "AverageMap", Counted)
    run(models, mask_only=True, parameters={"attention": attention})
    assert len(calls) == 1
    sites = len(models.get("text-to-image").sites.at("cross", 1))  # the tiny model's semantic level
    assert reads == [sites * n for n in maps_a_step]


def test_the_counts_are_the_papers(models: Models) -> None:
    events, done = run(models, parameters={"steps": 50, "inpainting_steps": 50})
    assert (done.report.rows, done.report.forwards) == (250, 75)
    assert [e.count for e in events if isinstance(e, Step)] == [25] * 25 + [50] * 50


def test_mask_only_stops_before_inpainting_and_needs_no_inpainting_model(tiny_model: Path) -> None:
    from limn.editing import MissingVariant, load_models

    alone = load_models(tiny_model / "text-to-image")
    _, done = run(alone, mask_only=True, parameters={"steps": 50})
    assert (done.report.rows, done.report.forwards) == (150, 25)
    assert torch.equal(done.image, picture())
    assert bool(done.mask.binary.any())
    with pytest.raises(MissingVariant, match="inpainting"):
        run(alone)


def test_masks_come_while_it_is_found_with_previews_that_show_the_original_outside(
    models: Models,
) -> None:
    events, done = run(models, parameters={"steps": 24})
    masks = [e for e in events if isinstance(e, Mask)]
    assert len(masks) == 4  # steps 1, 6, 11 of 12, and the last
    assert torch.equal(masks[-1].soft, done.mask.soft)
    preview = next(e for e in events if isinstance(e, Step)).preview()
    assert preview.shape == (1, 3, 64, 64)
    assert bool(preview.isfinite().all())


def test_the_same_seed_gives_the_same_bytes_and_pixels_outside_stay(models: Models) -> None:
    image = picture(80, 112)
    limit = torch.zeros(1, 1, 80, 112)
    limit[..., 20:60, 30:80] = 1
    limit[..., 40:60, 30:80] = 0.5
    first, second = (
        run(models, image=image, hint=limit, hint_mode="limit", seed=9)[1] for _ in range(2)
    )
    assert torch.equal(first.image, second.image)
    outside = (first.alpha == 0).expand_as(image)
    assert torch.equal(first.image[outside], image[outside])
    assert bool((first.alpha <= limit).all())
    assert not torch.equal(first.image, image)
    assert not torch.equal(
        first.image, run(models, image=image, hint=limit, hint_mode="limit", seed=10)[1].image
    )


def test_several_items_run_one_after_another_on_the_result(
    models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Tensor] = []
    real = instdiffedit.find

    def find(task: Any, model: Any, image: Tensor, *rest: Any) -> Any:
        given.append(image)
        return real(task, model, image, *rest)

    monkeypatch.setattr(instdiffedit, "find", find)
    _, done = run(models, "replace the cat with a dog; remove the red hat")
    assert (done.report.rows, done.report.forwards) == (2 * (4 * 6 + 4 * 2), 2 * (4 + 4))
    assert [p.instruction for p in done.mask.parts] == [
        "replace the cat with a dog",
        "remove the red hat",
    ]
    assert done.report.understood == {
        "find 1": "a dog",
        "paint 1": "a dog",
        "find 2": "red hat",
        "paint 2": "background",
    }
    assert bool((done.mask.soft >= torch.maximum(*(p.soft for p in done.mask.parts)) - 1e-5).all())
    assert torch.equal(given[0], picture())
    changed = (given[1] != given[0]).any(1, keepdim=True)
    assert bool(changed.any())


@pytest.mark.parametrize(
    ("instruction", "caption", "find", "paint"),
    [
        ("cat => dog", "", "dog", "dog"),
        (
            "remove the hat",
            "a cat with a hat on a red background",
            "hat",
            "a cat on a red background",
        ),
        ("make the star blue", "", "a blue star", "a blue star"),
        ("star", "", "star", "star"),
    ],
)
def test_what_is_looked_for_and_what_is_painted(
    models: Models, instruction: str, caption: str, find: str, paint: str
) -> None:
    _, done = run(models, instruction, caption=caption, mask_only=True)
    assert done.report.understood == {"find": find, "paint": paint}
    assert done.report.keywords[0] in find.split()


@torch.no_grad()
def test_a_prompt_of_one_word_takes_its_own_map(models: Models) -> None:
    model = models.get("text-to-image")
    prompt = read(model.tokenizer, "star")
    images = instdiffedit.word_images(maps_of(model, "star"), prompt, (16, 16))
    assert len(images) == 3
    where = instdiffedit.region(images, instdiffedit.position(images), "star", 0.2, None, None)
    soft, mask = instdiffedit.finish(images[1], 0.2)
    assert torch.equal(where.mask, mask)
    assert torch.equal(where.soft, soft)


def test_a_text_too_long_is_refused_before_any_step(models: Models) -> None:
    with pytest.raises(EditError, match="limit is reached"):
        run(models, "replace the cat with " + "unspeakable " * 12)


@torch.no_grad()
def test_inpainting_equals_the_stock_pipeline(
    models: Models, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the stock pipeline's LMS in place of DPM-Solver++.

    And the posterior's mode in place of a sample.
    """
    model = models.get("inpainting")
    image = picture()
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., 8:40, 24:56] = 1
    pipe = StableDiffusionInpaintPipeline.from_pretrained(
        tiny_model / "inpainting", low_cpu_mem_usage=False
    )
    pipe.scheduler = LMSDiscreteScheduler.from_config(
        pipe.scheduler.config, timestep_spacing="linspace", steps_offset=0
    )
    pipe.set_progress_bar_config(disable=True)
    monkeypatch.setattr(
        stock,
        "retrieve_latents",
        lambda output, generator=None, sample_mode="": output.latent_dist.mode(),
    )
    noise = randn((1, 4, 16, 16), torch.Generator().manual_seed(7), "cpu")
    theirs = pipe(
        "a red star",
        image=image,
        mask_image=mask,
        height=64,
        width=64,
        strength=1.0,
        num_inference_steps=12,
        guidance_scale=7.5,
        latents=noise,
        output_type="pt",
    ).images

    monkeypatch.setattr(inpainting, "DPMSolver", lambda: LMS(model.schedule.sigmas(12)))
    request = EditRequest("instdiffedit", "a red star", image, seed=7)
    events = inpainting.inpaint(
        task_of(models, request),
        model,
        image,
        "a red star",
        mask,
        count=12,
        weight=7.5,
    )
    _, ours = drain(events)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=2e-3)


def task_of(models: Models, request: EditRequest) -> Any:
    """A task as edit() makes it, for a picture of the working size."""
    from limn.editing.frame import Frame
    from limn.editing.language.instruction import parse
    from limn.editing.store import EditCache
    from limn.editing.task import Task

    generator = torch.Generator().manual_seed(request.seed)
    size = (request.image.shape[2], request.image.shape[3])
    frame = Frame(size, (0, 0, *size), size)
    return Task(
        request,
        parse(request.instruction),
        None,
        request.image,
        None,
        frame,
        generator,
        EditCache(None),
        Tally(),
        models,
    )


def test_the_mask_is_painted_from_pure_noise_even_in_the_fewest_steps(models: Models) -> None:
    """A ladder of one step starts at t = 0: it is refused. Two start at t = 999."""
    least = next(
        p.minimum for p in instdiffedit.ALGORITHM.parameters if p.name == "inpainting_steps"
    )
    assert least is not None and models.get("inpainting").schedule.sigmas(int(least))[0].t == 999
    with pytest.raises(EditError) as caught:
        run(models, parameters={**FEW, "inpainting_steps": 1})
    assert caught.value.code == "bad-parameter"
