"""Self-checks F1 to F4 (tests/README.md), the counts, the hints.

And FoI's choices where the paper leaves them open.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import EulerAncestralDiscreteScheduler, StableDiffusionInstructPix2PixPipeline
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from limn.editing import EditError, EditRequest, Models, edit
from limn.editing.diffusion.model import Model, Tally
from limn.editing.diffusion.schedule import EulerAncestral, randn
from limn.editing.events import Done, Mask, Step
from limn.editing.language.instruction import parse
from limn.editing.methods import foi
from limn.editing.methods.baselines import ip2p

from .conftest import Loop, Memory, picture, watch

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

GOLDEN = np.load(Path(__file__).parent / "golden" / "spec_foi.npz")
FEW = {"steps": 10}  # 8 of them run, 6 of those disentangled


def golden(name: str) -> Tensor:
    return torch.from_numpy(np.asarray(GOLDEN[name]))


def close(a: Tensor, b: Tensor) -> None:
    torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


# Eq. 2 and 8


@pytest.mark.parametrize("k", range(4))
def test_eq_2_equals_the_vectors(k: int) -> None:
    smoothed = foi.smooth(golden(f"m{k}_attention"))
    close(smoothed, golden(f"m{k}_smoothed"))
    for gamma in (1, 2, 3):
        sharp = foi.sharpen(smoothed, gamma)
        close(sharp, golden(f"m{k}_sharp_gamma{gamma}"))
        close(
            sharp, foi.sharpen(smoothed, 1) ** (2 ** (gamma - 1))
        )  # the later normalisations do nothing
    for percent in (40, 55, 70):
        assert torch.equal(
            foi.sharpen(smoothed, 3) >= percent / 100, golden(f"m{k}_mask_tau{percent}")
        )


@given(st.integers(0, 10**6), st.floats(1e-3, 1e3), st.sampled_from([(16, 16), (12, 20), (3, 4)]))
def test_eq_2_is_scale_free_and_shrinks_with_tau_and_gamma(
    seed: int, factor: float, size: tuple[int, int]
) -> None:
    a = torch.rand(size, generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(
        foi.sharpen(foi.smooth(a), 2), foi.sharpen(foi.smooth(a * factor), 2), rtol=1e-3, atol=1e-3
    )
    sharp = [foi.sharpen(foi.smooth(a), gamma) for gamma in (1, 2, 3)]
    for looser, tighter in itertools.pairwise(sharp):
        assert bool((tighter <= looser).all())
    for low, high in ((0.2, 0.4), (0.4, 0.7)):
        assert bool(((sharp[2] >= low) | ~(sharp[2] >= high)).all())


def blob(size: int = 16, width: float = 3.0) -> Tensor:
    """One round peak in the middle of a size x size map."""
    line = torch.exp(-((torch.arange(size) - size / 2 + 0.5) ** 2) / (2 * width**2))
    return line[:, None] * line


def test_a_mask_that_is_too_small_is_taken_again_with_a_smaller_gamma() -> None:
    assert foi.region(blob(width=4.0), 3, 0.4, None, None, False).gamma == 3
    narrow = foi.region(blob(width=0.5), 3, 0.4, None, None, False)
    assert narrow.gamma == 1
    assert bool(narrow.mask.any())


def test_a_constant_map_yields_the_hint_or_everything() -> None:
    flat = torch.full((8, 8), 0.3)
    assert bool(foi.region(flat, 3, 0.4, None, None, False).mask.all())
    hint = torch.zeros(8, 8)
    hint[2:4, 2:4] = 1
    for guide, limit in ((hint, None), (None, hint)):
        where = foi.region(flat, 3, 0.4, guide, limit, False)
        assert torch.equal(where.mask, hint > 0)
        assert where.gamma == 0


def test_a_limit_holds_a_global_instruction_whose_map_is_constant_a_guide_does_not() -> None:
    flat, hint = torch.full((8, 8), 0.3), torch.zeros(8, 8)
    hint[2:4, 2:4] = 1
    assert torch.equal(foi.region(flat, 3, 0.4, None, hint, True).mask, hint > 0)
    assert bool(foi.region(flat, 3, 0.4, hint, None, True).mask.all())


@pytest.mark.parametrize(
    ("grid", "floor"), [((16, 16), 6), ((2, 24), 4), ((8, 8), 4), ((24, 24), 12)]
)
def test_a_mask_is_taken_at_the_largest_gamma_that_leaves_the_least_number_of_positions(
    grid: tuple[int, int], floor: int
) -> None:
    """2% of the positions, and at least four. Random maps of every sharpness."""
    small, smallest = set(), set()
    for seed in range(200):
        attention = torch.rand(grid, generator=torch.Generator().manual_seed(seed)) ** (
            1 + seed % 7
        )
        left = {
            gamma: int((foi.sharpen(foi.smooth(attention), gamma) >= 0.4).sum())
            for gamma in (3, 2, 1)
        }
        gamma = next((gamma for gamma, positions in left.items() if positions >= floor), 1)
        assert foi.region(attention, 3, 0.4, None, None, False).gamma == gamma
        small |= {left[3]} if gamma < 3 else set()
        smallest |= {left[3]} if gamma == 3 else set()
    assert (max(small), min(smallest)) == (floor - 1, floor)


def test_a_global_instruction_with_a_degenerate_mask_acts_everywhere() -> None:
    speck = torch.zeros(16, 16)
    speck[3, 3] = 1.0
    assert not bool(foi.region(speck, 3, 0.9, None, None, False).mask.all())
    assert bool(foi.region(speck, 3, 0.9, None, None, True).mask.all())


def test_guide_is_a_prior_and_limit_a_wall() -> None:
    two = torch.zeros(16, 16)
    two[2:6, 2:6], two[10:14, 10:14] = 1.0, 1.0
    hint = torch.zeros(16, 16)
    hint[:8, :8] = 1
    assert bool(foi.region(two, 1, 0.4, None, None, False).mask[10:14, 10:14].any())
    guided = foi.region(two, 1, 0.4, hint, None, False).mask
    assert bool(guided[3:5, 3:5].all())
    assert not bool(guided[10:14, 10:14].any())
    beyond = torch.zeros(16, 16)
    beyond[10:14, 10:14] = 1.0
    assert bool(
        foi.region(beyond, 1, 0.4, hint, None, False).mask[11, 11]
    )  # a prior may be exceeded
    limited = foi.region(two, 1, 0.4, None, hint, False)
    assert not bool((limited.mask & (hint == 0)).any())
    assert float(limited.soft[hint == 0].max()) == 0
    assert torch.equal(
        foi.region(beyond, 1, 0.4, None, hint, False).mask, hint > 0
    )  # nothing left: the hint itself


# Eq. 3 to 7


@pytest.mark.parametrize("case", ["default", "strongB", "late", "alpha0"])
def test_eq_3_to_7_equal_the_vectors(case: str) -> None:
    x, y, masks = golden("mod_X"), golden("mod_Y"), golden("mod_M").float()
    alpha, t = golden(f"mod_{case}_alpha"), float(GOLDEN[f"mod_{case}_t"])
    close(foi.lift(x, alpha, t), golden(f"mod_{case}_delta"))
    close(
        foi.modulate(x, y, masks, alpha, t, int(GOLDEN["mod_head_dim"]) ** -0.5),
        golden(f"mod_{case}_attention"),
    )


@given(st.integers(0, 10**6), st.floats(0, 1), st.floats(0, 10))
def test_the_lift_is_never_negative_and_0_at_the_maximum(
    seed: int, t: float, strength: float
) -> None:
    generator = torch.Generator().manual_seed(seed)
    x, y = torch.randn(2, 3, 9, 7, generator=generator).unbind(0)
    alpha = strength * torch.rand(7, generator=generator)
    lift = foi.lift(x, alpha, t)
    assert bool((lift >= 0).all())
    assert float(lift.gather(-1, x.argmax(-1, keepdim=True)).abs().max()) == 0
    assert float(foi.lift(x, alpha, 0.0).abs().max()) == 0
    masks = (torch.rand(9, 7, generator=generator) > 0.5).float()
    torch.testing.assert_close(foi.modulate(x, y, masks, alpha, t, 0.3).sum(-1), torch.ones(3, 9))


def test_the_limits_of_the_mask_are_the_two_branches() -> None:
    x, y = torch.randn(2, 3, 9, 7, generator=torch.Generator().manual_seed(0)).unbind(0)
    none = torch.zeros(7)
    assert torch.equal(
        foi.modulate(x, y, torch.ones(9, 7), none, 0.8, 0.3), torch.softmax(x * 0.3, -1)
    )
    assert torch.equal(
        foi.modulate(x, y, torch.zeros(9, 7), torch.ones(7), 0.8, 0.3), torch.softmax(y * 0.3, -1)
    )


@torch.no_grad()
def test_only_the_text_branch_differs_from_the_unmodulated_forward(models: Models) -> None:
    model = models.get("instruction").counting(Tally())
    z0, branches = foi.conditions(model, picture(), "make the star blue")
    plain = model.predict(z0, 600.0, branches)
    masks = {
        level: torch.zeros(int(np.prod(model.sites.grid((16, 16), level))), 77) for level in (0, 1)
    }
    taps = dict.fromkeys(model.sites.at("cross"), foi.modulation(masks, torch.zeros(77), 0.6))
    modulated = model.predict(z0, 600.0, branches, taps)
    assert torch.equal(modulated["image"], plain["image"])
    assert torch.equal(modulated["null"], plain["null"])
    assert not torch.allclose(modulated["text"], plain["text"], atol=1e-5)


def test_tokens_of_a_part_take_its_mask_and_all_others_the_union(models: Models) -> None:
    model = models.get("instruction")
    prompt, parts = foi.read(parse("make the star blue; remove the [cup:2]").items, model)
    assert prompt == "make the star blue, remove the cup"
    assert [p.strength for p in parts] == [1.0, 2.0]
    assert [p.keyword for p in parts] == ["star", "cup"]
    tokens = model.tokenizer(prompt).input_ids
    words = [model.tokenizer.decode([tokens[i]]).strip() for i in parts[0].tokens]
    assert words == ["make", "the", "star", "blue"]
    assert [model.tokenizer.decode([tokens[i]]).strip() for i in parts[0].keyword_tokens] == [
        "star"
    ]
    left, right = torch.zeros(8, 8, dtype=torch.bool), torch.zeros(8, 8, dtype=torch.bool)
    left[:, :2], right[:, 6:] = True, True
    regions = [foi.Region(m.float(), m, 3) for m in (left, right)]
    for size in ((16, 16), (8, 8), (4, 4), (3, 5)):
        masks = foi.token_masks(parts, regions, size, 77).reshape(*size, 77)
        for part, column in zip(parts, (0, -1), strict=True):
            inside = masks[..., list(part.tokens)]
            assert bool((inside[:, column] == 1).all())
            assert bool((inside[:, -1 - column] == 0).all())
        others = [i for i in range(77) if i not in parts[0].tokens + parts[1].tokens]
        assert 0 in others
        assert bool(
            (
                masks[..., others]
                == torch.maximum(masks[..., parts[0].tokens[0]], masks[..., parts[1].tokens[0]])[
                    ..., None
                ]
            ).all()
        )


def test_a_mask_of_one_cell_survives_at_every_level() -> None:
    part = foi.Part("x", "x", 1.0, False, (1,), (1,))
    cell = torch.zeros(16, 16, dtype=torch.bool)
    cell[5, 9] = True
    for size in ((64, 64), (32, 32), (16, 16), (8, 8)):
        column = foi.token_masks([part], [foi.Region(cell.float(), cell, 3)], size, 3)[:, 1]
        assert column.sum() == max(1, (size[0] // 16) ** 2)


# Eq. 1 and 9


def test_eq_9_equals_the_vectors() -> None:
    eps = [golden(f"eps_{name}") for name in ("text", "image", "uncond")]
    close(foi.guidance(*eps, 7.5, 1.5, golden("union_latent").float()), golden("eps_out"))


# The procedure


class PartWay(EulerAncestralDiscreteScheduler):
    """The stock scheduler, begun after the first fifth of its steps from latents that already hold
    their noise.
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
    """Every latent of diffusers' own pipeline, started at the same step with the same generator."""
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


