"""FoI's equations, against independent vectors, and its masks.

Self-checks F3 and F4."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from limn.editing import Models
from limn.editing.diffusion.model import Tally
from limn.editing.language.instruction import parse
from limn.editing.methods import foi

from .conftest import picture

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


GOLDEN = np.load(Path(__file__).parent / "golden" / "spec_foi.npz")


def golden(name: str) -> Tensor:
    return torch.from_numpy(np.asarray(GOLDEN[name]))


def close(a: Tensor, b: Tensor) -> None:
    torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


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


def test_eq_9_equals_the_vectors() -> None:
    eps = [golden(f"eps_{name}") for name in ("text", "image", "uncond")]
    close(foi.guidance(*eps, 7.5, 1.5, golden("union_latent").float()), golden("eps_out"))