def run(
    models: Models,
    image: Tensor,
    instruction: str = "make the star blue",
    algorithm: str = "foi",
    **options: object,
) -> Done:
    parameters = {**FEW, **options.pop("parameters", {})}  # type: ignore[dict-item]
    *_, last = edit(
        models, EditRequest(algorithm, instruction, image, parameters=parameters, **options)
    )  # type: ignore[arg-type]
    assert isinstance(last, Done)
    return last


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
        parameters={"steps": 20, "strength": 0.0},
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


def test_a_prompt_that_is_too_long_names_the_instruction_that_no_longer_fits(
    models: Models,
) -> None:
    text = "; ".join(["make the star blue", *["make the xylophone orange"] * 7])
    with pytest.raises(EditError, match="xylophone") as error:
        run(models, picture(), text)
    assert error.value.code == "text-too-long"


def test_without_a_keyword_a_content_word_is_taken(models: Models) -> None:
    _, (part,) = foi.read(parse("make these blue").items, models.get("instruction"))
    assert part.keyword == "" and set(part.content) < set(part.tokens)
    blue, maps = part.content[-1], torch.full((77, 8, 8), 0.1)
    maps[blue, 2, 2] = 1.0
    for pronoun in set(part.tokens) - set(part.content):
        maps[pronoun, 5, 5] = 10.0
    assert torch.equal(foi.keyword_map(maps, part), maps[blue])


def test_without_a_keyword_the_token_with_the_sharpest_map_is_taken() -> None:
    maps = torch.full((77, 8, 8), 0.1)
    maps[3, 2, 2] = 1.0
    part = foi.Part("what", "", 1.0, False, (2, 3, 4), ())
    assert torch.equal(foi.keyword_map(maps, part), maps[3])


def test_what_is_spared_is_the_complement_of_its_mask_and_an_edge() -> None:
    attention = torch.zeros(16, 16)
    attention[4:9, 4:9] = torch.rand(5, 5, generator=torch.Generator().manual_seed(0)) + 1
    for tau in (0.2, 0.4, 0.7):
        thing = foi.region(attention, 1, tau, None, None, False)
        rest = foi.region(attention, 1, tau, None, None, False, outside=True)
        near = torch.nn.functional.max_pool2d(thing.mask.float()[None], 3, 1, 1)[0] > 0
        assert torch.equal(rest.mask, ~near)
        assert (
            torch.equal(rest.soft >= tau, rest.mask)
            and 0 <= rest.soft.min() <= rest.soft.max() <= 1
        )
        limit = torch.zeros(16, 16)
        limit[:, :6] = 1
        held = foi.region(attention, 1, tau, None, limit, False, outside=True)
        assert torch.equal(held.mask, ~near & (limit > 0))


def test_an_exception_is_read_with_what_it_spares(models: Models) -> None:
    words = "make everything blue except the star"
    (part,) = foi.read(parse(words).items, models.get("instruction"))[1]
    assert (part.keyword, part.outside, part.everywhere) == ("star", True, False)
    last = list(edit(models, EditRequest("foi", words, picture(), parameters=FEW)))[-1]
    assert isinstance(last, Done) and last.report.keywords == ("star",)


def test_a_sentence_that_was_not_read_takes_the_word_that_is_looked_at(models: Models) -> None:
    request = EditRequest("foi", "rotate the star", picture(), parameters={"steps": 4})
    last = list(edit(models, request))[-1]
    assert isinstance(last, Done)
    (keyword,) = last.report.keywords
    assert keyword in ("rotate", "star")
    assert any("Not sure" in warning for warning in last.report.warnings)
    assert f"{keyword!r} was taken for the thing to change." in last.report.warnings


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
